//! A scenario as it is written down, read once into something that can be played.
//!
//! The files name the same function, account and request ids in every scenario; what is read here
//! carries a function name of the scenario's own, in every ARN and instance id it mentions.

use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use serde::Deserialize;
use serde_json::Value;

use super::expectation::Expectation;
use crate::spec::Initialization;

/// The function all scenarios are written for.
const WRITTEN_FOR: &str = "orders";

#[derive(Debug, Clone)]
pub struct Scenario {
    /// The file's name without its ending.
    pub name: String,
    /// What it is about, in a sentence.
    pub about: String,
    pub function: String,
    pub account: String,
    pub region: String,
    pub(crate) version: String,
    pub(crate) memory_mb: u32,
    pub(crate) timeout: Duration,
    pub(crate) initialization: Initialization,
    pub(crate) base_epoch_ms: i64,
    /// In the order in which they happen, which is not always that of their times.
    pub(crate) steps: Vec<Timed>,
    pub(crate) expect: Expectation,
}

/// A step and when it arrives, in milliseconds after the scenario's beginning.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Timed {
    pub(crate) at_ms: i64,
    pub(crate) step: Step,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// The body of an answer to `GET /event/next`.
    Next(Value),
    /// A post to the listener.
    Telemetry(Value),
    /// SIGKILL of the extension.
    Kill,
    /// A new process with the same `/tmp`.
    Restart,
}

/// A scenario that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("could not read the file")]
    File(#[from] io::Error),
    #[error("not a scenario")]
    Shape(#[from] serde_json::Error),
    #[error("a step of kind {0:?} is unknown")]
    Step(String),
}

#[derive(Deserialize)]
struct Written {
    scenario: String,
    base_epoch_ms: i64,
    timeout_ms: u64,
    steps: Vec<WrittenStep>,
    expect: Expectation,
}

#[derive(Deserialize)]
struct WrittenStep {
    at_ms: i64,
    kind: String,
    #[serde(default)]
    body: Value,
}

pub fn load(file: &Path) -> Result<Scenario, Unreadable> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    read(name, &fs::read_to_string(file)?)
}

pub(crate) fn read(name: String, text: &str) -> Result<Scenario, Unreadable> {
    let written: Written = serde_json::from_str(text)?;
    let number = name.split('-').next().unwrap_or_default();
    let function = format!("{WRITTEN_FOR}-{number}");
    let mut steps = Vec::new();
    for step in written.steps {
        let body = renamed(step.body, &function);
        let at_ms = step.at_ms;
        let step = match step.kind.as_str() {
            "next" => Step::Next(body),
            "telemetry" => Step::Telemetry(body),
            "kill" => Step::Kill,
            "restart" => Step::Restart,
            _ => return Err(Unreadable::Step(step.kind)),
        };
        steps.push(Timed { at_ms, step });
    }
    let arn = first_string(&steps, |text| text.starts_with("arn:") && text.contains(":lambda:"));
    let arn = arn.unwrap_or_default();
    let part = |at: usize, otherwise: &str| {
        let part = arn.split(':').nth(at).filter(|part| !part.is_empty());
        part.unwrap_or(otherwise).to_owned()
    };
    Ok(Scenario {
        name,
        about: written.scenario,
        function,
        account: part(4, "123456789012"),
        region: part(3, "eu-west-1"),
        version: field(&steps, "functionVersion")
            .and_then(Value::as_str)
            .unwrap_or("$LATEST")
            .into(),
        memory_mb: field(&steps, "memorySizeMB")
            .and_then(Value::as_u64)
            .and_then(|size| u32::try_from(size).ok())
            .unwrap_or(256),
        timeout: Duration::from_millis(written.timeout_ms),
        initialization: initialization(&steps),
        base_epoch_ms: written.base_epoch_ms,
        steps,
        expect: written.expect,
    })
}

/// Where a restore comes first the process was started long before, for a snapshot.
fn initialization(steps: &[Timed]) -> Initialization {
    for record in records(steps) {
        match record["type"].as_str() {
            Some("platform.restoreStart") => return Initialization::SnapStart,
            Some("platform.initStart") => {
                return match record["record"]["initializationType"].as_str() {
                    Some("provisioned-concurrency") => Initialization::ProvisionedConcurrency,
                    Some("snap-start") => Initialization::SnapStart,
                    Some("lambda-managed-instances") => Initialization::ManagedInstances,
                    _ => Initialization::OnDemand,
                };
            }
            _ => {}
        }
    }
    Initialization::OnDemand
}

