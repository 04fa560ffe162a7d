//! A function's part in the alert of a group, as the group's page shows it.

use std::cmp::Reverse;

use overtime_wire::FunctionKey;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{
        shapes::parts,
        words::{AccountText, Moment, NameText, RegionText, Text},
    },
    domain::{
        alert::{
            Sample,
            group::{GroupId, Part},
        },
        notification::{Child, Function},
    },
    store::{Store, StoreError},
};

/// Most that are read of a group, and most that are shown.
const LOOKS_MAX: usize = 1_000;
const MEMBERS_MAX: usize = 200;

/// A function in the alert of a group. What is not known is null.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertMember)]
pub(crate) struct Member {
    pub(crate) account: AccountText,
    pub(crate) region: RegionText,
    pub(crate) function: NameText,
    /// When its first breach happened, by its clock.
    pub(crate) starts_at: Option<Moment>,
    /// When it joined, by ours.
    pub(crate) opened_at: Option<Moment>,
    pub(crate) last_timeout_at: Option<Moment>,
    /// Its timeouts, as the group was last told.
    pub(crate) timeouts: u64,
    /// How its part in it ended; null while it goes on, and where only messages remember it.
    pub(crate) ended_because: Option<String>,
    /// In a fleet incident: its own alerts that had been told of before.
    pub(crate) told: Vec<Told>,
    /// In a fleet incident: how many of its own alerts wait because of it.
    pub(crate) held_back: u32,
}

/// An alert that had been told of before a fleet incident began.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ToldBefore)]
pub(crate) struct Told {
    pub(crate) subscription: String,
    pub(crate) fingerprint: String,
    pub(crate) episode: String,
}

/// Who is in a group now: those that go on first, of these the latest, and a timeout of each of some.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) shown: Vec<Member>,
    pub(super) samples: Vec<Sample>,
}

impl Members {
    pub(super) async fn of(
        store: &Store,
        id: &GroupId,
        samples: usize,
    ) -> Result<Self, StoreError> {
        let mut parts = store.parts(id, LOOKS_MAX).await?;
        parts.retain(|(_, it)| !it.is_void());
        parts.sort_by_key(|(function, it)| {
            (it.over.is_some(), Reverse(it.opened), function.clone())
        });
        let samples = parts.iter().filter_map(|(_, it)| it.sample.clone()).take(samples).collect();
        let shown = parts.iter().take(MEMBERS_MAX).map(|(function, it)| Member::of(function, it));
        Ok(Self { shown: shown.collect(), samples })
    }
}

impl Member {
    fn of(function: &FunctionKey, part: &Part) -> Self {
        let (account, region, name) = parts(function);
        Self {
            account,
            region,
            function: name,
            starts_at: Some(Text(part.first)),
            opened_at: Some(Text(part.opened)),
            last_timeout_at: Some(Text(part.last)),
            timeouts: part.timeouts,
            ended_because: part.over.map(|it| it.because.as_str().to_owned()),
            told: part.told.iter().map(Told::of).collect(),
            held_back: part.waiting,
        }
    }

    /// Those that a message names, as far as they can be read.
    pub(super) fn named(notification: &Value) -> Vec<Self> {
        let functions = notification["functions"].as_array().into_iter().flatten();
        let read = |it: &Value| serde_json::from_value(it.clone()).ok().and_then(Self::remembered);
        functions.filter_map(read).collect()
    }

    fn remembered(of: Function) -> Option<Self> {
        Some(Self {
            account: Text(of.account.parse().ok()?),
            region: Text(of.region.parse().ok()?),
            function: Text(of.name.parse().ok()?),
            starts_at: None,
            opened_at: None,
            last_timeout_at: None,
            timeouts: of.timeouts,
            ended_because: None,
            told: Vec::new(),
            held_back: 0,
        })
    }
}

impl Told {
    fn of(it: &Child) -> Self {
        let Child { subscription, fingerprint, episode } = it.clone();
        Self { subscription, fingerprint, episode }
    }
}
