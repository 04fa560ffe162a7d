//! A transition in words and numbers: what receivers of alerts read.
//!
//! The shape is the same for every channel and every transition, versioned by `schema`, with attribute names of
//! OpenTelemetry where it has any. Whoever enqueues a transition composes the message then and there, so that all attempts
//! send the same bytes under the same id.
//!
//! **Invariant.** A body stays below Standard Webhooks' 20 KB whatever names and texts it is made of.

use std::time::Duration;

use overtime_wire::{EpochMillis, FunctionKey, Verdict};
use serde_json::{Value, json};

use super::{
    alert::{Ending, Episode, Rule, Sample, Transition, fingerprint},
    instant::rfc3339,
    region, words,
};

/// What a message needs to know besides the transition.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    pub rule: &'a Rule,
    pub function: &'a FunctionKey,
    /// Where people look: the console's base URL, without a slash at its end.
    pub console: &'a str,
    pub at: EpochMillis,
}

/// What is enqueued and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The same for every attempt, and for everybody who composes this transition: receivers tell copies by it.
    pub id: String,
    pub at: EpochMillis,
    pub body: String,
}

/// The longest body that is allowed.
pub const BODY_MAX: usize = 20_000;

pub fn compose(scene: &Scene<'_>, transition: &Transition) -> Message {
    let (episode, word) = match transition {
        Transition::Opened(episode) => (episode, "firing"),
        Transition::Corrected(episode) => (episode, "update"),
        Transition::Resolved(episode, _) => (episode, "resolved"),
    };
    let number = match transition {
        Transition::Corrected(episode) => format!("-{}", episode.corrections),
        Transition::Opened(_) | Transition::Resolved(..) => String::new(),
    };
    let summary = summary(scene, transition);
    let body = json!({
        "type": format!("dev.overtime.alert.{word}"),
        "timestamp": rfc3339(scene.at),
        "data": data(scene, transition, &summary),
    });
    let id = format!("msg_{}_{word}{number}", episode.id.as_str());
    Message { id, at: scene.at, body: body.to_string() }
}

fn data(scene: &Scene<'_>, transition: &Transition, summary: &str) -> Value {
    let (episode, status, word, ending) = match transition {
        Transition::Opened(episode) => (episode, "firing", "firing", None),
        Transition::Corrected(episode) => (episode, "firing", "update", None),
        Transition::Resolved(episode, ending) => (episode, "resolved", "resolved", Some(*ending)),
    };
    let url = function_url(scene);
    let samples: Vec<Value> = episode.samples.iter().map(sample).collect();
    json!({
        "schema": "1",
        "status": status,
        "transition": word,
        "test": false,
        "alert": {
            "fingerprint": fingerprint(scene.rule, scene.function),
            "episode": episode.id.as_str(),
            "starts_at": rfc3339(episode.first),
            "opened_at": rfc3339(episode.opened),
            "ends_at": ending.map(|_| rfc3339(scene.at)),
            "ended_because": ending.map(Ending::as_str),
            "silenced": false,
            "url": url,
        },
        "subscription": {
            "id": scene.rule.id,
            "name": scene.rule.name,
            "severity": "error",
            "condition": { "any_timeout": {} },
        },
        "labels": labels(scene, episode),
        "annotations": { "summary": summary, "description": description(episode, ending) },
        "stats": stats(scene, episode),
        "samples": samples,
    })
}

fn labels(scene: &Scene<'_>, episode: &Episode) -> Value {
    let FunctionKey { account, region, name } = scene.function;
    let mut labels = json!({
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.account.id": account.to_string(),
        "cloud.region": region.as_str(),
        "cloud.resource_id": arn(scene),
        "faas.name": name.as_str(),
    });
    if let Some(version) = episode.samples.first().map(|it| &it.claim.verdict.version)
        && !version.is_empty()
    {
        labels["faas.version"] = json!(version);
    }
    labels
}

/// The function's ARN without version or alias, as `OpenTelemetry` wants it.
fn arn(scene: &Scene<'_>) -> String {
    let FunctionKey { account, region, name } = scene.function;
    format!("arn:{}:lambda:{region}:{account}:function:{name}", region::partition(region.as_str()))
}

fn function_url(scene: &Scene<'_>) -> String {
    let FunctionKey { account, region, name } = scene.function;
    format!("{}/functions/{account}/{region}/{name}", scene.console)
}

