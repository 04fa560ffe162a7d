//! How long the process stays after SHUTDOWN.
//!
//! Source: AWS's "Lambda execution environment lifecycle" gives extensions two seconds, of which the runtime may have used
//! 600 ms. After a timeout or a crash the environment's next invocation waits for us. So there are 300 ms; what was not
//! acknowledged by then stands in the journal, and is sent by the next process. An environment that is reclaimed takes its
//! journal along, and nobody waits for it: then there is a second.

use std::time::Duration;

use overtime_wire::EpochMillis;
use tokio::time::Instant;

use crate::runtime_api::{Reason, Shutdown};

/// Telemetry is posted 25 ms after it is generated, by a platform that may be as busy as we are; later it will not come. As
/// soon as the cause is known, nothing is listened for any more.
const LISTEN: Duration = Duration::from_millis(48);
/// What has come by then must still be read.
const READ: Duration = Duration::from_millis(2);
/// Where we get to look late, whoever reads telemetry got no chance either.
const LATE: Duration = Duration::from_millis(10);
const READ_LATE: Duration = Duration::from_millis(20);
const STAY: Duration = Duration::from_millis(300);
const STAY_LAST: Duration = Duration::from_secs(1);
/// What is left to the process to end by itself before it is killed.
const MARGIN: Duration = Duration::from_millis(100);
const LAST_WORDS: Duration = Duration::from_millis(25);
/// As long as a batch may take that tells of it.
const TELLING: Duration = Duration::from_millis(200);
const RETRY_AFTER: Duration = Duration::from_millis(100);
const ATTEMPTS: u32 = 2;

/// The way out.
#[derive(Debug)]
pub(super) struct Leave {
    since: Instant,
    listens_until: Instant,
    is_last_look: bool,
    is_crash: bool,
    /// From `since`: what we allow ourselves, and less than a margin before we are killed.
    most: Duration,
    failures: u32,
    failed_at: Option<EpochMillis>,
    /// The environment goes as well, with all that is on its disk.
    is_last: bool,
}

impl Leave {
    pub(super) fn new(shutdown: &Shutdown, now: EpochMillis, since: Instant) -> Self {
        let stay = match shutdown.reason {
            Reason::Timeout | Reason::Failure => STAY,
            Reason::Other => STAY_LAST,
        };
        let allowed = shutdown.deadline.map_or(STAY + MARGIN, |it| it.since(now));
        Self {
            since,
            listens_until: since + LISTEN,
            is_last_look: false,
            is_crash: shutdown.reason == Reason::Failure,
            most: stay.min(allowed.saturating_sub(MARGIN)),
            failures: 0,
            failed_at: None,
            is_last: shutdown.reason == Reason::Other,
        }
    }

    pub(super) fn is_last(&self) -> bool {
        self.is_last
    }

    /// How long the last lines of a log may still come.
    pub(super) fn awaits_lines(&self, now: Instant) -> Duration {
        (self.since + LISTEN + READ).saturating_duration_since(now)
    }

    /// When the last object will have to be stored. Where the environment goes, what is lost with it must still be told.
    pub(super) fn storing_deadline(&self) -> Instant {
        let telling = if self.is_last { TELLING } else { Duration::ZERO };
        self.since + self.most.saturating_sub(LAST_WORDS + telling)
    }

    /// Whether what telemetry may still tell is waited for.
    pub(super) fn still_listens(&mut self, now: Instant) -> bool {
        if now >= self.listens_until && !self.is_last_look {
            self.is_last_look = true;
            let is_late = now - self.listens_until > LATE;
            self.listens_until = now + if is_late { READ_LATE } else { READ };
        }
        now < self.listens_until.min(self.since + self.most)
    }

    /// Whether something crashed, which may be happening again and again.
    pub(super) fn is_crash(&self) -> bool {
        self.is_crash
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.failures >= ATTEMPTS || now - self.since >= self.most
    }

    /// How long until the answer of one of the two above changes.
    pub(super) fn next_look(&self, now: Instant) -> Duration {
        let end = self.since + self.most;
        let next = if now < self.listens_until { end.min(self.listens_until) } else { end };
        next.saturating_duration_since(now)
    }

    /// When the last send will have to be over, so that there is a moment to say what came of it.
    pub(super) fn deadline(&self) -> Instant {
        self.since + self.most.saturating_sub(LAST_WORDS)
    }

    /// A failed send is tried once more, and soon.
    pub(super) fn retry_at(&self) -> Option<EpochMillis> {
        self.failed_at.map(|it| it.plus(RETRY_AFTER))
    }

    pub(super) fn failed(&mut self, now: EpochMillis) {
        self.failures += 1;
        self.failed_at = Some(now);
    }
}
