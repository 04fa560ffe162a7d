//! Who is told what about which functions, and how often.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use overtime_wire::Cause;
use serde::{Serialize, Serializer};

use super::{
    condition::{self, Condition, GroupLabel},
    read::{Fields, Node},
    scope::Scope,
    text::{Address, Id, Span, label_name, span},
};

/// One condition over some functions, and who hears of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Subscription {
    pub id: Id,
    pub name: String,
    pub enabled: bool,
    pub severity: Severity,
    pub scope: Scope,
    pub condition: Condition,
    /// The condition must hold in `m` of the last `n` minutes; only for conditions with a window.
    pub m_of_n: Option<MOfN>,
    /// Only timeouts with these causes; all where there are none.
    #[serde(serialize_with = "causes")]
    pub causes: BTreeSet<Cause>,
    /// By what alerts are put together.
    pub group_by: Vec<GroupLabel>,
    /// How long a new group waits for others to join before it is told of.
    pub group_wait: Span,
    /// How long a group that was told of waits before it tells of new members.
    pub group_interval: Span,
    /// How often what goes on is told again; never where it is zero.
    pub repeat_interval: Span,
    pub resolve: Resolve,
    pub notify_on: NotifyOn,
    pub channels: Vec<Id>,
    pub labels: BTreeMap<String, String>,
    /// `runbook_url` is an address.
    pub annotations: BTreeMap<String, String>,
}

/// How bad it is, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Critical,
    Error,
    Warning,
    Info,
}

/// `m` of the last `n` minutes; `m` is at least 1 and at most `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MOfN {
    pub m: u32,
    pub n: u32,
}

/// When an alert is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Resolve {
    /// So long after the last bad thing, if there was a success since: silence is not recovery.
    pub after: Span,
    /// So long after the last bad thing, whatever else is known.
    pub expire_after: Span,
}

/// What else than the opening is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NotifyOn {
    pub update: bool,
    pub repeat: bool,
    pub resolved: bool,
}

impl Default for Resolve {
    fn default() -> Self {
        Self { after: Span::from_mins(10), expire_after: Span::from_hours(24) }
    }
}

impl Default for NotifyOn {
    fn default() -> Self {
        Self { update: true, repeat: true, resolved: true }
    }
}

const TEXTS_MAX: usize = 20;
const TEXT_MAX: usize = 1_000;
/// The annotation that says what to do.
pub const RUNBOOK: &str = "runbook_url";

fn causes<S: Serializer>(them: &BTreeSet<Cause>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(them.iter().map(|it| it.as_str()))
}

impl Subscription {
    /// How many channels it may have.
    pub const CHANNELS_MAX: usize = 20;

