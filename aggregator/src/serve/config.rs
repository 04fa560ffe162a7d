//! Every setting of `overtime serve`, read once, at the edge, into a type that cannot be wrong.
//!
//! **Invariant.** Nothing else reads the environment; the lookup is an argument, so tests need none.

use std::{path::PathBuf, time::Duration};

use tracing_subscriber::filter::Targets;

use crate::{
    domain::{base::Base, emission::Shape, portal::Portal},
    settings::{
        Faults, Outside, Reader,
        sign_in::{Place, SignIn},
    },
    store::{Tables, retention::Retention},
};

/// What `serve` is told by its environment.
#[derive(Debug)]
pub struct Config {
    /// `OVERTIME_LOG`: what is logged.
    pub log: Targets,
    /// `OVERTIME_TALLY_DELAY`: how long tallies are gathered before they are read together.
    pub tally_delay: Duration,
    /// `OVERTIME_BASE_PATH`: under which path of the address everything is served.
    pub base: Base,
    /// `OVERTIME_PORTAL_URL`: how people get into the accounts that functions are in.
    pub portal: Option<Portal>,
    /// `OVERTIME_FACTS_TABLE`, `OVERTIME_STATE_TABLE`: what the tables are called.
    pub tables: Tables,
    /// `OVERTIME_RETAIN_FACTS`, `_BLOCKS`, …: how long what is kept is kept.
    pub retention: Retention,
    /// `OVERTIME_METRICS_FUNCTIONS`: how many functions have counters of their own under `/metrics`.
    pub metered: usize,
    /// `OVERTIME_EMF_NAMESPACE`, `OVERTIME_EMF_DIMENSIONS`: where what functions count goes as metrics, if anywhere.
    pub emission: Option<Shape>,
    /// `OVERTIME_OTLP_INTERVAL`: how often it is looked for what functions did, for an OpenTelemetry receiver.
    pub otlp_interval: Duration,
    /// `OVERTIME_SIGN_IN` and what it asks for: who may come in.
    pub sign_in: SignIn,
    /// `OVERTIME_WEBHOOK_URL`, `_SECRET`, `_ALLOW`: a webhook, if one is named, and whom messages may be sent to;
    /// `OVERTIME_OTLP_ENDPOINT`, `_HEADERS`: an OpenTelemetry receiver, if one is named.
    pub outside: Outside,
}

/// The embedded store warns of every condition that does not hold, which is our everyday. Who wants that says so.
const LOG_QUIET: &str = "dynoxide=error";
const METERED_DEFAULT: usize = 1_000;
const METERED_MAX: usize = 100_000;
const OTLP_INTERVAL_DEFAULT: Duration = Duration::from_mins(1);
const OTLP_INTERVAL_MIN: Duration = Duration::from_secs(1);
const TALLY_DELAY_DEFAULT: Duration = Duration::from_secs(1);

impl Config {
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let mut reader = Reader::new(lookup);
        let log = reader.log(LOG_QUIET);
        let tally_delay = reader.duration("OVERTIME_TALLY_DELAY", TALLY_DELAY_DEFAULT);
        let base = reader.base_path();
        let portal = reader.portal();
        let tables = reader.tables();
        let retention = reader.retention();
        let metered = reader.number("OVERTIME_METRICS_FUNCTIONS", METERED_DEFAULT, METERED_MAX);
        let emission = reader.emission();
        let otlp_interval = reader.duration("OVERTIME_OTLP_INTERVAL", OTLP_INTERVAL_DEFAULT);
        if otlp_interval < OTLP_INTERVAL_MIN {
            reader.fault("OVERTIME_OTLP_INTERVAL", "is shorter than 1s");
        }
        let sign_in = reader.sign_in(Place::Machine);
        let read = reader.outside().zip(sign_in).map(|(outside, sign_in)| Self {
            log,
            tally_delay,
            base,
            portal,
            tables,
            retention,
            metered,
            emission,
            otlp_interval,
            sign_in,
            outside,
        });
        reader.finish(read)
    }
}

