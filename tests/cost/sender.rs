//! What an environment sends: the extension's own core, played in simulated time.
//!
//! What counts as an invocation, what goes into a batch and when it goes is decided by the extension's `sandbox` and `flush`,
//! as in production; here is only what the platform would do. Between invocations the environment is frozen, so what the
//! platform says of an invocation's end arrives with the thaw of the next, and nothing wakes up by itself. The aggregator
//! answers at once.

use std::time::Duration;

use overtime_extension::{
    config::{Share, Tags},
    flush::{self, Flush, Line, Moment, Policy, Situation},
    lambda::{ApiAddress, Initialization, Lambda},
    log::{Lines, Redaction},
    runtime_api::{Invoke, Reason, Shutdown},
    sandbox::{Birth, Event, Sandbox},
    telemetry::{
        Record,
        record::{InitEnd, InitStart, Report, RuntimeDone, Start},
        status::Status,
    },
};
use overtime_wire::{EpochMillis, FunctionKey, IncarnationId, Phase, RequestId, Spans};

/// What extensions are said to take after an answer.
const OVERHEAD: Duration = Duration::from_millis(1);
/// The default of `OVERTIME_FLUSH_INTERVAL`.
const INTERVAL: Duration = Duration::from_mins(1);
/// The functions' timeout.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(3);
/// Telemetry is buffered for this long.
const BUFFERED: Duration = Duration::from_millis(25);
/// How long an environment is kept after its last invocation.
pub(crate) const KEPT: Duration = Duration::from_mins(8);

/// A batch on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) at: EpochMillis,
    pub(crate) body: Vec<u8>,
}

/// An environment with the extension in it.
#[derive(Debug)]
pub(crate) struct Sender {
    sandbox: Sandbox,
    incarnation: IncarnationId,
    invocations: u64,
    last_sent: EpochMillis,
    /// What the platform has still to say of the last invocation.
    untold: Vec<Record>,
    sent: Vec<Sent>,
}

/// How an invocation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Success,
    /// At the function's timeout.
    Timeout,
}

impl Sender {
    /// A cold start: an environment's process begins. Its number makes everything that is drawn in production.
    pub(crate) fn start(function: &FunctionKey, number: u64, at: EpochMillis) -> Self {
        let sandbox = Sandbox::new(Birth {
            at,
            lambda: Lambda {
                api: ApiAddress::default(),
                function: function.name.to_string(),
                version: "$LATEST".to_owned(),
                region: function.region.to_string(),
                memory_mb: 512,
                initialization: Initialization("on-demand".to_owned()),
            },
            account: function.account.to_string(),
            tags: Tags([("team".to_owned(), "payments".to_owned())].into()),
            near_timeout: Share(0.8),
            log_tail: Lines::NONE,
            log_redaction: Redaction::On,
            hears_telemetry: true,
        });
        let incarnation = incarnation(number);
        let mut sender = Self {
            sandbox,
            incarnation,
            invocations: 0,
            last_sent: at,
            untold: Vec::new(),
            sent: Vec::new(),
        };
        let started = InitStart {
            phase: Phase::Init,
            initialization_type: "on-demand".to_owned(),
            runtime: "python:3.13.v40".to_owned(),
            version: "$LATEST".to_owned(),
            environment: format!("{number:032x}"),
        };
        sender.untold.push(Record::InitStart(started));
        for is_report in [false, true] {
            sender.untold.push(Record::InitEnd(InitEnd {
                phase: Some(Phase::Init),
                status: Status::Success,
                is_report,
                duration: Some(Duration::from_millis(180)),
            }));
        }
        sender
    }

    /// One invocation, from its start on.
    pub(crate) fn invoke(&mut self, at: EpochMillis, took: Duration, end: End) {
        self.invocations += 1;
        let request = request(self.incarnation, self.invocations);
        self.sandbox.awake();
        let invoke = Invoke {
            request: request.clone(),
            deadline: Some(at.plus(TIMEOUT)),
            arn: None,
            trace: None,
        };
        self.sandbox.apply(Event::Invoke(invoke), at);
        self.tell(at);
        let Some(request) = request else { return };
        let start = Start {
            at: Some(at),
            request: request.clone(),
            version: "$LATEST".to_owned(),
            arn: None,
            trace: None,
        };
        let ended = at.plus(took);
        self.untold.push(Record::Start(start));
        if took > BUFFERED {
            self.tell(at.plus(BUFFERED));
        }
        let status = match end {
            End::Success => Status::Success,
            End::Timeout => Status::Timeout,
        };
        self.untold.push(Record::RuntimeDone(RuntimeDone {
            at: Some(ended),
            request: Some(request.clone()),
            status,
            duration: Some(took),
            spans: Spans::default(),
        }));
        if end == End::Timeout {
            // The environment runs on, into its reset.
            self.tell(ended.plus(BUFFERED));
        }
        self.untold.push(Record::Report(Report {
            at: Some(ended),
            request,
            status: Some(status),
            duration: Some(took),
            memory_mb: 512,
            max_memory_used_mb: 90,
            spans: Spans { extension_overhead: Some(OVERHEAD), ..Spans::default() },
        }));
    }

