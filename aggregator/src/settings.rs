//! Reading settings, whichever door they are for: each once, at the edge, into a type that cannot be wrong.
//!
//! An operator pays one restart or one deployment per mistake we report, so all of them are reported together, by the name
//! they would edit. A value is never repeated: it may be a secret in the wrong place.
//!
//! **Invariant.** The environment is read through an argument, so that tests need none.

use std::{error::Error, fmt::Display, str::FromStr, time::Duration};

use jiff::SignedDuration;

use crate::channels::{
    guard::Guard,
    secret::SecretRef,
    webhook::{Target, Webhook},
};

/// What is logged when nobody says otherwise, as `tracing` filters are written.
pub const LOG_DEFAULT: &str = "info";

/// Everything that is wrong, one fault a setting.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Faults(Vec<String>);

/// Reads settings and remembers what is wrong with them.
#[derive(Debug)]
pub struct Reader<L> {
    lookup: L,
    faults: Vec<String>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    /// `lookup` reads a variable of the environment.
    pub fn new(lookup: L) -> Self {
        Self { lookup, faults: Vec::new() }
    }

    /// What was read, if nothing was wrong.
    pub fn finish<T>(self, read: Option<T>) -> Result<T, Faults> {
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            Some(_) | None => Err(Faults(self.faults)),
        }
    }

    /// An empty setting is one that is not set: many tools cannot tell the two apart.
    pub fn set(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|it| !it.is_empty())
    }

    /// A setting that there is no default for.
    pub fn required(&mut self, name: &str) -> Option<String> {
        let value = self.set(name);
        if value.is_none() {
            self.fault(name, "is not set");
        }
        value
    }

    fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        match self.set(name)?.parse() {
            Ok(value) => Some(value),
            Err(why) => {
                self.fault(name, why);
                None
            }
        }
    }

    pub fn duration(&mut self, name: &str, default: Duration) -> Duration {
        let Some(text) = self.set(name) else { return default };
        let parsed = text.parse::<SignedDuration>().ok().and_then(|it| it.try_into().ok());
        parsed.unwrap_or_else(|| {
            self.fault(name, "is not a duration such as 1s or 500ms");
            default
        })
    }

    /// Where alerts go, if anywhere. The secret is read here, and only here.
    pub fn webhook(&mut self) -> Option<Webhook> {
        let guard: Guard = self.parsed("OVERTIME_WEBHOOK_ALLOW").unwrap_or_default();
        let reference: Option<SecretRef> = self.parsed("OVERTIME_WEBHOOK_SECRET");
        let url = self.set("OVERTIME_WEBHOOK_URL")?;
        let Ok(url) = url.parse() else {
            self.fault("OVERTIME_WEBHOOK_URL", "is not a URL");
            return None;
        };
        let Some(reference) = reference else {
            if self.set("OVERTIME_WEBHOOK_SECRET").is_none() {
                self.fault("OVERTIME_WEBHOOK_SECRET", "is not set, and OVERTIME_WEBHOOK_URL is");
            }
            return None;
        };
        let secret = match reference.resolve(&self.lookup) {
            Ok(secret) => secret,
            Err(why) => {
                self.fault("OVERTIME_WEBHOOK_SECRET", why);
                return None;
            }
        };
        match Webhook::new(Target { url, secret, guard }) {
            Ok(webhook) => Some(webhook),
            Err(why) => {
                self.fault("OVERTIME_WEBHOOK_URL", with_causes(&why));
                None
            }
        }
    }

    pub fn fault(&mut self, name: &str, why: impl Display) {
        self.faults.push(format!("{name} {why}"));
    }
}

/// An error and why, and why, in one line.
fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}
