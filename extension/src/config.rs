//! Every setting, read once, at the edge, into types that cannot be wrong.
//!
//! Whoever fixes a function's environment pays one deploy per mistake we report, so all of them are reported together, by
//! the name they would edit. Values are never echoed: a URL may carry a secret. Where it is known whom to report to and how, a mistake
//! in anything else costs that alone: its default holds, and timeouts are reported.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr, time::Duration};

use crate::{
    log::{Lines, Redaction},
    logs,
    signing::Signer,
    uplink::{proof::Proof, target::Target},
};

const FLUSH_INTERVAL: Duration = Duration::from_mins(1);

/// The settings of a process that reports.
#[derive(Debug, Clone)]
pub struct Config {
    /// `OVERTIME_URL`.
    pub target: Target,
    /// `OVERTIME_AUTH`, with all that signing depends on.
    pub proof: Proof,
    /// `OVERTIME_CA_FILE`.
    pub authorities: Option<PathBuf>,
    /// `OVERTIME_FLUSH_INTERVAL`.
    pub flush_interval: Interval,
    /// `OVERTIME_NEAR_TIMEOUT`.
    pub near_timeout: Share,
    /// `OVERTIME_TAGS`.
    pub tags: Tags,
    /// `OVERTIME_LOG_TAIL`.
    pub log_tail: Lines,
    /// `OVERTIME_LOG_REDACT`.
    pub log_redaction: Redaction,
    /// `OVERTIME_LOGS`, and all that storing them depends on.
    pub logs: Option<logs::Settings>,
    /// What was not understood, if anything. Its defaults hold.
    pub faults: Option<Faults>,
}

/// How requests prove whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `SigV4`, as a Function URL with `AWS_IAM` expects it.
    Iam,
    /// For laptops and tests.
    None,
}

/// All that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
pub struct Faults(Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl Config {
    /// Takes the lookup rather than the environment: tests pass a map.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let mut reader = Reader { lookup, faults: Vec::new() };
        let target = reader.required("OVERTIME_URL", "set it to the aggregator's base URL");
        let auth = reader.vital("OVERTIME_AUTH", Auth::Iam);
        let proof = reader.proof(auth, target.as_ref());
        let authorities = reader.value("OVERTIME_CA_FILE").map(PathBuf::from);
        let flush_interval = reader.optional("OVERTIME_FLUSH_INTERVAL", Interval(FLUSH_INTERVAL));
        let near_timeout = reader.optional("OVERTIME_NEAR_TIMEOUT", Share(0.8));
        let tags = reader.optional("OVERTIME_TAGS", Tags::default());
        let log_tail = reader.optional("OVERTIME_LOG_TAIL", Lines::NONE);
        let log_redaction = reader.optional("OVERTIME_LOG_REDACT", Redaction::On);
        let logs = logs::Settings::read(&reader.lookup).unwrap_or_else(|faults| {
            reader.faults.push(faults.to_string());
            None
        });
        let faults = (!reader.faults.is_empty()).then_some(Faults(reader.faults));
        match (target, proof) {
            (Some(target), Some(proof)) => Ok(Self {
                target,
                proof,
                authorities,
                flush_interval,
                near_timeout,
                tags,
                log_tail,
                log_redaction,
                logs,
                faults,
            }),
            (None, _) | (_, None) => Err(faults.unwrap_or_default()),
        }
    }
}

struct Reader<L> {
    lookup: L,
    faults: Vec<String>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    /// An empty value is an unset one: infrastructure code often cannot leave a variable out.
    fn value(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty())
    }

    /// For the aggregator that is to be reported to, once that is known.
    fn proof(&mut self, auth: Option<Auth>, target: Option<&Target>) -> Option<Proof> {
        match auth? {
            Auth::None => Some(Proof::default()),
            Auth::Iam => match Signer::read(target?.host(), &self.lookup) {
                Ok(signer) => Some(Proof::by(signer)),
                Err(faults) => {
                    self.faults.push(faults.to_string());
                    None
                }
            },
        }
    }

    fn required<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, fix: &str) -> Option<T> {
        let Some(value) = self.value(name) else {
            self.faults.push(format!("{name} is not set: {fix}"));
            return None;
        };
        self.parse(name, &value)
    }

    /// What decides how to report: where it is wrong, nothing is reported.
    fn vital<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, default: T) -> Option<T> {
        match self.value(name) {
            Some(value) => self.parse(name, &value),
            None => Some(default),
        }
    }

    fn optional<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, default: T) -> T {
        self.value(name).and_then(|value| self.parse(name, &value)).unwrap_or(default)
    }

    fn parse<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, value: &str) -> Option<T> {
        match value.parse() {
            Ok(parsed) => Some(parsed),
            Err(problem) => {
                self.faults.push(format!("{name} is not valid: {problem}"));
                None
            }
        }
    }
}

