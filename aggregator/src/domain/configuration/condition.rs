//! What must be the case before somebody is told.

use serde::Serialize;

use super::{
    read::{Fields, Node},
    text::{Span, label_name, span},
};

/// What opens an alert. Written as an object with one field: `{"timeout_rate": {"percent": 5, "window": "5m"}}`.
///
/// Windows are whole minutes, up to an hour.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// A timeout.
    AnyTimeout {},
    /// So many timeouts within a window.
    TimeoutCount { count: u32, window: Span },
    /// So large a share of a window's invocations timed out, and there were enough to speak of a share.
    TimeoutRate { percent: f64, window: Span, min_invocations: u32 },
    /// Durations reach this share of the configured timeout.
    NearTimeout { ratio: f64, statistic: Statistic, window: Span, min_invocations: u32 },
    /// A timeout after none for so long.
    NewOffender { quiet_for: Span },
    /// So many timeouts in a row.
    Consecutive { count: u32, per: Per },
    /// So many functions that have something in common timed out within a window.
    FleetIncident { functions: u32, window: Span, by: Vec<GroupLabel> },
    /// A function that reported before has not for so long.
    NoSignal { after: Span },
}

/// Which duration is held against the timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    P50,
    P95,
    P99,
    Max,
}

/// In a row of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    Function,
    Sandbox,
}

/// By what alerts are put together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupLabel {
    Account,
    Region,
    Function,
    Subscription,
    /// The value of a tag, written `tag:KEY`.
    Tag(String),
}

const LABELS_MAX: usize = 10;
const COUNT_MAX: u32 = 1_000_000;
const WINDOW_MAX: Span = Span::from_hours(1);

impl std::str::FromStr for GroupLabel {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "account" => Ok(Self::Account),
            "region" => Ok(Self::Region),
            "function" => Ok(Self::Function),
            "subscription" => Ok(Self::Subscription),
            other => match other.strip_prefix("tag:") {
                Some(key) if label_name(key).is_ok() => Ok(Self::Tag(key.to_owned())),
                _ => Err("is none of account, region, function, subscription and tag:KEY"),
            },
        }
    }
}

impl std::fmt::Display for GroupLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Account => f.write_str("account"),
            Self::Region => f.write_str("region"),
            Self::Function => f.write_str("function"),
            Self::Subscription => f.write_str("subscription"),
            Self::Tag(key) => write!(f, "tag:{key}"),
        }
    }
}

impl Serialize for GroupLabel {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Statistic {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Max => "max",
        }
    }
}

impl Condition {
    /// What it is called where it is written.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AnyTimeout {} => "any_timeout",
            Self::TimeoutCount { .. } => "timeout_count",
            Self::TimeoutRate { .. } => "timeout_rate",
            Self::NearTimeout { .. } => "near_timeout",
            Self::NewOffender { .. } => "new_offender",
            Self::Consecutive { .. } => "consecutive",
            Self::FleetIncident { .. } => "fleet_incident",
            Self::NoSignal { .. } => "no_signal",
        }
    }

    /// The window that it adds up, if it does: of these, M of N minutes may be asked for.
    pub fn window(&self) -> Option<Span> {
        match self {
            Self::TimeoutCount { window, .. }
            | Self::TimeoutRate { window, .. }
            | Self::NearTimeout { window, .. } => Some(*window),
            Self::AnyTimeout {}
            | Self::NewOffender { .. }
            | Self::Consecutive { .. }
            | Self::FleetIncident { .. }
            | Self::NoSignal { .. } => None,
        }
    }

    /// Whether timeouts open it, which have causes.
    pub fn is_about_timeouts(&self) -> bool {
        match self {
            Self::AnyTimeout {}
            | Self::TimeoutCount { .. }
            | Self::TimeoutRate { .. }
            | Self::NewOffender { .. }
            | Self::Consecutive { .. }
            | Self::FleetIncident { .. } => true,
            Self::NearTimeout { .. } | Self::NoSignal { .. } => false,
        }
    }

    pub(super) fn read(node: Node<'_>) -> Option<Self> {
        let place = node.place();
        let (name, node) = node.variant()?;
        match name {
            "any_timeout" => node.object(|_| Some(Self::AnyTimeout {})),
            "timeout_count" => node.object(timeout_count),
            "timeout_rate" => node.object(timeout_rate),
            "near_timeout" => node.object(near_timeout),
            "new_offender" => node.object(|it| {
                let quiet_for = it.at("quiet_for").or(Span::from_hours(48), |it| {
                    span(it, Span::from_mins(10)..=Span::from_hours(30 * 24))
                });
                Some(Self::NewOffender { quiet_for: quiet_for? })
            }),
            "consecutive" => node.object(consecutive),
            "fleet_incident" => node.object(fleet_incident),
            "no_signal" => node.object(|it| {
                let after = span(it.at("after"), Span::from_mins(5)..=Span::from_hours(7 * 24));
                Some(Self::NoSignal { after: after? })
            }),
            _ => place.fault(
                "is none of any_timeout, timeout_count, timeout_rate, near_timeout, new_offender, \
                 consecutive, fleet_incident and no_signal",
            ),
        }
    }
}

