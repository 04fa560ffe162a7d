//! One timeout as a row of a table, wherever there is a list of them.

use crate::{
    api::{timeouts::item::Item, words::Word as _},
    console::{
        chart::text::{memory, sentence, setting},
        frame::Frame,
        moment::Time,
    },
    domain::words,
};

#[derive(Debug)]
pub(super) struct Sighting {
    /// Where it has a page.
    pub(super) href: String,
    pub(super) deadline: Time,
    pub(super) place: Place,
    pub(super) version: Option<String>,
    pub(super) cause: String,
    pub(super) evidence: &'static str,
    /// Concluded, rather than said by the platform.
    pub(super) inferred: bool,
    pub(super) cold_start: bool,
    pub(super) ran: Option<String>,
    pub(super) timeout: Option<String>,
    pub(super) used: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) silent: Option<String>,
    pub(super) request: Option<String>,
}

/// Whose it is.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) href: String,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) name: String,
}

impl Sighting {
    pub(super) fn of(item: &Item, frame: &Frame<'_>) -> Self {
        let place = Place::of(item, frame);
        let Place { account, region, name, .. } = &place;
        let path = format!("/invocations/{account}/{region}/{name}/{}/{}", item.block, item.id);
        Self {
            href: frame.href(&path),
            deadline: frame.bare_time(item.deadline.0),
            version: item.version.clone(),
            cause: sentence(words::cause(item.cause.0)),
            evidence: words::evidence(item.evidence.0),
            inferred: item.inferred,
            cold_start: item.cold_start,
            ran: item.duration_ms.map(setting),
            timeout: item.timeout_ms.map(setting),
            used: item.max_memory_used_bytes.map(memory),
            memory: item.memory_bytes.map(memory),
            silent: item.silent_ms.map(setting),
            request: item.request_id.clone(),
            place,
        }
    }
}

impl Place {
    pub(super) fn of(item: &Item, frame: &Frame<'_>) -> Self {
        let [account, region, name] =
            [item.account.0.write(), item.region.0.write(), item.function.0.write()];
        let href = frame.href(&format!("/functions/{account}/{region}/{name}"));
        Self { href, account, region, name }
    }
}
