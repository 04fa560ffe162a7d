//! Logs to a bucket of S3, straight from the environment they were written in, for those who ask for them.
//!
//! ```text
//!   POST ──desk──▶ lines ──shelf──▶ objects of gzip, by hour ──store──▶ S3
//!                                        │ ▲
//!                                        ▼ │
//!                                       spool   what is not stored yet, for the next process
//! ```
//!
//! The platform posts what the function wrote, and the listener hands each body to the [`stock`], after whatever it says about
//! timeouts is on its way. A line is rendered at once, with what is known of its request, and at once compressed, so that text is
//! held only while its body is. What is compressed is also appended to a file, so that a killed process leaves it to the next one. The
//! watch decides when an object goes, by [`flush`].
//!
//! **Invariants.** A line is stored once, or counted as lost with the reason: names of objects are fixed before they are sent, so a
//! retry overwrites. Memory and the temporary directory are bounded, and the oldest gives way. Below `stock`, `spool` and `store`
//! nothing reads a clock, a file or a socket.
//!
//! Sources: AWS's "Lambda Telemetry API Event schema reference"; for S3, its API reference on `PutObject`, error responses and
//! "Making requests"; Hive's partitions as Athena's guide describes them.

pub mod answer;
pub mod bucket;
mod context;
mod desk;
pub mod flush;
mod key;
mod object;
mod record;
mod said;
mod shelf;
mod spool;
pub mod stock;
pub mod store;

use std::{fmt, str::FromStr};

use crate::{
    signing::{Signer, region::Region},
    uplink::{proof::Proof, target::Target},
};

use bucket::Bucket;

const CREDENTIALS: &str = "there are no credentials to sign with for OVERTIME_LOGS_S3: run where Lambda gives the function's role, or unset OVERTIME_LOGS";

/// `OVERTIME_LOGS`: whose words are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    pub function: bool,
    pub extension: bool,
    pub platform: bool,
}

/// The settings of a process that stores logs.
#[derive(Debug, Clone)]
pub struct Settings {
    pub wanted: Wanted,
    /// `OVERTIME_LOGS_S3`.
    pub bucket: Bucket,
    /// `OVERTIME_LOGS_S3_REGION`, or else the function's own until the bucket says that it is elsewhere.
    pub region: Region,
    /// `OVERTIME_LOGS_S3_ENDPOINT`: something that stands in for S3.
    pub endpoint: Option<Target>,
    pub proof: Proof,
}

/// What is wrong with them, each by the name somebody would edit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl Settings {
    /// `None` where no logs are asked for. Takes the lookup rather than the environment: tests pass a map.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Faults> {
        let value =
            |name: &str| lookup(name).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
        let Some(wanted) = value("OVERTIME_LOGS") else { return Ok(None) };
        let mut faults = Vec::new();
        let wanted = kept(&mut faults, "OVERTIME_LOGS", wanted.parse::<Wanted>());
        let bucket = value("OVERTIME_LOGS_S3").map(|it| it.parse::<Bucket>());
        let bucket = bucket.unwrap_or(Err("it is not set: expected s3://bucket/prefix"));
        let bucket = kept(&mut faults, "OVERTIME_LOGS_S3", bucket);
        let region = value("OVERTIME_LOGS_S3_REGION").or_else(|| value("AWS_REGION"));
        let region = region.map(|it| it.parse::<Region>());
        let region = region.unwrap_or(Err("neither it nor AWS_REGION is set"));
        let region = kept(&mut faults, "OVERTIME_LOGS_S3_REGION", region);
        let endpoint = value("OVERTIME_LOGS_S3_ENDPOINT").map(|it| it.parse::<Target>());
        let endpoint = kept(&mut faults, "OVERTIME_LOGS_S3_ENDPOINT", endpoint.transpose());
        let signer = region.clone().map(|it| Signer::of_bucket(it, &lookup));
        let proof = match signer {
            Some(Ok(signer)) => Some(Proof::by(signer)),
            Some(Err(_)) => {
                faults.push(CREDENTIALS.to_owned());
                None
            }
            None => None,
        };
        match (wanted, bucket, region, endpoint, proof) {
            (Some(wanted), Some(bucket), Some(region), Some(endpoint), Some(proof)) => {
                Ok(Some(Self { wanted, bucket, region, endpoint, proof }))
            }
            _ => Err(Faults(faults)),
        }
    }
}

