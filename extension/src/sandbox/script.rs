//! The mini-language in which the sandbox's tests speak.
//!
//! One line per event: seconds since the script began, a verb and its words. A record's own time is the line's, unless it
//! says `@` and another: a record that comes late or again was still generated when it was.
//!
//! ```text
//! 0     invoke a +3                              INVOKE, with a deadline in 3 s
//! 0.01  start a                                  platform.start
//! 3     done a timeout 3001 spans=90/1/2         platform.runtimeDone, its milliseconds; a request `?` is none
//! 3     report a timeout 3000 mem=90/256 over=1  platform.report, memory used and size, extension overhead; init=, restore=
//! 0     init-start invoke                        platform.initStart; init, invoke or restore
//! 10    init-done init timeout 10000             platform.initRuntimeDone; init-report likewise
//! 1     log loading the cart                     a line of the function's log
//! 3     shutdown timeout                         SHUTDOWN
//! 3.1   give-up                                  nothing more is listened for
//! 2     run 3.2                                  the process runs until then, awake whenever it asks to be
//! ```
//!
//! What comes out is every verdict as it is held, and at the end what the tallies add up to.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use overtime_wire::{
    Batch, Block, Counts, EpochMillis, IncarnationId, Ordinal, Recorded, RequestId, Tally, Verdict,
};

use super::{Birth, Event, Held, Sandbox};
use crate::{
    config::{Share, Tags},
    json::Fields,
    lambda::{ApiAddress, Initialization, Lambda},
    log::{Line, Lines, Part, Redaction},
    runtime_api::{Invoke, Reason, Shutdown},
    telemetry::{Record, record},
};

/// When every script begins: at the start of a block.
pub(super) const START: EpochMillis = EpochMillis(1_793_491_200_000);
const INCARNATION: IncarnationId = IncarnationId([7; 16]);

/// What the aggregator would know.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) verdicts: BTreeMap<Ordinal, Recorded<Verdict>>,
    pub(super) tallies: BTreeMap<Block, Recorded<Tally>>,
    /// In order, one line each.
    pub(super) lines: String,
}

pub(super) fn sandbox(initialization: &str, hears_telemetry: bool) -> Sandbox {
    Sandbox::new(Birth {
        at: START.minus(Duration::from_millis(1)),
        lambda: Lambda {
            api: ApiAddress::default(),
            function: "orders".to_owned(),
            version: "$LATEST".to_owned(),
            region: "eu-west-1".to_owned(),
            memory_mb: 256,
            initialization: Initialization(initialization.to_owned()),
        },
        account: "123456789012".to_owned(),
        tags: Tags::default(),
        near_timeout: Share(0.8),
        log_tail: Lines(3),
        log_redaction: Redaction::On,
        hears_telemetry,
    })
}

impl Heard {
    /// Takes everything the sandbox holds, as an aggregator that answers at once.
    pub(super) fn hear(&mut self, sandbox: &mut Sandbox, now: EpochMillis) {
        let Some(outgoing) = sandbox.batch(INCARNATION, now) else { return };
        let batch = Batch::decode(&outgoing.bytes).unwrap();
        for verdict in batch.incarnations[0].verdicts.clone() {
            let _ = writeln!(self.lines, "{}", line(&verdict.fact));
            self.verdicts.insert(verdict.fact.ordinal, verdict);
        }
        for tally in batch.incarnations[0].tallies.clone() {
            self.tallies.insert(tally.fact.block, tally);
        }
        sandbox.acknowledged(&outgoing, &[], now);
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for tally in self.tallies.values() {
            tally.fact.minutes.values().for_each(|it| counts += Counts::of_minute(it));
        }
        self.verdicts.values().for_each(|it| counts += Counts::of_verdict(&it.fact));
        counts
    }
}