fn timeout_count(fields: &mut Fields<'_>) -> Option<Condition> {
    let count = fields.at("count").number(1..=COUNT_MAX);
    let window = fields.at("window").or(Span::from_mins(5), minutes);
    Some(Condition::TimeoutCount { count: count?, window: window? })
}

fn timeout_rate(fields: &mut Fields<'_>) -> Option<Condition> {
    let percent = fields.at("percent").share(100.0);
    let window = fields.at("window").or(Span::from_mins(5), minutes);
    let min_invocations = enough(fields);
    Some(Condition::TimeoutRate {
        percent: percent?,
        window: window?,
        min_invocations: min_invocations?,
    })
}

fn near_timeout(fields: &mut Fields<'_>) -> Option<Condition> {
    let ratio = fields.at("ratio").or(0.8, |it| it.share(1.0));
    let statistic = fields.at("statistic").or(Statistic::P99, Node::parsed);
    let window = fields.at("window").or(Span::from_mins(15), minutes);
    let min_invocations = enough(fields);
    Some(Condition::NearTimeout {
        ratio: ratio?,
        statistic: statistic?,
        window: window?,
        min_invocations: min_invocations?,
    })
}

fn consecutive(fields: &mut Fields<'_>) -> Option<Condition> {
    let count = fields.at("count").or(3, |it| it.number(2..=100));
    let per = fields.at("per").or(Per::Sandbox, Node::parsed);
    Some(Condition::Consecutive { count: count?, per: per? })
}

fn fleet_incident(fields: &mut Fields<'_>) -> Option<Condition> {
    let functions = fields.at("functions").or(5, |it| it.number(2..=1_000));
    let window = fields.at("window").or(Span::from_mins(2), minutes);
    let by = vec![GroupLabel::Account, GroupLabel::Region];
    let by = fields.at("by").or(by, |it| it.set(LABELS_MAX, common_label));
    Some(Condition::FleetIncident { functions: functions?, window: window?, by: by? })
}

/// What different functions can have in common.
fn common_label(node: Node<'_>) -> Option<GroupLabel> {
    let place = node.place();
    match node.parsed()? {
        GroupLabel::Function | GroupLabel::Subscription => {
            place.fault("is none of account, region and tag:KEY")
        }
        label @ (GroupLabel::Account | GroupLabel::Region | GroupLabel::Tag(_)) => Some(label),
    }
}

/// What alerts are put together by.
pub(super) fn labels(node: Node<'_>) -> Option<Vec<GroupLabel>> {
    node.set(LABELS_MAX, Node::parsed)
}

fn enough(fields: &mut Fields<'_>) -> Option<u32> {
    fields.at("min_invocations").or(20, |it| it.number(1..=COUNT_MAX))
}

/// A window: counts are kept by the minute, so it is made of whole ones.
fn minutes(node: Node<'_>) -> Option<Span> {
    let place = node.place();
    let window = span(node, Span::from_mins(1)..=WINDOW_MAX)?;
    if window.0.as_secs().is_multiple_of(60) {
        return Some(window);
    }
    place.fault("is not a whole number of minutes")
}

super::words! {
    Statistic: "p50" => P50, "p95" => P95, "p99" => P99, "max" => Max;
    Per: "function" => Function, "sandbox" => Sandbox;
}