impl FromStr for Auth {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "iam" => Ok(Self::Iam),
            "none" => Ok(Self::None),
            _ => Err("expected iam or none"),
        }
    }
}

/// How long tallies are gathered; zero sends after every invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval(pub Duration);

impl FromStr for Interval {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected a whole number with a unit, as in 500ms, 60s or 5m, at most 15m";
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = text[..digits].parse().map_err(|_| expected)?;
        let milliseconds = match &text[digits..] {
            "ms" => Some(number),
            "s" => number.checked_mul(1_000),
            "m" => number.checked_mul(60_000),
            _ => None,
        };
        let milliseconds = milliseconds.filter(|it| *it <= 15 * 60_000);
        milliseconds.map(Duration::from_millis).map(Self).ok_or(expected)
    }
}

/// A share of the timeout: above 0, at most 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let share = text.parse().ok().filter(|it| *it > 0.0 && *it <= 1.0);
        share.map(Self).ok_or("expected a number above 0 and at most 1, as in 0.8")
    }
}

/// What the customer calls this function: `team=payments,tier=1`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags(pub BTreeMap<String, String>);

impl FromStr for Tags {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected at most 10 of key=value, separated by commas";
        let mut tags = BTreeMap::new();
        for tag in text.split(',').filter(|it| !it.trim().is_empty()) {
            let (key, value) = tag.split_once('=').ok_or(expected)?;
            if key.trim().is_empty() {
                return Err(expected);
            }
            tags.insert(key.trim().to_owned(), value.trim().to_owned());
        }
        if tags.len() > 10 { Err(expected) } else { Ok(Self(tags)) }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(settings: &[(&str, &str)], expected: Expect) {
        let lookup = |name: &str| {
            settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let seen = match Config::read(lookup) {
            Ok(it) => format!(
                "{} {} {:?} {:?} {} {:?} {} {:?}{}",
                it.target,
                if format!("{:?}", it.proof).contains("Signer") { "signed" } else { "unsigned" },
                it.authorities,
                it.flush_interval.0,
                it.near_timeout.0,
                it.tags.0,
                it.log_tail.0,
                it.log_redaction,
                it.faults.map(|it| format!(" but {it}")).unwrap_or_default(),
            ),
            Err(faults) => faults.to_string(),
        };
        expected.assert_eq(&seen);
    }

    /// As Lambda sets them.
    const KEYS: [(&str, &str); 2] =
        [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "hunter2")];

    #[test]
    fn only_the_url_is_required() {
        check(
            &[("OVERTIME_URL", "https://abc.lambda-url.eu-west-1.on.aws/"), KEYS[0], KEYS[1]],
            expect!["https://abc.lambda-url.eu-west-1.on.aws signed None 60s 0.8 {} 0 On"],
        );
    }

    #[test]
    fn everything_can_be_set() {
        check(
            &[
                ("OVERTIME_URL", "http://127.0.0.1:8787"),
                ("OVERTIME_AUTH", "none"),
                ("OVERTIME_CA_FILE", "/opt/authority.pem"),
                ("OVERTIME_FLUSH_INTERVAL", "500ms"),
                ("OVERTIME_NEAR_TIMEOUT", "0.95"),
                ("OVERTIME_TAGS", "team=payments, tier=1"),
                ("OVERTIME_LOG_TAIL", "20"),
                ("OVERTIME_LOG_REDACT", "off"),
            ],
            expect![[
                r#"http://127.0.0.1:8787 unsigned Some("/opt/authority.pem") 500ms 0.95 {"team": "payments", "tier": "1"} 20 Off"#
            ]],
        );
    }