    /// One with the default of everything that has one.
    pub fn new((id, name): (Id, &str), condition: Condition, channels: Vec<Id>) -> Self {
        Self {
            id,
            name: name.to_owned(),
            enabled: true,
            severity: Severity::Warning,
            scope: Scope::default(),
            condition,
            m_of_n: None,
            causes: BTreeSet::new(),
            group_by: default_group(),
            group_wait: Span::from_secs(10),
            group_interval: Span::from_mins(5),
            repeat_interval: Span::from_hours(4),
            resolve: Resolve::default(),
            notify_on: NotifyOn::default(),
            channels,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }

    /// Whether it is about timeouts with this cause.
    pub fn concerns(&self, cause: Cause) -> bool {
        self.causes.is_empty() || self.causes.contains(&cause)
    }

    /// How many functions make a fleet incident, and within which window, where it is about those.
    pub fn incident(&self) -> Option<(usize, Duration)> {
        let Condition::FleetIncident { functions, window, .. } = self.condition else {
            return None;
        };
        Some((usize::try_from(functions).unwrap_or(usize::MAX), window.0))
    }

    /// After how much time a function's further timeouts are news to its group. An incident counts functions within its window.
    pub fn refresh(&self) -> Duration {
        self.incident().map_or(self.group_interval.0, |(_, window)| window / 4)
    }

    /// What the functions of a group have in common, where alerts are about groups; `None` where each function has its own.
    pub fn grouping(&self) -> Option<&[GroupLabel]> {
        if let Condition::FleetIncident { by, .. } = &self.condition {
            return Some(by);
        }
        let own = default_group().iter().all(|it| self.group_by.contains(it));
        (!own).then_some(&self.group_by)
    }

    pub(super) fn read(node: Node<'_>) -> Option<Self> {
        node.object(read)
    }
}

fn default_group() -> Vec<GroupLabel> {
    vec![GroupLabel::Account, GroupLabel::Region, GroupLabel::Function]
}

fn read(fields: &mut Fields<'_>) -> Option<Subscription> {
    let id = fields.at("id").parsed();
    let name = fields.at("name").text(1..=200);
    let enabled = fields.at("enabled").or(true, Node::boolean);
    let severity = fields.at("severity").or(Severity::Warning, Node::parsed);
    let scope = fields.at("scope").or(Scope::default(), Scope::read);
    let condition = Condition::read(fields.at("condition"));
    let m_of_n = fields.at("m_of_n").optional(m_of_n);
    let causes = fields.at("causes").or(Vec::new(), |it| it.set(Cause::ALL.len(), cause));
    let grouped = match &condition {
        Some(Condition::FleetIncident { by, .. }) => by.clone(),
        _ => default_group(),
    };
    let group_by = fields.at("group_by").or(grouped, condition::labels);
    let channels = fields
        .at("channels")
        .or(Vec::new(), |it| it.list(Subscription::CHANNELS_MAX, Node::parsed));
    let labels = fields.at("labels").or(BTreeMap::new(), texts);
    let annotations = fields.at("annotations").or(BTreeMap::new(), texts);
    let resolve = fields.at("resolve").or(Resolve::default(), resolve);
    let notify_on = fields.at("notify_on").or(NotifyOn::default(), notify_on);
    // Who must be woken by any timeout does not want to wait for company.
    let at_once =
        matches!(condition, Some(Condition::AnyTimeout {})) && severity == Some(Severity::Critical);
    let group_wait = if at_once { Span::ZERO } else { Span::from_secs(10) };
    let group_wait =
        fields.at("group_wait").or(group_wait, |it| span(it, Span::ZERO..=Span::from_hours(1)));
    let group_interval = fields
        .at("group_interval")
        .or(Span::from_mins(5), |it| span(it, Span::from_secs(10)..=Span::from_hours(24)));
    let repeat_interval = fields.at("repeat_interval").or(Span::from_hours(4), repeat_interval);
    Subscription {
        id: id?,
        name: name?,
        enabled: enabled?,
        severity: severity?,
        scope: scope?,
        condition: condition?,
        m_of_n: m_of_n?,
        causes: causes?.into_iter().collect(),
        group_by: group_by?,
        group_wait: group_wait?,
        group_interval: group_interval?,
        repeat_interval: repeat_interval?,
        resolve: resolve?,
        notify_on: notify_on?,
        channels: channels?,
        labels: labels?,
        annotations: annotations?,
    }
    .sensible(fields)
}

impl Subscription {
    /// What no field can say alone.
    fn sensible(self, fields: &Fields<'_>) -> Option<Self> {
        if self.m_of_n.is_some() && self.condition.window().is_none() {
            return fields.fault(
                "m_of_n",
                format_args!("cannot be asked of {}, which has no window", self.condition.name()),
            );
        }
        if !self.causes.is_empty() && !self.condition.is_about_timeouts() {
            return fields.fault(
                "causes",
                format_args!(
                    "cannot be asked of {}, which no timeout opens",
                    self.condition.name()
                ),
            );
        }
        if let Condition::FleetIncident { by, .. } = &self.condition {
            let set = |them: &[GroupLabel]| them.iter().cloned().collect::<BTreeSet<_>>();
            if set(by) != set(&self.group_by) {
                return fields.fault("group_by", "is not what its fleet_incident is by");
            }
        }
        if let Some(runbook) = self.annotations.get(RUNBOOK)
            && let Err(why) = runbook.parse::<Address>()
        {
            return fields.fault("annotations", format_args!("has a {RUNBOOK} that {why}"));
        }
        let mut channels = self.channels.clone();
        channels.sort();
        channels.dedup();
        if channels.len() < self.channels.len() {
            return fields.fault("channels", "has the same entry twice");
        }
        Some(self)
    }
}

fn m_of_n(node: Node<'_>) -> Option<MOfN> {
    node.object(|fields| {
        let (m, n) = (fields.at("m").number(1..=60), fields.at("n").number(1..=60));
        let (m, n) = (m?, n?);
        if m > n {
            return fields.fault("m", format_args!("is more than n, which is {n}"));
        }
        Some(MOfN { m, n })
    })
}

fn resolve(node: Node<'_>) -> Option<Resolve> {
    let default = Resolve::default();
    node.object(|fields| {
        let after = fields
            .at("after")
            .or(default.after, |it| span(it, Span::from_mins(1)..=Span::from_hours(24)));
        let expire_after = fields.at("expire_after").or(default.expire_after, |it| {
            span(it, Span::from_hours(1)..=Span::from_hours(7 * 24))
        });
        let (after, expire_after) = (after?, expire_after?);
        if after > expire_after {
            return fields.fault(
                "after",
                format_args!("is more than expire_after, which is {expire_after}"),
            );
        }
        Some(Resolve { after, expire_after })
    })
}

fn notify_on(node: Node<'_>) -> Option<NotifyOn> {
    node.object(|fields| {
        let update = fields.at("update").or(true, Node::boolean);
        let repeat = fields.at("repeat").or(true, Node::boolean);
        let resolved = fields.at("resolved").or(true, Node::boolean);
        Some(NotifyOn { update: update?, repeat: repeat?, resolved: resolved? })
    })
}

fn repeat_interval(node: Node<'_>) -> Option<Span> {
    let place = node.place();
    let interval: Span = node.parsed()?;
    let range = Span::from_mins(1)..=Span::from_hours(7 * 24);
    if interval == Span::ZERO || range.contains(&interval) {
        return Some(interval);
    }
    place.fault(format_args!("is neither 0s nor between {} and {}", range.start(), range.end()))
}

fn cause(node: Node<'_>) -> Option<Cause> {
    let place = node.place();
    let word = node.text(0..=40)?;
    let cause = Cause::ALL.iter().find(|it| it.as_str() == word);
    cause.copied().or_else(|| {
        let words: Vec<_> = Cause::ALL.iter().map(|it| it.as_str()).collect();
        place.fault(format_args!("is none of {}", words.join(", ")))
    })
}

fn texts(node: Node<'_>) -> Option<BTreeMap<String, String>> {
    node.map((TEXTS_MAX, label_name), |it| it.text(0..=TEXT_MAX))
}

impl Severity {
    pub const ALL: [Self; 4] = [Self::Critical, Self::Error, Self::Warning, Self::Info];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

super::words! {
    Severity: "critical" => Critical, "error" => Error, "warning" => Warning, "info" => Info;
}