pub(super) fn line(it: &Verdict) -> String {
    let request = it.request.as_ref().map_or("?".to_owned(), ToString::to_string);
    let subject = if it.subject == overtime_wire::Subject::Init { "init " } else { "" };
    let duration = it.duration.map_or(String::new(), |it| format!(" took {it:?}"));
    let memory = match it.max_memory_used_mb {
        0 => String::new(),
        used => format!(" used {used}/{}", it.memory_mb),
    };
    let log = match it.last_log {
        Some(last) => format!(
            ", last said {:?}s in: {}",
            last.since(START).as_secs_f64(),
            it.log_tail.replace('\n', " | ")
        ),
        None => String::new(),
    };
    format!(
        "#{}.{} {subject}{request}: {}, cause {}, by {}{duration} of {:?}{memory}{log}",
        it.ordinal.0, it.revision, it.outcome, it.cause, it.evidence, it.timeout
    )
}

/// Everything that is not zero.
pub(super) fn summary(heard: &Heard) -> String {
    let counts = heard.counts();
    let mut all: Vec<(&str, u64)> = vec![
        ("invocations", counts.invocations),
        ("timeouts", counts.timeouts),
        ("errors", counts.errors),
        ("out_of_memory", counts.out_of_memory),
        ("near_timeouts", counts.near_timeouts),
        ("cold_starts", counts.cold_starts),
        ("init_timeouts", counts.init_timeouts),
        ("init_failures", counts.init_failures),
    ];
    for tally in heard.tallies.values() {
        let losses = tally.fact.losses;
        all.push(("unfinished", losses.unfinished_invocations.into()));
        all.push(("overflowed", losses.overflowed_facts.into()));
        all.push(("dropped", losses.dropped_records.into()));
    }
    let told: Vec<_> =
        all.iter().filter(|it| it.1 > 0).map(|it| format!("{} {}", it.0, it.1)).collect();
    told.join(", ")
}

/// Plays a script, and returns what an aggregator that is always there hears.
pub(super) fn play(sandbox: &mut Sandbox, script: &str) -> Heard {
    let mut heard = Heard::default();
    let mut now = START;
    for line in script.lines().map(str::trim).filter(|it| !it.is_empty()) {
        now = apply(sandbox, line);
        if sandbox.holdings().verdicts == Held::Fresh {
            heard.hear(sandbox, now);
        }
    }
    heard.hear(sandbox, now);
    heard
}

/// Plays one line, and returns its time.
pub(super) fn apply(sandbox: &mut Sandbox, line: &str) -> EpochMillis {
    let (seconds, rest) = line.split_once(' ').unwrap();
    let now = START.plus(Duration::from_secs_f64(seconds.parse().unwrap()));
    if let Some(until) = rest.trim().strip_prefix("run ") {
        let until = START.plus(Duration::from_secs_f64(until.trim().parse().unwrap()));
        return run(sandbox, now, until);
    }
    match event(rest.trim(), now) {
        Some(event) => sandbox.apply(event, now),
        None => sandbox.give_up_waiting(now),
    }
    now
}

/// Looks at the deadline now and whenever asked to, up to a time.
pub(super) fn run(sandbox: &mut Sandbox, from: EpochMillis, until: EpochMillis) -> EpochMillis {
    let mut now = from;
    while let Some(wake) = sandbox.watch(now).wake.filter(|it| *it <= until) {
        assert!(wake > now, "asked to be woken in the past");
        now = wake;
    }
    now
}

