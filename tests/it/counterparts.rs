//! Channels against what they are for, none of it written here: Prometheus' Alertmanager, moto's SNS and EventBridge, and the
//! Python library of Standard Webhooks; and signing in at a provider, npm's `oidc-provider`.

mod alertmanager;
mod aws;
mod openid;
mod stage;
mod webhooks;
