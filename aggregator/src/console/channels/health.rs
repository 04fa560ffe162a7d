//! Whether what was sent to a channel arrived, as the list of deliveries says it.

use overtime_wire::EpochMillis;

use crate::{
    api::{Reader, deliveries, parameters, problem::Problem, words::Word as _},
    domain::configuration::Id,
};

/// How many of the latest messages are looked at for all channels, and shown of one.
const LATEST: usize = 300;
const SHOWN: usize = 20;

/// What became of one message.
pub(super) struct Recent {
    pub(super) id: String,
    pub(super) channel: String,
    pub(super) status: String,
    pub(super) badge: &'static str,
    pub(super) at: EpochMillis,
    pub(super) summary: String,
    pub(super) test: bool,
    pub(super) attempts: u32,
    pub(super) next: Option<EpochMillis>,
    pub(super) problem: Option<String>,
    /// What the receiver answered last, and how long it took.
    pub(super) answer: Option<(String, u64)>,
}

/// How a channel is.
pub(super) struct Health {
    pub(super) badge: &'static str,
    pub(super) word: &'static str,
    /// When its last message was first due, and why it did not arrive.
    pub(super) last: Option<(EpochMillis, Option<String>)>,
}

/// What became of the latest messages to any channel.
pub(super) async fn latest(reader: &Reader) -> Result<Vec<Recent>, Problem> {
    read(reader, &format!("limit={LATEST}")).await
}

/// What became of the latest messages to one channel.
pub(super) async fn of(reader: &Reader, channel: &Id) -> Result<Vec<Recent>, Problem> {
    read(reader, &format!("channel={channel}&limit={SHOWN}")).await
}

async fn read(reader: &Reader, query: &str) -> Result<Vec<Recent>, Problem> {
    let asked: deliveries::Asked = parameters::read(query)?;
    let page = deliveries::read(reader, &asked).await?;
    Ok(page.items.into_iter().map(Recent::of).collect())
}

impl Recent {
    fn of(item: deliveries::item::Item) -> Self {
        let status = item.status.0.write();
        let last = item.log.last();
        Self {
            badge: badge(&status),
            answer: last.map(|it| (it.account.clone(), it.latency_ms)),
            at: item.queued_at.0,
            next: item.next_attempt_at.map(|it| it.0),
            summary: item.summary.or(item.transition).unwrap_or_default(),
            id: item.id,
            channel: item.channel,
            test: item.test,
            attempts: item.attempts,
            problem: item.problem,
            status,
        }
    }
}

fn badge(status: &str) -> &'static str {
    match status {
        "delivered" => "badge-ok",
        "dead" => "badge-bad",
        "suppressed" | "digested" => "badge-silenced",
        _ => "badge-pending",
    }
}

impl Health {
    /// From messages, the latest first.
    pub(super) fn of(channel: &str, latest: &[Recent]) -> Self {
        let tried = |it: &&Recent| it.channel == channel && it.status != "suppressed";
        let Some(last) = latest.iter().find(tried) else {
            return Self { badge: "badge-unknown", word: "nothing sent lately", last: None };
        };
        let (badge, word) = match last.status.as_str() {
            "delivered" => ("badge-ok", "delivers"),
            "dead" => ("badge-bad", "failing"),
            _ if last.attempts > 0 => ("badge-warn", "retrying"),
            _ => ("badge-pending", "on its way"),
        };
        let problem = (last.status != "delivered").then(|| last.problem.clone()).flatten();
        Self { badge, word, last: Some((last.at, problem)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent(channel: &str, status: &str, attempts: u32) -> Recent {
        Recent {
            id: "msg".to_owned(),
            channel: channel.to_owned(),
            status: status.to_owned(),
            badge: badge(status),
            at: EpochMillis(0),
            summary: String::new(),
            test: false,
            attempts,
            next: None,
            problem: Some("500 broken".to_owned()),
            answer: None,
        }
    }

    #[test]
    fn a_channel_is_as_its_last_message_that_was_to_arrive() {
        let word = |latest: &[Recent]| Health::of("ops", latest).word;
        assert_eq!(word(&[]), "nothing sent lately");
        assert_eq!(word(&[recent("other", "dead", 8)]), "nothing sent lately");
        assert_eq!(
            word(&[
                recent("ops", "suppressed", 0),
                recent("ops", "delivered", 1),
                recent("ops", "dead", 8)
            ]),
            "delivers"
        );
        assert_eq!(word(&[recent("ops", "waiting", 2)]), "retrying");
        assert_eq!(word(&[recent("ops", "waiting", 0)]), "on its way");
        let failing = Health::of("ops", &[recent("ops", "dead", 8)]);
        assert_eq!(
            (failing.badge, failing.last.unwrap().1.unwrap().as_str()),
            ("badge-bad", "500 broken")
        );
    }
}
