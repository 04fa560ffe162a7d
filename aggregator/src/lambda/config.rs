//! What a door is told by its environment: which one it is, and what that one needs.
//!
//! A setting that belongs to another door is not even read, so that no door but deliver ever holds a channel's secret.

use tracing_subscriber::filter::Targets;

use crate::{
    domain::{base::Base, emission::Shape, portal::Portal},
    settings::{
        Faults, Outside, Reader,
        sign_in::{Place, SignIn},
    },
    store::{Tables, retention::Retention},
};

/// Settings of one door.
#[derive(Debug)]
pub(super) struct Config {
    /// `OVERTIME_LOG`: what is logged.
    pub(super) log: Targets,
    /// `OVERTIME_FACTS_TABLE`, `OVERTIME_STATE_TABLE`: what the tables are called.
    pub(super) tables: Tables,
    /// How long what is written is kept.
    pub(super) retention: Retention,
    /// `OVERTIME_ENVIRONMENT_CHANNEL`: whether deliver has a webhook of its environment. Of deliver, whether it has.
    pub(super) environment: bool,
    /// `OVERTIME_OTLP`: whether deliver tells an OpenTelemetry receiver. Of deliver, whether it does.
    pub(super) receiver: bool,
    pub(super) settings: Settings,
}

/// Which door, and what only that one reads.
#[derive(Debug)]
pub(super) enum Settings {
    Ingest,
    Evaluate { deliver: String, evaluate: String, console: String, emission: Option<Shape> },
    Deliver { outside: Box<Outside>, deliver: String, console: String },
    Sweep { deliver: String, console: String, emission: Option<Shape> },
    Console { base: Base, sign_in: Box<SignIn>, portal: Option<Portal>, deliver: String },
}

/// It says again what we have said with its request id.
const LOG_QUIET: &str = "lambda_runtime::layers::panic=off";

impl Settings {
    /// What the door is called.
    pub(super) fn door(&self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Evaluate { .. } => "evaluate",
            Self::Deliver { .. } => "deliver",
            Self::Sweep { .. } => "sweep",
            Self::Console { .. } => "console",
        }
    }
}

const DOORS: &str = "ingest, evaluate, deliver, sweep or console";

impl Config {
    pub(super) fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let mut reader = Reader::new(lookup);
        let log = reader.log(LOG_QUIET);
        let tables = reader.tables();
        let retention = reader.retention();
        let settings = read_door(&mut reader);
        let environment = match &settings {
            Some(Settings::Deliver { outside, .. }) => outside.environment.is_some(),
            Some(Settings::Ingest) | None => false,
            _ => reader.switch("OVERTIME_ENVIRONMENT_CHANNEL"),
        };
        let receiver = match &settings {
            Some(Settings::Deliver { outside, .. }) => outside.collector.is_some(),
            Some(Settings::Evaluate { .. } | Settings::Sweep { .. }) => {
                reader.switch("OVERTIME_OTLP")
            }
            Some(Settings::Ingest | Settings::Console { .. }) | None => false,
        };
        reader.finish(settings.map(|settings| Self {
            log,
            tables,
            retention,
            environment,
            receiver,
            settings,
        }))
    }
}

fn read_door<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>) -> Option<Settings> {
    let Some(door) = reader.set("OVERTIME_DOOR") else {
        reader.fault("OVERTIME_DOOR", format!("is not set: it is {DOORS}"));
        return None;
    };
    match door.as_str() {
        "ingest" => Some(Settings::Ingest),
        "evaluate" => {
            let deliver = queue(reader, "OVERTIME_DELIVER_QUEUE_URL");
            let evaluate = queue(reader, "OVERTIME_EVALUATE_QUEUE_URL");
            let (console, emission) = (console(reader), reader.emission());
            Some(Settings::Evaluate { deliver: deliver?, evaluate: evaluate?, console, emission })
        }
        "deliver" => {
            let deliver = queue(reader, "OVERTIME_DELIVER_QUEUE_URL");
            let outside = reader.outside().map(Box::new);
            let console = console(reader);
            Some(Settings::Deliver { outside: outside?, deliver: deliver?, console })
        }
        "sweep" => {
            let deliver = queue(reader, "OVERTIME_DELIVER_QUEUE_URL");
            let (console, emission) = (console(reader), reader.emission());
            Some(Settings::Sweep { deliver: deliver?, console, emission })
        }
        "console" => {
            let deliver = queue(reader, "OVERTIME_DELIVER_QUEUE_URL");
            let (base, sign_in) = (reader.base_path(), reader.sign_in(Place::Lambda));
            let portal = reader.portal();
            let (sign_in, deliver) = (Box::new(sign_in?), deliver?);
            Some(Settings::Console { base, sign_in, portal, deliver })
        }
        _ => {
            reader.fault("OVERTIME_DOOR", format!("is not {DOORS}"));
            None
        }
    }
}

