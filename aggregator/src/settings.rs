//! Reading settings, whichever door they are for: each once, at the edge, into a type that cannot be wrong.
//!
//! An operator pays one restart or one deployment per mistake we report, so all of them are reported together, by the name
//! they would edit. A value is never repeated: it may be a secret in the wrong place.
//!
//! **Invariant.** The environment is read through an argument, so that tests need none.

pub mod sign_in;

use std::{error::Error, fmt::Display, path::PathBuf, str::FromStr, time::Duration};

use jiff::SignedDuration;
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::{
    channels::{
        courier::Environment,
        guard::Guard,
        otlp::{self, Collector},
        post::Poster,
        secret,
    },
    domain::{base::Base, configuration::SecretRef, emission::Shape, portal::Portal},
    store::{Tables, retention::Retention},
};

const LOG_DEFAULT: &str = "info";

/// Beyond this somebody mistook the unit.
const KEPT_MAX: Duration = Duration::from_hours(3_650 * 24);

/// The way out: whom messages may be sent to, and the webhook and the OpenTelemetry receiver that the environment names.
#[derive(Debug, Clone)]
pub struct Outside {
    pub poster: Poster,
    pub environment: Option<Environment>,
    /// Who is told what functions did.
    pub collector: Option<Collector>,
    /// Where files lie that channels may refer to.
    pub secrets: Option<PathBuf>,
}

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
        duration(&text).unwrap_or_else(|| {
            self.fault(name, "is not a duration such as 1s or 500ms");
            default
        })
    }

    /// `OVERTIME_LOG`: what is logged. What it says of a module outweighs what `quiet` does.
    pub fn log(&mut self, quiet: &str) -> Targets {
        let text = self.set("OVERTIME_LOG").unwrap_or_else(|| LOG_DEFAULT.to_owned());
        // The crate takes a word alone for a module, any text for its name, and nothing for `error`: a slip would be silence.
        let is_path = |it: &str| it.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c));
        let meant = text.split(',').all(|it| match it.split_once('=') {
            Some((module, _)) => is_path(module),
            None => !it.is_empty() && it.parse::<LevelFilter>().is_ok(),
        });
        match format!("{quiet},{text}").parse() {
            Ok(filter) if meant => filter,
            Ok(_) | Err(_) => {
                self.fault("OVERTIME_LOG", "is not a filter such as info or info,overtime=debug");
                Targets::new()
            }
        }
    }

    /// A setting that is `on` or `off`, which it is where it is not set.
    pub fn switch(&mut self, name: &str) -> bool {
        match self.set(name).as_deref() {
            Some("on") => true,
            Some("off") | None => false,
            Some(_) => {
                self.fault(name, "is neither on nor off");
                false
            }
        }
    }

    /// A whole number between 0 and `most`.
    pub fn number(&mut self, name: &str, default: usize, most: usize) -> usize {
        let Some(text) = self.set(name) else { return default };
        match text.parse() {
            Ok(number) if number <= most => number,
            Ok(_) | Err(_) => {
                self.fault(name, format_args!("is not a whole number between 0 and {most}"));
                default
            }
        }
    }

    /// Where what functions count goes as metrics, if anywhere.
    pub fn emission(&mut self) -> Option<Shape> {
        let namespace = self.parsed("OVERTIME_EMF_NAMESPACE");
        let dimensions = self.parsed("OVERTIME_EMF_DIMENSIONS").unwrap_or_default();
        Some(Shape { namespace: namespace?, dimensions })
    }

    /// Under which path of its host everything is served.
    pub fn base_path(&mut self) -> Base {
        self.parsed("OVERTIME_BASE_PATH").unwrap_or_default()
    }

    /// How people get into the accounts that functions are in.
    pub fn portal(&mut self) -> Option<Portal> {
        self.parsed("OVERTIME_PORTAL_URL")
    }

    /// What the tables are called.
    pub fn tables(&mut self) -> Tables {
        let default = Tables::default();
        Tables {
            facts: self.table("OVERTIME_FACTS_TABLE", default.facts),
            state: self.table("OVERTIME_STATE_TABLE", default.state),
        }
    }

    fn table(&mut self, name: &str, default: String) -> String {
        let Some(table) = self.set(name) else { return default };
        let allowed = |it: u8| it.is_ascii_alphanumeric() || b"_-.".contains(&it);
        if !(3..=255).contains(&table.len()) || !table.bytes().all(allowed) {
            self.fault(name, "is not a table's name: 3 to 255 of A-Z, a-z, 0-9, '_', '-' and '.'");
        }
        table
    }

    /// How long what is written is kept.
    pub fn retention(&mut self) -> Retention {
        let default = Retention::default();
        Retention {
            facts: self.kept("OVERTIME_RETAIN_FACTS", default.facts, 48),
            blocks: self.kept("OVERTIME_RETAIN_BLOCKS", default.blocks, 48),
            hours: self.kept("OVERTIME_RETAIN_HOURS", default.hours, 48),
            timeouts: self.kept("OVERTIME_RETAIN_TIMEOUTS", default.timeouts, 48),
            log_tails: self.kept("OVERTIME_RETAIN_LOG_TAILS", default.log_tails, 1),
            messages: self.kept("OVERTIME_RETAIN_MESSAGES", default.messages, 1),
        }
    }

    /// How long something is kept. Facts come in until a day after their block, and views are made of them until an hour
    /// later, so that nothing either depends on may be gone by then.
    fn kept(&mut self, name: &str, default: Duration, least_hours: u64) -> Duration {
        let Some(text) = self.set(name) else { return default };
        let Some(kept) = duration(&text) else {
            self.fault(name, "is not a duration such as 15d or 72h");
            return default;
        };
        if kept < Duration::from_hours(least_hours) || kept > KEPT_MAX {
            self.fault(name, format_args!("is not between {least_hours}h and 3650d"));
        }
        kept
    }

    /// Whom messages may be sent to, and the webhook that the environment names, if it names one. Its secret is read here to see that
    /// it is one, and again for each message.
    pub fn outside(&mut self) -> Option<Outside> {
        let secrets = self.secrets();
        let guard: Guard = self.parsed("OVERTIME_WEBHOOK_ALLOW").unwrap_or_default();
        let reference: Option<SecretRef> = self.parsed("OVERTIME_WEBHOOK_SECRET");
        let poster = match Poster::new(guard) {
            Ok(poster) => poster,
            Err(why) => {
                self.fault("OVERTIME_WEBHOOK_ALLOW", with_causes(&why));
                return None;
            }
        };
        let collector = self.collector(&poster);
        let Some(url) = self.set("OVERTIME_WEBHOOK_URL") else {
            return Some(Outside { poster, environment: None, collector, secrets });
        };
        let environment = self.environment(&url, reference, &poster)?;
        Some(Outside { poster, environment: Some(environment), collector, secrets })
    }

    /// Who is told what functions did, if anybody. What is to stand in the head of each request is read here to see that it can, and
    /// again for each request.
    fn collector(&mut self, poster: &Poster) -> Option<Collector> {
        let headers: Option<SecretRef> = self.parsed("OVERTIME_OTLP_HEADERS");
        let url = self.set("OVERTIME_OTLP_ENDPOINT")?;
        let Ok(base) = url.parse() else {
            self.fault("OVERTIME_OTLP_ENDPOINT", "is not a URL");
            return None;
        };
        if let Err(refused) = poster.check(&base) {
            self.fault("OVERTIME_OTLP_ENDPOINT", format_args!("target refused: {refused}"));
        }
        if let Some(reference @ (SecretRef::Variable(_) | SecretRef::File(_))) = &headers {
            let opened = secret::here(reference, &self.lookup);
            if let Err(why) = opened.and_then(|it| otlp::headers(&it).map(drop)) {
                self.fault("OVERTIME_OTLP_HEADERS", why);
            }
        }
        Some(Collector { base, headers })
    }

    fn secrets(&mut self) -> Option<PathBuf> {
        let directory = PathBuf::from(self.set("OVERTIME_SECRETS_DIR")?);
        if !directory.is_absolute() || !directory.is_dir() {
            self.fault("OVERTIME_SECRETS_DIR", "is not the absolute path of a directory");
        }
        Some(directory)
    }

    fn environment(
        &mut self,
        url: &str,
        reference: Option<SecretRef>,
        poster: &Poster,
    ) -> Option<Environment> {
        let Ok(url) = url.parse() else {
            self.fault("OVERTIME_WEBHOOK_URL", "is not a URL");
            return None;
        };
        let Some(secret) = reference else {
            if self.set("OVERTIME_WEBHOOK_SECRET").is_none() {
                self.fault("OVERTIME_WEBHOOK_SECRET", "is not set, and OVERTIME_WEBHOOK_URL is");
            }
            return None;
        };
        let on_this_machine = matches!(secret, SecretRef::Variable(_) | SecretRef::File(_));
        if on_this_machine {
            let opened = secret::here(&secret, &self.lookup);
            if let Err(why) = opened.and_then(|it| secret::signs(&it)) {
                self.fault("OVERTIME_WEBHOOK_SECRET", why);
                return None;
            }
        }
        if let Err(refused) = poster.check(&url) {
            self.fault("OVERTIME_WEBHOOK_URL", format_args!("target refused: {refused}"));
            return None;
        }
        Some(Environment { url, secret })
    }

    pub fn fault(&mut self, name: &str, why: impl Display) {
        self.faults.push(format!("{name} {why}"));
    }
}

/// Days in whole numbers, or what `jiff` reads.
fn duration(text: &str) -> Option<Duration> {
    if let Some(days) = text.strip_suffix('d').and_then(|it| it.trim().parse::<u32>().ok()) {
        return Some(Duration::from_hours(24 * u64::from(days)));
    }
    text.parse::<SignedDuration>().ok().and_then(|it| it.try_into().ok())
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
