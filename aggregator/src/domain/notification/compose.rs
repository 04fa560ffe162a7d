//! From a transition of a function's alert to what receivers read.

use std::collections::BTreeMap;

use super::{
    ANALYSIS, Alert, Annotations, Function, Notification, SCHEMA, Sample, Stats, Status,
    Subscription, Transition as Kind, words,
};
use crate::domain::{
    alert::{self, Ending, Episode, Measure, Rule, Transition, fingerprint},
    region,
};
use overtime_wire::{EpochMillis, FunctionKey, Verdict};

/// What a message needs to know besides what happened.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    pub rule: &'a Rule,
    pub subscription: &'a Subscription,
    /// What the subscription adds to ours.
    pub labels: &'a BTreeMap<String, String>,
    pub annotations: &'a BTreeMap<String, String>,
    /// What analyses found, a line for each.
    pub analysis: &'a [String],
    pub function: &'a FunctionKey,
    /// Where people look: the console's base URL, without a slash at its end.
    pub console: &'a str,
    pub at: EpochMillis,
}

/// What happened, and what is said of it.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    pub kind: Kind,
    /// The how-manieth of its kind in the episode, from 1.
    pub number: u32,
    pub episode: &'a Episode,
    /// Of a resolution.
    pub ending: Option<Ending>,
}

impl<'a> From<&'a Transition> for Told<'a> {
    fn from(transition: &'a Transition) -> Self {
        let (kind, number, episode, ending) = match transition {
            Transition::Opened(episode) => (Kind::Firing, 1, episode, None),
            Transition::Corrected(episode) => (Kind::Update, episode.corrections, episode, None),
            Transition::Resolved(episode, ending) => (Kind::Resolved, 1, episode, Some(*ending)),
        };
        Self { kind, number, episode, ending }
    }
}

/// A function's alert as receivers read it.
pub fn compose(scene: &Scene<'_>, told: &Told<'_>) -> Notification {
    let Told { kind, number, episode, ending } = *told;
    let moment = Notification::moment;
    let mut labels = scene.labels.clone();
    labels.extend(standard_labels(scene.function, episode));
    let notification = Notification {
        schema: SCHEMA.to_owned(),
        id: Notification::name(episode.id.as_str(), kind, number),
        at: moment(scene.at),
        status: if ending.is_some() { Status::Resolved } else { Status::Firing },
        transition: kind,
        test: false,
        alert: Alert {
            fingerprint: fingerprint(scene.rule, scene.function),
            episode: episode.id.as_str().to_owned(),
            starts_at: moment(episode.first),
            opened_at: moment(episode.opened),
            ends_at: ending.map(|_| moment(scene.at)),
            ended_because: ending.map(|it| it.as_str().to_owned()),
            silenced: false,
            url: function_url(scene.console, scene.function),
        },
        subscription: scene.subscription.clone(),
        group: place(scene.function),
        labels,
        annotations: Annotations {
            summary: words::summary(scene.function, told),
            description: words::description(told),
            others: analysed(annotations(scene.annotations), scene.analysis),
        },
        stats: stats(scene, episode),
        functions: vec![function(scene.console, scene.function, episode)],
        truncated_functions: 0,
        samples: episode.samples.iter().map(sample).collect(),
        incident: None,
        silence_ended: None,
    };
    notification.fitted()
}

/// What a subscription adds, and what analyses found, a line for each.
pub(super) fn analysed(
    theirs: BTreeMap<String, String>,
    lines: &[String],
) -> BTreeMap<String, String> {
    let found = (!lines.is_empty()).then(|| (ANALYSIS.to_owned(), lines.join("\n")));
    theirs.into_iter().chain(found).collect()
}

/// What a subscription adds. It cannot replace what we say.
pub(super) fn annotations(theirs: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let ours = |name: &str| matches!(name, "summary" | "description" | ANALYSIS);
    let theirs = theirs.iter().filter(|(name, _)| !ours(name));
    theirs.map(|(name, text)| (name.clone(), text.clone())).collect()
}

/// What tells a function from others, by the names of `group_by`.
pub fn place(function: &FunctionKey) -> BTreeMap<String, String> {
    let FunctionKey { account, region, name } = function;
    [
        ("account", account.to_string()),
        ("region", region.to_string()),
        ("function", name.to_string()),
    ]
    .map(|(label, value)| (label.to_owned(), value))
    .into()
}