    /// The end of the process: the environment is reset after a timeout, or let go.
    pub(crate) fn shut_down(&mut self, at: EpochMillis, reason: Reason) {
        let shutdown = Shutdown { reason, deadline: Some(at.plus(Duration::from_secs(2))) };
        self.sandbox.apply(Event::Shutdown(shutdown), at);
        self.tell(at.plus(BUFFERED));
        self.sandbox.give_up_waiting(at.plus(BUFFERED));
        self.decide(at.plus(BUFFERED), Moment::Leaving);
    }

    /// This process, as the one that follows another in its environment: the platform says only that.
    pub(crate) fn following(mut self) -> Self {
        self.untold = vec![Record::Resubscribed];
        self
    }

    /// What was sent since the last call.
    pub(crate) fn take(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// The platform says what it has to say, and the extension looks whether something is due.
    fn tell(&mut self, now: EpochMillis) {
        for record in std::mem::take(&mut self.untold) {
            self.sandbox.apply(Event::Record(record), now);
        }
        self.decide(now, Moment::Running);
    }

    fn decide(&mut self, now: EpochMillis, moment: Moment) {
        let situation = Situation {
            now,
            holdings: self.sandbox.holdings(),
            moment,
            line: Line::Free,
            last_sent: self.last_sent,
        };
        match flush::decide(&self.policy(), &situation) {
            Flush::Wait { .. } => {}
            Flush::Send | Flush::Overtake => {
                let Some(outgoing) = self.sandbox.batch(self.incarnation, now) else { return };
                self.sent.push(Sent { at: now, body: outgoing.bytes.to_vec() });
                self.sandbox.acknowledged(&outgoing, &[], now);
                self.last_sent = now;
            }
        }
    }

    /// As the extension draws its phase from its incarnation.
    fn policy(&self) -> Policy {
        let [high, low, ..] = self.incarnation.0;
        let phase = u64::from(u16::from_be_bytes([high, low])) * 60_000 / 65_536;
        Policy { interval: INTERVAL, phase: Duration::from_millis(phase) }
    }
}

/// Sixteen bytes without a pattern, the same for the same number.
fn incarnation(number: u64) -> IncarnationId {
    let mixed = |salt: u64| {
        let mut it = number.wrapping_add(salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    };
    IncarnationId(((u128::from(mixed(1)) << 64) | u128::from(mixed(2))).to_be_bytes())
}

fn request(incarnation: IncarnationId, number: u64) -> Option<RequestId> {
    let [a, b, c, d, ..] = incarnation.0;
    RequestId::parse(&format!("{a:02x}{b:02x}{c:02x}{d:02x}-0000-4000-8000-{number:012x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: EpochMillis = EpochMillis(1_793_491_200_000);

    fn function() -> FunctionKey {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:orders";
        arn.parse::<overtime_wire::Arn>().unwrap().function
    }

    fn batches(every: Duration, took: Duration) -> usize {
        let mut sender = Sender::start(&function(), 1, START);
        let mut at = START;
        while at < START.plus(Duration::from_hours(1)) {
            sender.invoke(at, took, End::Success);
            at = at.plus(every);
        }
        sender.take().len()
    }

    #[test]
    fn a_busy_environment_sends_once_a_minute_and_a_sparse_one_once_a_quarter_of_an_hour() {
        let busy = batches(Duration::from_millis(100), Duration::from_millis(60));
        assert!((59..=60).contains(&busy), "{busy}");
        let sparse = batches(Duration::from_mins(1), Duration::from_millis(60));
        assert!((3..=4).contains(&sparse), "{sparse}");
    }

    #[test]
    fn an_environment_for_one_invocation_sends_once_at_its_end() {
        let mut sender = Sender::start(&function(), 1, START);
        sender.invoke(START, Duration::from_millis(60), End::Success);
        assert_eq!(sender.take().len(), 0);
        sender.shut_down(START.plus(KEPT), Reason::Other);
        let sent = sender.take();
        assert_eq!(sent.len(), 1);
        let batch = overtime_wire::Batch::decode(&sent[0].body).unwrap();
        assert_eq!(batch.facts(), 1);
    }

    #[test]
    fn a_timeout_is_sent_at_once() {
        let mut sender = Sender::start(&function(), 1, START);
        sender.invoke(START, TIMEOUT, End::Timeout);
        let sent = sender.take();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].at, START.plus(TIMEOUT + BUFFERED));
    }
}