fn queue<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>, name: &str) -> Option<String> {
    let url = reader.required(name)?;
    if is_web(&url) {
        return Some(url);
    }
    reader.fault(name, "is not a queue's URL: it begins with https://");
    None
}

/// Where messages tell people to look. Without it they have no links that work, and are sent all the same.
fn console<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>) -> String {
    let url = reader.set("OVERTIME_CONSOLE_URL").unwrap_or_default();
    if !url.is_empty() && !is_web(&url) {
        reader.fault("OVERTIME_CONSOLE_URL", "is not a URL: it begins with https://");
    }
    url.trim_end_matches('/').to_owned()
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

#[cfg(test)]
mod deployed;

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(settings: &[(&str, &str)], expected: Expect) {
        let lookup = |name: &str| {
            settings.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
        };
        let read = match Config::read(lookup) {
            Ok(it) => format!("{:?}", it.settings),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&read);
    }

    const QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/999988887777/deliver";

    #[test]
    fn a_door_that_is_not_named_is_asked_for() {
        check(
            &[],
            expect!["OVERTIME_DOOR is not set: it is ingest, evaluate, deliver, sweep or console"],
        );
        check(
            &[("OVERTIME_DOOR", "front")],
            expect!["OVERTIME_DOOR is not ingest, evaluate, deliver, sweep or console"],
        );
    }

    #[test]
    fn each_door_names_all_it_needs_and_is_bothered_with_nothing_else() {
        check(
            &[("OVERTIME_DOOR", "ingest"), ("OVERTIME_WEBHOOK_URL", "nonsense")],
            expect!["Ingest"],
        );
        check(&[("OVERTIME_DOOR", "console")], expect!["OVERTIME_DELIVER_QUEUE_URL is not set"]);
        check(
            &[("OVERTIME_DOOR", "evaluate"), ("OVERTIME_CONSOLE_URL", "overtime")],
            expect![
                "OVERTIME_DELIVER_QUEUE_URL is not set; OVERTIME_EVALUATE_QUEUE_URL is not set; OVERTIME_CONSOLE_URL is not a URL: it begins with https://"
            ],
        );
        check(
            &[
                ("OVERTIME_DOOR", "sweep"),
                ("OVERTIME_DELIVER_QUEUE_URL", QUEUE),
                ("OVERTIME_CONSOLE_URL", "https://overtime.example/"),
            ],
            expect![[
                r#"Sweep { deliver: "https://sqs.eu-west-1.amazonaws.com/999988887777/deliver", console: "https://overtime.example", emission: None }"#
            ]],
        );
        check(
            &[
                ("OVERTIME_DOOR", "deliver"),
                ("OVERTIME_DELIVER_QUEUE_URL", "arn:aws:sqs:eu-west-1:999988887777:deliver"),
                ("OVERTIME_WEBHOOK_URL", "https://example.com/hook"),
            ],
            expect![
                "OVERTIME_DELIVER_QUEUE_URL is not a queue's URL: it begins with https://; OVERTIME_WEBHOOK_SECRET is not set, and OVERTIME_WEBHOOK_URL is"
            ],
        );
    }

    #[test]
    fn a_secret_is_read_by_deliver_alone() {
        for door in ["ingest", "evaluate", "sweep", "console"] {
            let lookup = |name: &str| match name {
                "OVERTIME_DOOR" => Some(door.to_owned()),
                name if name.contains("QUEUE") => Some(QUEUE.to_owned()),
                name => {
                    let is_secret = name.contains("WEBHOOK") || name.contains("OTLP_");
                    assert!(!is_secret, "{door} reads {name}");
                    None
                }
            };
            Config::read(lookup).unwrap();
        }
    }
}