fn standard_labels(function: &FunctionKey, episode: &Episode) -> BTreeMap<String, String> {
    let FunctionKey { account, region, name } = function;
    let version = version(episode).map(|it| ("faas.version", it));
    [
        ("cloud.provider", "aws".to_owned()),
        ("cloud.platform", "aws_lambda".to_owned()),
        ("cloud.account.id", account.to_string()),
        ("cloud.region", region.to_string()),
        ("cloud.resource_id", arn(function)),
        ("faas.name", name.to_string()),
    ]
    .into_iter()
    .chain(version)
    .map(|(label, value)| (label.to_owned(), value))
    .collect()
}

fn version(episode: &Episode) -> Option<String> {
    let version = &episode.samples.first()?.claim.verdict.version;
    Some(version.clone()).filter(|it| !it.is_empty())
}

/// A function's ARN without version or alias, as `OpenTelemetry` wants it.
pub fn arn(function: &FunctionKey) -> String {
    let FunctionKey { account, region, name } = function;
    format!("arn:{}:lambda:{region}:{account}:function:{name}", region::partition(region.as_str()))
}

/// Where the console shows a function.
pub fn function_url(console: &str, function: &FunctionKey) -> String {
    let FunctionKey { account, region, name } = function;
    format!("{console}/functions/{account}/{region}/{name}")
}

fn function(console: &str, key: &FunctionKey, episode: &Episode) -> Function {
    Function {
        account: key.account.to_string(),
        region: key.region.to_string(),
        name: key.name.to_string(),
        arn: arn(key),
        version: version(episode),
        timeouts: episode.timeouts(),
        url: function_url(console, key),
    }
}

fn stats(scene: &Scene<'_>, episode: &Episode) -> Stats {
    let configured = episode.samples.iter().map(|it| it.claim.verdict.timeout).max();
    let stats = Stats {
        window_s: scene.at.since(episode.first).as_secs(),
        timeouts: episode.timeouts(),
        timeout_ms: configured.filter(|it| !it.is_zero()).map(words::millis),
        distinct_functions: 1,
        ..Stats::default()
    };
    measured(stats, episode)
}

/// What was measured takes the place of what the whole episode comes to.
fn measured(stats: Stats, episode: &Episode) -> Stats {
    match episode.measure() {
        Some(Measure::Rate { timeouts, invocations, window_s }) => Stats {
            window_s: *window_s,
            timeouts: *timeouts,
            invocations: Some(*invocations),
            timeout_rate: Some(words::share(*timeouts, *invocations)),
            ..stats
        },
        Some(Measure::Count { timeouts, window_s }) => {
            Stats { window_s: *window_s, timeouts: *timeouts, ..stats }
        }
        Some(Measure::Near {
            statistic, reached_ms, timeout_ms, invocations, window_s, ..
        }) => {
            let reached = |name| (statistic == name).then_some(*reached_ms);
            Stats {
                window_s: *window_s,
                invocations: Some(*invocations),
                p50_ms: reached("p50"),
                p95_ms: reached("p95"),
                p99_ms: reached("p99"),
                max_ms: reached("max"),
                timeout_ms: Some(*timeout_ms),
                ..stats
            }
        }
        Some(Measure::Row { .. } | Measure::Silence { .. }) | None => stats,
    }
}

/// An invocation worth showing.
pub fn sample(sample: &alert::Sample) -> Sample {
    let claim = &sample.claim;
    let verdict: &Verdict = &claim.verdict;
    Sample {
        function: claim.function.name.to_string(),
        request: verdict.request.as_ref().map(ToString::to_string),
        version: Some(verdict.version.clone()).filter(|it| !it.is_empty()),
        cold_start: verdict.cold_start,
        memory_bytes: bytes(verdict.memory_mb),
        max_memory_used_bytes: bytes(verdict.max_memory_used_mb),
        time: Notification::moment(claim.deadline()),
        started_at: verdict.started.map(Notification::moment),
        timeout_ms: Some(verdict.timeout).filter(|it| !it.is_zero()).map(words::millis),
        duration_ms: verdict.duration.map(words::millis),
        retracted: !sample.stands(),
        cause: verdict.cause.as_str().to_owned(),
        evidence: verdict.evidence.as_str().to_owned(),
        inferred: verdict.evidence.is_inferred(),
        why: words::why(verdict),
        sandbox: verdict.environment.clone(),
        trace_id: verdict.trace.map(|it| it.to_string()),
    }
}

/// MiB as bytes; `None` where zero says unknown.
fn bytes(mib: u32) -> Option<u64> {
    (mib > 0).then(|| u64::from(mib) * 1024 * 1024)
}
