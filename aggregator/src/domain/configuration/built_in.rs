//! What is there before anybody decides anything.

use overtime_wire::EpochMillis;

use super::{
    Versioned,
    channel::{Channel, ChannelKind},
    condition::{Condition, GroupLabel},
    subscription::{Severity, Subscription},
    text::{Id, Span},
};

/// The channel that exists while the environment names a webhook.
pub const ENVIRONMENT: &str = "environment";
/// The subscription that exists while the environment names a webhook.
pub const ANY_TIMEOUT: &str = "any-timeout";

/// The subscriptions written at the first start, once: few, and about what is worth being told. They name a channel that does not
/// exist before somebody makes it.
pub fn defaults() -> [Subscription; 3] {
    let channels = || vec![Id::known("default")];
    let new_offender = Condition::NewOffender { quiet_for: Span::from_hours(48) };
    let rate =
        Condition::TimeoutRate { percent: 5.0, window: Span::from_mins(5), min_invocations: 20 };
    let incident = Condition::FleetIncident {
        functions: 5,
        window: Span::from_mins(2),
        by: vec![GroupLabel::Account, GroupLabel::Region],
    };
    let named = |id, name| (Id::known(id), name);
    [
        Subscription {
            severity: Severity::Warning,
            ..Subscription::new(
                named("new-offender", "First timeout in two days"),
                new_offender,
                channels(),
            )
        },
        Subscription {
            severity: Severity::Error,
            ..Subscription::new(
                named("timeout-rate", "Many invocations time out"),
                rate,
                channels(),
            )
        },
        Subscription {
            severity: Severity::Critical,
            group_by: vec![GroupLabel::Account, GroupLabel::Region],
            ..Subscription::new(
                named("fleet-incident", "Many functions time out at once"),
                incident,
                channels(),
            )
        },
    ]
}

/// What exists while the environment names a webhook: whoever sets one wants to hear of everything, at once.
pub(super) fn environment() -> (Channel, Subscription) {
    let id = Id::known(ENVIRONMENT);
    let channel = Channel {
        id: id.clone(),
        name: "The webhook of the environment".to_owned(),
        enabled: true,
        kind: ChannelKind::Environment {},
        rate_limit: 0,
        fallback: None,
    };
    let named = (Id::known(ANY_TIMEOUT), "Any timeout");
    let subscription = Subscription {
        severity: Severity::Error,
        group_wait: Span::ZERO,
        repeat_interval: Span::ZERO,
        ..Subscription::new(named, Condition::AnyTimeout {}, vec![id])
    };
    (channel, subscription)
}

pub(super) fn versioned<T>(value: T) -> Versioned<T> {
    Versioned { value, version: 0, updated_at: EpochMillis(0), updated_by: ENVIRONMENT.to_owned() }
}