fn kept<T>(faults: &mut Vec<String>, name: &str, read: Result<T, impl fmt::Display>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(problem) => {
            faults.push(format!("{name} is not valid: {problem}"));
            None
        }
    }
}

impl FromStr for Wanted {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut wanted = Self::default();
        for word in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            match word {
                "function" => wanted.function = true,
                "extension" => wanted.extension = true,
                "platform" => wanted.platform = true,
                _ => return Err("expected function, extension and platform, separated by commas"),
            }
        }
        if wanted == Self::default() {
            Err("expected at least one of function, extension and platform")
        } else {
            Ok(wanted)
        }
    }
}

impl Wanted {
    fn wants(self, kind: &str) -> bool {
        match kind {
            "function" => self.function,
            "extension" => self.extension,
            _ => self.platform && kind.starts_with("platform."),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(settings: &[(&str, &str)], expected: Expect) {
        let read = Settings::read(|name| {
            settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        });
        let seen = match read {
            Ok(None) => "nothing".to_owned(),
            Ok(Some(it)) => {
                let Wanted { function, extension, platform } = it.wanted;
                let endpoint = it.endpoint.map(|it| it.to_string()).unwrap_or_default();
                format!("{function} {extension} {platform} {} {} {endpoint}", it.bucket, it.region)
            }
            Err(faults) => faults.to_string(),
        };
        expected.assert_eq(&seen);
    }

    const GIVEN: [(&str, &str); 3] =
        [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];

    #[test]
    fn logs_are_stored_where_somebody_asks_for_it() {
        check(&[], expect!["nothing"]);
        check(&[("OVERTIME_LOGS", " "), ("OVERTIME_LOGS_S3", "?")], expect!["nothing"]);
        let asked = [("OVERTIME_LOGS", "function"), ("OVERTIME_LOGS_S3", "s3://logs/of/us/")];
        check(
            &[&GIVEN[..], &asked].concat(),
            expect!["true false false s3://logs/of/us eu-west-1 "],
        );
        let asked = [
            ("OVERTIME_LOGS", "platform, extension,"),
            ("OVERTIME_LOGS_S3", "s3://logs"),
            ("OVERTIME_LOGS_S3_REGION", "us-east-2"),
            ("OVERTIME_LOGS_S3_ENDPOINT", "http://127.0.0.1:5000"),
        ];
        check(
            &[&GIVEN[..], &asked].concat(),
            expect!["false true true s3://logs us-east-2 http://127.0.0.1:5000"],
        );
    }

    #[test]
    fn all_faults_are_named_together() {
        let asked = [
            ("OVERTIME_LOGS", "functions"),
            ("OVERTIME_LOGS_S3_REGION", "europe"),
            ("OVERTIME_LOGS_S3_ENDPOINT", "127.0.0.1"),
        ];
        check(
            &asked,
            expect![[r"
            OVERTIME_LOGS is not valid: expected function, extension and platform, separated by commas; OVERTIME_LOGS_S3 is not valid: it is not set: expected s3://bucket/prefix; OVERTIME_LOGS_S3_REGION is not valid: expected a region's name; OVERTIME_LOGS_S3_ENDPOINT is not valid: expected http:// or https://, a host and perhaps a port and a path"]],
        );
        let asked = [("OVERTIME_LOGS", ","), ("OVERTIME_LOGS_S3", "s3://logs"), GIVEN[0]];
        check(
            &asked,
            expect![[r"
            OVERTIME_LOGS is not valid: expected at least one of function, extension and platform; there are no credentials to sign with for OVERTIME_LOGS_S3: run where Lambda gives the function's role, or unset OVERTIME_LOGS"]],
        );
    }
}