fn stats(scene: &Scene<'_>, episode: &Episode) -> Value {
    let configured = episode.samples.iter().map(|it| it.claim.verdict.timeout).max();
    json!({
        "window_s": scene.at.since(episode.first).as_secs(),
        "timeouts": episode.timeouts(),
        "timeout_ms": configured.filter(|it| !it.is_zero()).map(millis),
        "distinct_functions": 1,
    })
}

fn sample(sample: &Sample) -> Value {
    let claim = &sample.claim;
    let verdict = &claim.verdict;
    json!({
        "faas.invocation_id": verdict.request.as_ref().map(ToString::to_string),
        "faas.version": Some(&verdict.version).filter(|it| !it.is_empty()),
        "faas.coldstart": verdict.cold_start,
        "faas.max_memory": bytes(verdict.memory_mb),
        "max_memory_used_bytes": bytes(verdict.max_memory_used_mb),
        "time": rfc3339(claim.deadline()),
        "started_at": verdict.started.map(rfc3339),
        "timeout_ms": Some(verdict.timeout).filter(|it| !it.is_zero()).map(millis),
        "duration_ms": verdict.duration.map(millis),
        "retracted": !sample.stands(),
        "cause": verdict.cause.as_str(),
        "evidence": verdict.evidence.as_str(),
        "inferred": verdict.evidence.is_inferred(),
        "why": why(verdict),
        "sandbox": verdict.environment,
        "trace_id": verdict.trace.map(|it| it.to_string()),
    })
}

fn why(verdict: &Verdict) -> String {
    format!("{}; {}", words::cause(verdict.cause), words::evidence(verdict.evidence))
}

fn summary(scene: &Scene<'_>, transition: &Transition) -> String {
    let FunctionKey { account, region, name } = scene.function;
    let place = format!("{account}, {region}");
    match transition {
        Transition::Opened(episode) | Transition::Corrected(episode) => {
            let suspected =
                episode.samples.iter().all(|it| it.claim.verdict.evidence.is_inferred());
            let times = match episode.timeouts() {
                0 => "did not time out after all".to_owned(),
                _ if suspected => "seems to have timed out".to_owned(),
                1 => "timed out".to_owned(),
                more => format!("timed out {more} times"),
            };
            let correction = matches!(transition, Transition::Corrected(_));
            let prefix = if correction { "Correction: " } else { "" };
            format!("{prefix}{name} {times} ({place})")
        }
        Transition::Resolved(_, Ending::Recovered) => format!("{name} has recovered ({place})"),
        Transition::Resolved(_, Ending::Retracted) => {
            format!("Correction: {name} did not time out after all ({place})")
        }
        Transition::Resolved(_, Ending::Expired) => {
            format!("{name} has been silent for a day; whether it recovered is not known ({place})")
        }
    }
}

fn description(episode: &Episode, ending: Option<Ending>) -> String {
    let timeouts = episode.timeouts();
    let plural = if timeouts == 1 { "" } else { "s" };
    match ending {
        Some(Ending::Recovered) => format!(
            "{timeouts} timeout{plural}, the last at {}; an invocation has succeeded since.",
            rfc3339(episode.last_timeout()),
        ),
        Some(Ending::Retracted) => {
            "Every timeout this alert was about turned out to be a success.".to_owned()
        }
        Some(Ending::Expired) => {
            format!("{timeouts} timeout{plural}, the last at {}.", rfc3339(episode.last_timeout()))
        }
        None => match episode.samples.iter().find(|it| it.stands()) {
            Some(sample) => first_words(&sample.claim.verdict),
            None => "What was suspected has been taken back.".to_owned(),
        },
    }
}

fn first_words(verdict: &Verdict) -> String {
    let limit = if verdict.timeout.is_zero() {
        "its timeout".to_owned()
    } else {
        format!("its timeout of {}", words::duration(verdict.timeout))
    };
    let which =
        verdict.request.as_ref().map_or("An invocation".to_owned(), |it| format!("Request {it}"));
    let verb = if verdict.evidence.is_inferred() { "seems to have run" } else { "ran" };
    format!("{which} {verb} into {limit}: {}.", why(verdict))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// MiB as bytes; `None` where zero says unknown.
fn bytes(mib: u32) -> Option<u64> {
    (mib > 0).then(|| u64::from(mib) * 1024 * 1024)
}

#[cfg(test)]
mod tests;
