//! Channels against what they are for, none of it written here: Prometheus' Alertmanager, moto's SNS and EventBridge, and the
//! Python library of Standard Webhooks.

mod alertmanager;
mod aws;
mod stage;
mod webhooks;