/// Where data lies when nobody says otherwise: the user's data directory, or the current one where there is none.
pub fn data_directory(lookup: impl Fn(&str) -> Option<String>) -> PathBuf {
    let set = |name| lookup(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|it| it.join(".local/share")));
    data.map_or_else(|| PathBuf::from(".overtime"), |it| it.join("overtime"))
}

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
            Ok(it) => format!(
                "{} {:?} webhook={}",
                it.log,
                it.tally_delay,
                it.outside.environment.is_some()
            ),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&read);
    }

    #[test]
    fn nothing_is_required() {
        check(&[], expect!["dynoxide=error,info 1s webhook=false"]);
        check(&[("OVERTIME_WEBHOOK_URL", "")], expect!["dynoxide=error,info 1s webhook=false"]);
    }

    #[test]
    fn a_filter_of_the_log_has_a_level_and_levels_of_modules() {
        let log = |filter, expected: Expect| check(&[("OVERTIME_LOG", filter)], expected);
        log("WARN,overtime=debug", expect!["overtime=debug,dynoxide=error,warn 1s webhook=false"]);
        log("off", expect!["dynoxide=error,off 1s webhook=false"]);
        log("dynoxide=trace,info", expect!["dynoxide=trace,info 1s webhook=false"]);
        for not_one in ["loud", "overtime", "overtime=loud", "info,", ",", "info;overtime=debug"] {
            log(
                not_one,
                expect!["OVERTIME_LOG is not a filter such as info or info,overtime=debug"],
            );
        }
    }

    #[test]
    fn every_fault_is_named_and_no_value_is_repeated() {
        check(
            &[
                ("OVERTIME_LOG", "loud"),
                ("OVERTIME_TALLY_DELAY", "soon"),
                ("OVERTIME_WEBHOOK_ALLOW", "my-network"),
                ("OVERTIME_WEBHOOK_URL", "https://example.com/hook"),
                ("OVERTIME_WEBHOOK_SECRET", "whsec_oops"),
            ],
            expect![
                "OVERTIME_LOG is not a filter such as info or info,overtime=debug; OVERTIME_TALLY_DELAY is not a duration such as 1s or 500ms; OVERTIME_WEBHOOK_ALLOW is not a comma-separated list of networks such as 127.0.0.0/8; OVERTIME_WEBHOOK_SECRET is not a reference of the form env:NAME, file:PATH, ssm:/NAME or secretsmanager:NAME"
            ],
        );
    }

    #[test]
    fn metrics_go_where_they_are_sent() {
        check(
            &[
                ("OVERTIME_METRICS_FUNCTIONS", "many"),
                ("OVERTIME_EMF_NAMESPACE", "AWS/Lambda"),
                ("OVERTIME_EMF_DIMENSIONS", "team"),
            ],
            expect![
                "OVERTIME_METRICS_FUNCTIONS is not a whole number between 0 and 100000; OVERTIME_EMF_NAMESPACE is not a namespace of CloudWatch: up to 255 of A-Z, a-z, 0-9, '.', '-', '_', '/', '#' and ':', and not AWS/; OVERTIME_EMF_DIMENSIONS is not a list such as account,region,function or, of several sets, account,region,function;account"
            ],
        );
        let emission = |namespace: Option<&'static str>| {
            let lookup = |name: &str| match name {
                "OVERTIME_EMF_NAMESPACE" => namespace.map(str::to_owned),
                _ => None,
            };
            Config::read(lookup).unwrap().emission
        };
        assert_eq!(emission(None), None);
        let dimensions = emission(Some("Overtime")).unwrap().dimensions;
        assert_eq!(dimensions.to_string(), "account,region,function");
    }

    #[test]
    fn a_receiver_is_one_that_may_be_talked_to_and_its_headers_are_headers() {
        check(
            &[
                ("OVERTIME_OTLP_INTERVAL", "10ms"),
                ("OVERTIME_OTLP_ENDPOINT", "http://127.0.0.1:4318"),
                ("OVERTIME_OTLP_HEADERS", "env:KEY"),
                ("KEY", "s3cr3t"),
            ],
            expect![
                "OVERTIME_OTLP_INTERVAL is shorter than 1s; OVERTIME_OTLP_ENDPOINT target refused: plain http is only for addresses that OVERTIME_WEBHOOK_ALLOW lists; OVERTIME_OTLP_HEADERS refers to something that is not what this channel needs: headers such as name=value,name=value"
            ],
        );
        check(
            &[("OVERTIME_OTLP_HEADERS", "api-key=s3cr3t")],
            expect![
                "OVERTIME_OTLP_HEADERS is not a reference of the form env:NAME, file:PATH, ssm:/NAME or secretsmanager:NAME"
            ],
        );
        let collector = |allowed: &'static str| {
            let lookup = |name: &str| match name {
                "OVERTIME_OTLP_ENDPOINT" => Some("http://127.0.0.1:4318".to_owned()),
                "OVERTIME_WEBHOOK_ALLOW" => Some(allowed.to_owned()),
                _ => None,
            };
            Config::read(lookup).map(|it| it.outside.collector.is_some())
        };
        assert!(collector("127.0.0.0/8").unwrap());
        assert!(collector("10.0.0.0/8").is_err());
    }

    #[test]
    fn what_is_kept_is_kept_long_enough() {
        check(
            &[
                ("OVERTIME_RETAIN_FACTS", "1h"),
                ("OVERTIME_RETAIN_BLOCKS", "a while"),
                ("OVERTIME_RETAIN_HOURS", "9999d"),
            ],
            expect![
                "OVERTIME_RETAIN_FACTS is not between 48h and 3650d; OVERTIME_RETAIN_BLOCKS is not a duration such as 15d or 72h; OVERTIME_RETAIN_HOURS is not between 48h and 3650d"
            ],
        );
        let lookup = |name: &str| match name {
            "OVERTIME_RETAIN_FACTS" => Some("96h".to_owned()),
            "OVERTIME_RETAIN_TIMEOUTS" => Some("30d".to_owned()),
            _ => None,
        };
        let (days, expected) = (Duration::from_hours(24), Retention::default());
        let expected = Retention { facts: 4 * days, timeouts: 30 * days, ..expected };
        assert_eq!(Config::read(lookup).unwrap().retention, expected);
    }

    #[test]
    fn a_webhook_needs_its_secret() {
        check(
            &[("OVERTIME_WEBHOOK_URL", "https://example.com/hook")],
            expect!["OVERTIME_WEBHOOK_SECRET is not set, and OVERTIME_WEBHOOK_URL is"],
        );
        check(
            &[
                ("OVERTIME_WEBHOOK_URL", "http://127.0.0.1:1/hook"),
                ("OVERTIME_WEBHOOK_SECRET", "env:KEY"),
                ("KEY", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ],
            expect![
                "OVERTIME_WEBHOOK_URL target refused: plain http is only for addresses that OVERTIME_WEBHOOK_ALLOW lists"
            ],
        );
    }

    #[test]
    fn data_lies_where_the_system_keeps_it() {
        let at = |settings: &'static [(&str, &str)]| {
            let lookup = |name: &str| {
                settings.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
            };
            data_directory(lookup).display().to_string()
        };
        assert_eq!(at(&[("XDG_DATA_HOME", "/d"), ("HOME", "/h")]), "/d/overtime");
        assert_eq!(at(&[("HOME", "/h")]), "/h/.local/share/overtime");
        assert_eq!(at(&[]), ".overtime");
    }
}