    #[test]
    fn an_empty_value_is_an_unset_one() {
        check(
            &[("OVERTIME_URL", " "), ("OVERTIME_AUTH", "")],
            expect!["OVERTIME_URL is not set: set it to the aggregator's base URL"],
        );
    }

    #[test]
    fn all_faults_are_named_together_and_no_value_is_echoed() {
        check(
            &[
                ("OVERTIME_URL", "ftp://user:hunter2@host"),
                ("OVERTIME_AUTH", "maybe"),
                ("OVERTIME_FLUSH_INTERVAL", "16m"),
                ("OVERTIME_NEAR_TIMEOUT", "NaN"),
                ("OVERTIME_TAGS", "team"),
                ("OVERTIME_LOG_TAIL", "101"),
                ("OVERTIME_LOG_REDACT", "no"),
            ],
            expect![
                "OVERTIME_URL is not valid: expected http:// or https://, a host and perhaps a port and a path; OVERTIME_AUTH is not valid: expected iam or none; OVERTIME_FLUSH_INTERVAL is not valid: expected a whole number with a unit, as in 500ms, 60s or 5m, at most 15m; OVERTIME_NEAR_TIMEOUT is not valid: expected a number above 0 and at most 1, as in 0.8; OVERTIME_TAGS is not valid: expected at most 10 of key=value, separated by commas; OVERTIME_LOG_TAIL is not valid: expected a whole number of lines from 0 to 100; OVERTIME_LOG_REDACT is not valid: expected on or off"
            ],
        );
    }

    #[test]
    fn where_it_is_known_whom_to_report_to_a_fault_costs_its_setting_alone() {
        check(
            &[
                ("OVERTIME_URL", "http://127.0.0.1:8787"),
                ("OVERTIME_AUTH", "none"),
                ("OVERTIME_FLUSH_INTERVAL", "5 minutes"),
                ("OVERTIME_NEAR_TIMEOUT", "80%"),
                ("OVERTIME_TAGS", "team=payments"),
                ("OVERTIME_LOG_REDACT", "no"),
                ("OVERTIME_LOGS", "everything"),
            ],
            expect![[
                r#"http://127.0.0.1:8787 unsigned None 60s 0.8 {"team": "payments"} 0 On but OVERTIME_FLUSH_INTERVAL is not valid: expected a whole number with a unit, as in 500ms, 60s or 5m, at most 15m; OVERTIME_NEAR_TIMEOUT is not valid: expected a number above 0 and at most 1, as in 0.8; OVERTIME_LOG_REDACT is not valid: expected on or off; OVERTIME_LOGS is not valid: expected function, extension and platform, separated by commas; OVERTIME_LOGS_S3 is not valid: it is not set: expected s3://bucket/prefix; OVERTIME_LOGS_S3_REGION is not valid: neither it nor AWS_REGION is set"#
            ]],
        );
    }

    #[test]
    fn what_signing_depends_on_is_named_with_the_rest() {
        check(
            &[("OVERTIME_URL", "https://timeouts.example.com"), ("OVERTIME_NEAR_TIMEOUT", "2")],
            expect![
                "OVERTIME_SIGNING_REGION is not set: OVERTIME_URL is not a Lambda function URL, so set it to the region of the one behind it; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, and neither is AWS_CONTAINER_CREDENTIALS_FULL_URI: run where Lambda gives the function's role, or set OVERTIME_AUTH to none; OVERTIME_NEAR_TIMEOUT is not valid: expected a number above 0 and at most 1, as in 0.8"
            ],
        );
    }

    #[test]
    fn intervals_are_read_with_their_unit() {
        for (text, milliseconds) in [("0s", 0), ("500ms", 500), ("60s", 60_000), ("5m", 300_000)] {
            assert_eq!(text.parse(), Ok(Interval(Duration::from_millis(milliseconds))));
        }
        for text in ["", "60", "s", "-1s", "1.5s", "99999999999999999999m", "1h", "60sé"] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }
}