pub(crate) fn records(steps: &[Timed]) -> impl Iterator<Item = &Value> {
    steps.iter().flat_map(|timed| match &timed.step {
        Step::Telemetry(Value::Array(records)) => records.as_slice(),
        Step::Telemetry(_) | Step::Next(_) | Step::Kill | Step::Restart => &[],
    })
}

fn bodies(steps: &[Timed]) -> impl Iterator<Item = &Value> {
    steps.iter().filter_map(|timed| match &timed.step {
        Step::Next(body) | Step::Telemetry(body) => Some(body),
        Step::Kill | Step::Restart => None,
    })
}

fn field<'a>(steps: &'a [Timed], name: &str) -> Option<&'a Value> {
    fn within<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
        match value {
            Value::Object(fields) => {
                fields.get(name).or_else(|| fields.values().find_map(|value| within(value, name)))
            }
            Value::Array(items) => items.iter().find_map(|value| within(value, name)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
    bodies(steps).find_map(|body| within(body, name))
}

fn first_string(steps: &[Timed], fits: impl Fn(&str) -> bool) -> Option<&str> {
    fn within<'a>(value: &'a Value, fits: &impl Fn(&str) -> bool) -> Option<&'a str> {
        match value {
            Value::String(text) => fits(text).then_some(text),
            Value::Object(fields) => fields.values().find_map(|value| within(value, fits)),
            Value::Array(items) => items.iter().find_map(|value| within(value, fits)),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }
    bodies(steps).find_map(|body| within(body, &|text| fits(text) && text.contains(":function:")))
}

/// Gives the function another name wherever it is named.
fn renamed(value: Value, function: &str) -> Value {
    match value {
        Value::String(text) if text == WRITTEN_FOR => Value::String(function.to_owned()),
        Value::String(text) => {
            let in_arn = text.replace(":function:orders", &format!(":function:{function}"));
            Value::String(in_arn.replace("/orders[", &format!("/{function}[")))
        }
        Value::Array(items) => items.into_iter().map(|item| renamed(item, function)).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            Value::Object(fields.map(|(name, value)| (name, renamed(value, function))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scenario(records: Value) -> Scenario {
        let text = json!({
            "scenario": "s", "base_epoch_ms": 0, "timeout_ms": 3000, "expect": {},
            "steps": [
                { "at_ms": 0, "kind": "telemetry", "body": records },
                { "at_ms": 1, "kind": "kill" },
            ],
        });
        read("12-something".to_owned(), &text.to_string()).unwrap()
    }

    #[test]
    fn each_scenario_has_a_function_of_its_own() {
        let arn = "arn:aws-cn:lambda:cn-north-1:111122223333:function:orders:live";
        let read = scenario(json!([{ "record": {
            "functionArn": arn,
            "functionName": "orders",
            "instanceId": "2026/11/01/orders[$LATEST]cc",
        } }]));
        assert_eq!(read.function, "orders-12");
        assert_eq!((read.account.as_str(), read.region.as_str()), ("111122223333", "cn-north-1"));
        let Step::Telemetry(body) = &read.steps[0].step else { panic!("not telemetry") };
        let record = &body[0]["record"];
        assert_eq!(
            record["functionArn"],
            "arn:aws-cn:lambda:cn-north-1:111122223333:function:orders-12:live"
        );
        assert_eq!(record["functionName"], "orders-12");
        assert_eq!(record["instanceId"], "2026/11/01/orders-12[$LATEST]cc");
    }

    #[test]
    fn a_runtime_arn_does_not_say_whose_function_it_is() {
        let runtime = "arn:aws:lambda:eu-west-1::runtime:abab";
        assert_eq!(scenario(json!([{ "record": { "x": runtime } }])).account, "123456789012");
    }

    #[test]
    fn the_first_start_says_how_the_environment_came_to_be() {
        let init = json!({ "type": "platform.initStart",
            "record": { "initializationType": "lambda-managed-instances" } });
        let restore = json!({ "type": "platform.restoreStart", "record": {} });
        let of = |records| scenario(records).initialization;
        assert_eq!(of(json!([init, restore])), Initialization::ManagedInstances);
        assert_eq!(of(json!([restore, init])), Initialization::SnapStart);
        assert_eq!(of(json!([])), Initialization::OnDemand);
    }
}