/// `None` is to give up listening.
fn event(text: &str, now: EpochMillis) -> Option<Event> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    match word(0) {
        "give-up" => None,
        "invoke" => Some(Event::Invoke(Invoke {
            request: RequestId::parse(word(1)),
            deadline: Some(now.plus(Duration::from_secs_f64(word(2).parse().unwrap()))),
            arn: None,
            trace: None,
        })),
        "log" => Some(Event::Record(Record::Log(Line {
            at: Some(now),
            request: None,
            text: words[1..].join(" "),
            part: Part::Whole,
        }))),
        "shutdown" => Some(Event::Shutdown(Shutdown {
            reason: match word(1) {
                "timeout" => Reason::Timeout,
                "failure" => Reason::Failure,
                _ => Reason::Other,
            },
            deadline: None,
        })),
        _ => {
            let own = words.iter().find_map(|it| it.strip_prefix('@'));
            let own = own.map(|it| START.plus(Duration::from_secs_f64(it.parse().unwrap())));
            let (kind, body) = record(&words);
            let time = time(own.unwrap_or(now));
            let text =
                format!(r#"{{"time":"{time}","type":"platform.{kind}","record":{{{body}}}}}"#);
            Some(Event::Record(
                record::read(&Fields::parse(&text).unwrap(), Lines(3)).unwrap().unwrap(),
            ))
        }
    }
}

/// A record's type and fields.
fn record(words: &[&str]) -> (&'static str, String) {
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    let of = |name: &str| words.iter().find_map(|it| it.strip_prefix(name));
    let duration = format!(r#""durationMs":{}"#, word(3).parse().unwrap_or(0.0));
    let request = match word(1) {
        "?" => String::new(),
        it => format!(r#""requestId":"{it}","#),
    };
    let phase = format!(r#""phase":"{}""#, word(1));
    let status = status(word(2));
    let (used, size) = of("mem=").and_then(|it| it.split_once('/')).unwrap_or(("0", "0"));
    let spans: Vec<_> = ["responseLatency", "responseDuration", "runtimeOverhead"]
        .iter()
        .zip(of("spans=").unwrap_or_default().split_terminator('/'))
        .chain(of("over=").map(|it| (&"extensionOverhead", it)))
        .map(|(name, took)| format!(r#"{{"name":"{name}","durationMs":{took}}}"#))
        .collect();
    let spans = format!(r#""spans":[{}]"#, spans.join(","));
    let before = [("init=", "initDurationMs"), ("restore=", "restoreDurationMs")]
        .map(|(word, name)| of(word).map_or(String::new(), |it| format!(r#","{name}":{it}"#)))
        .concat();
    match word(0) {
        "start" => ("start", format!(r#"{request}"version":"7""#)),
        "done" => ("runtimeDone", format!(r#"{request}{status},"metrics":{{{duration}}},{spans}"#)),
        "report" => (
            "report",
            format!(
                r#"{request}{status},"metrics":{{{duration},"maxMemoryUsedMB":{used},"memorySizeMB":{size}{before}}},{spans}"#
            ),
        ),
        "init-start" if word(1) == "restore" => {
            let environment = of("in=").map(|it| format!(r#""instanceId":"{it}""#));
            ("restoreStart", environment.unwrap_or_default())
        }
        "init-done" if word(1) == "restore" => ("restoreRuntimeDone", status),
        "init-report" if word(1) == "restore" => {
            ("restoreReport", format!(r#"{status},"metrics":{{{duration}}}"#))
        }
        "init-start" => ("initStart", phase),
        "init-done" => ("initRuntimeDone", format!("{phase},{status}")),
        "init-report" => ("initReport", format!(r#"{phase},{status},"metrics":{{{duration}}}"#)),
        other => panic!("no verb {other}"),
    }
}

fn time(at: EpochMillis) -> String {
    let milliseconds = at.0 - START.0;
    let (minutes, rest) = (milliseconds / 60_000, milliseconds % 60_000);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    format!("2026-11-01T{hours:02}:{minutes:02}:{:02}.{:03}Z", rest / 1000, rest % 1000)
}

/// `error:Runtime.ExitError` is a status with its error type.
fn status(word: &str) -> String {
    match word.split_once(':') {
        Some((status, kind)) => format!(r#""status":"{status}","errorType":"{kind}""#),
        None => format!(r#""status":"{word}""#),
    }
}

/// What a batch of records posted together does.
pub(super) fn post(sandbox: &mut Sandbox, records: Vec<Record>, now: EpochMillis) {
    for record in records {
        sandbox.apply(Event::Record(record), now);
    }
}
