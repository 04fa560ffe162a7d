//! One message, as the list and its own page show it.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{
        answer::table::{Cell, Tabular},
        words::{DeliveryStatus, DeliveryStatusText, Moment, Text, Word as _},
    },
    domain::{
        configuration::ENVIRONMENT,
        delivery::{id::DeliveryId, record::Record},
    },
    store::outbox::reading::Delivery,
};

/// One message to one channel. What is not known is null.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct Item {
    /// The same through every attempt: receivers tell copies by it.
    pub(crate) id: String,
    /// Where it is shown with what it says.
    pub(crate) url: String,
    pub(crate) status: DeliveryStatusText,
    pub(crate) channel: String,
    /// `firing`, `update`, `repeat`, `resolved`, `test` or `digest`.
    pub(crate) transition: Option<String>,
    /// The episode that it tells of.
    pub(crate) episode: Option<String>,
    /// The alert that it tells of.
    pub(crate) fingerprint: Option<String>,
    pub(crate) subscription: Option<String>,
    /// One line of what it says.
    pub(crate) summary: Option<String>,
    /// Somebody wanted to see it arrive.
    pub(crate) test: bool,
    /// When it was first due.
    pub(crate) queued_at: Moment,
    /// When it is attempted next, or somebody else may take it over.
    pub(crate) next_attempt_at: Option<Moment>,
    /// How many attempts have ended, since it was last sent again by hand.
    pub(crate) attempts: u32,
    /// Why it is not delivered.
    pub(crate) problem: Option<String>,
    /// Of a digest: how many messages are in it, as soon as it takes no more.
    pub(crate) folded: Option<u64>,
    /// What came of attempts, oldest first: the first of all and the last ones.
    pub(crate) log: Vec<Attempt>,
}

/// What came of one attempt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Attempt {
    /// When it began.
    pub(crate) at: Moment,
    /// The receiver's answer as HTTP has it, where there was one.
    pub(crate) status: Option<u16>,
    pub(crate) latency_ms: u64,
    /// Status and the beginning of the answer, or why there was none. Never a secret.
    pub(crate) account: String,
}

impl Attempt {
    fn of(record: &Record) -> Self {
        let Record { at, status, latency_ms, account } = record.clone();
        Self { at: Text(overtime_wire::EpochMillis(at)), status, latency_ms, account }
    }
}

/// The payload of a message, whatever version of us composed it.
pub(crate) fn payload(delivery: &Delivery) -> Option<Value> {
    let mut body: Value = serde_json::from_str(&delivery.body).ok()?;
    let fields = body.as_object_mut()?;
    let data = fields.remove("notification").or_else(|| fields.remove("data"));
    data.filter(|it| !it.is_null())
}

impl Item {
    pub(crate) fn of(delivery: Delivery) -> Self {
        let said = payload(&delivery).unwrap_or_default();
        let named = DeliveryId::parse(&delivery.id);
        let text = |pointer: &str| said.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let channel = serde_json::from_str::<Value>(&delivery.body);
        let channel = channel.ok().and_then(|it| it["channel"].as_str().map(str::to_owned));
        let channel = channel.or(named.map(|it| it.channel.to_owned()));
        Self {
            url: format!("/api/v1/deliveries/{}", delivery.id),
            status: Text(DeliveryStatus::read(&delivery.status).unwrap_or(DeliveryStatus::Waiting)),
            channel: channel.unwrap_or_else(|| ENVIRONMENT.to_owned()),
            transition: named.map(|it| it.word().to_owned()).or_else(|| text("/transition")),
            episode: named.map(|it| it.episode.to_owned()).or_else(|| text("/alert/episode")),
            fingerprint: text("/alert/fingerprint"),
            subscription: text("/subscription/id"),
            summary: text("/annotations/summary"),
            test: said["test"] == true,
            queued_at: Text(delivery.queued_at),
            next_attempt_at: delivery.due.map(Text),
            attempts: delivery.attempts,
            problem: delivery.problem,
            folded: delivery.folded,
            log: delivery.records.iter().map(Attempt::of).collect(),
            id: delivery.id,
        }
    }
}

impl Tabular for Item {
    const COLUMNS: &'static [&'static [&'static str]] = &[&[
        "id",
        "status",
        "channel",
        "transition",
        "episode",
        "fingerprint",
        "subscription",
        "summary",
        "test",
        "queued_at",
        "next_attempt_at",
        "attempts",
        "problem",
        "folded",
    ]];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.id),
            Cell::plain(self.status.0.write()),
            Cell::text(&self.channel),
            self.transition.as_ref().into(),
            self.episode.as_ref().into(),
            self.fingerprint.as_ref().into(),
            self.subscription.as_ref().into(),
            self.summary.as_ref().into(),
            Cell::plain(self.test),
            Cell::from(&self.queued_at),
            self.next_attempt_at.as_ref().into(),
            Cell::plain(self.attempts),
            self.problem.as_ref().into(),
            self.folded.into(),
        ]
    }
}
