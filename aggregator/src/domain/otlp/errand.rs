//! What an entry of the outbox asks to be told to the receiver: what it is about, never what it says.
//!
//! What is said is made when it is sent. So an entry that had to wait says what is known by then, and none is larger than a list of names.

use std::time::Duration;

use overtime_wire::{Block, EpochMillis, FunctionKey, IncarnationId, Ordinal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::RECEIVER;
use crate::domain::{
    delivery::id::DeliveryId,
    digest,
    summary::{Basis, Summary},
    timeout::Timeout,
};

/// How long a timeout is waited for to become clear: as long as a suspicion may be taken back before an alert, and the platform's report.
const SETTLED_AFTER: Duration = Duration::from_secs(12);

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Errand {
    Metrics { functions: Vec<Named> },
    Trace { function: Named, block: u32, incarnation: String, ordinal: u32 },
}

/// A function by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    account: String,
    region: String,
    name: String,
}

/// An errand on its way: under which id, from when, and as which body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    pub id: String,
    pub due: EpochMillis,
    pub body: String,
}

impl From<&FunctionKey> for Named {
    fn from(function: &FunctionKey) -> Self {
        Self {
            account: function.account.to_string(),
            region: function.region.to_string(),
            name: function.name.to_string(),
        }
    }
}

impl Named {
    pub fn function(&self) -> Option<FunctionKey> {
        Some(FunctionKey {
            account: self.account.parse().ok()?,
            region: self.region.parse().ok()?,
            name: self.name.parse().ok()?,
        })
    }
}

impl Errand {
    /// What is in an entry, if it is one of these.
    pub fn read(data: &Value) -> Option<Self> {
        Self::deserialize(data).ok()
    }

    /// Which timeout, if that is what it is about.
    pub fn timeout(&self) -> Option<(FunctionKey, Block, IncarnationId, Ordinal)> {
        let Self::Trace { function, block, incarnation, ordinal } = self else { return None };
        let (incarnation, ordinal) = (IncarnationId::parse(incarnation)?, Ordinal(*ordinal));
        Some((function.function()?, Block::from_number(*block), incarnation, ordinal))
    }

    fn ordered(&self, (episode, transition): (&str, &str), due: EpochMillis) -> Ordered {
        let id = DeliveryId::compose(episode, transition, RECEIVER);
        let body = json!({ "channel": RECEIVER, "notification": self });
        Ordered { id, due, body: body.to_string() }
    }
}

/// What has to be told of functions whose rows have these bases by now. The same news have the same id, whoever finds them.
pub fn metrics(news: &[Summary], now: EpochMillis) -> Ordered {
    let line = |it: &Summary| {
        let Named { account, region, name } = Named::from(&it.function);
        let Basis { generation, newest, writes } = it.basis;
        format!("{account}/{region}/{name} {generation} {} {writes}\n", newest.number())
    };
    let content: String = news.iter().map(line).collect();
    let episode = format!("metrics-{}", digest::hex(content.as_bytes()));
    let functions = news.iter().map(|it| Named::from(&it.function)).collect();
    Errand::Metrics { functions }.ordered((&episode, "points"), now)
}

/// What has to be told of a timeout, when it has become clear.
pub fn trace(timeout: &Timeout) -> Ordered {
    let errand = Errand::Trace {
        function: Named::from(&timeout.function),
        block: timeout.block().number(),
        incarnation: timeout.incarnation.to_string(),
        ordinal: timeout.verdict.ordinal.0,
    };
    errand.ordered((&timeout.id(), "trace"), timeout.detected_at.plus(SETTLED_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        hour::{Hour, HourView, StandingHour},
        otlp::fixture::{at, function, timeout},
        view,
    };

    fn row(name: &str, writes: u64) -> Summary {
        let hour = Hour::of(at(0));
        let hour = StandingHour { hour, basis: view::Basis::of(writes), view: HourView::default() };
        Summary::of(&function(name), &[hour]).unwrap()
    }

    #[test]
    fn what_is_written_is_read_and_says_nothing_but_names() {
        let timeout = timeout();
        let ordered = trace(&timeout);
        assert_eq!(ordered.due, timeout.detected_at.plus(Duration::from_secs(12)));
        assert_eq!(ordered.id, format!("msg_{}_trace_otlp", timeout.id()));
        let body: Value = serde_json::from_str(&ordered.body).unwrap();
        let errand = Errand::read(&body["notification"]).unwrap();
        let named = errand.timeout().unwrap();
        let ordinal = timeout.verdict.ordinal;
        assert_eq!(
            named,
            (timeout.function.clone(), timeout.block(), timeout.incarnation, ordinal)
        );
        assert_eq!(Errand::read(&json!({ "schema": "1" })), None);
    }

    #[test]
    fn the_same_news_are_one_errand_and_more_of_them_are_another() {
        let (news, later) = ([row("a", 1), row("b", 2)], [row("a", 1), row("b", 3)]);
        assert_eq!(metrics(&news, at(0)).id, metrics(&news, at(60_000)).id);
        assert_ne!(metrics(&news, at(0)).id, metrics(&later, at(0)).id);
        let body: Value = serde_json::from_str(&metrics(&news, at(0)).body).unwrap();
        let Some(Errand::Metrics { functions }) = Errand::read(&body["notification"]) else {
            panic!("{body}");
        };
        let functions: Vec<_> = functions.iter().filter_map(Named::function).collect();
        assert_eq!(functions, [function("a"), function("b")]);
    }
}
