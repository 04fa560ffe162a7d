//! Channels against what they are for, none of it written here: Prometheus' Alertmanager, moto's SNS and EventBridge, and the
//! Python library of Standard Webhooks; signing in at a provider, npm's `oidc-provider`; and what functions did, told to Rotel and read by
//! OpenTelemetry's Python classes.

mod alertmanager;
mod aws;
mod openid;
mod otlp;
mod stage;
mod webhooks;
