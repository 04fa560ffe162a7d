//! Metrics as text, for Prometheus: its own format 0.0.4, and `OpenMetrics` 1.0.
//!
//! The two differ where it hurts: `OpenMetrics` names a counter without `_total` and says since when it counts, and a parser of either
//! takes the other's for something untyped.
//!
//! **Invariant.** What is written is whole and ends where the format says; equal families give equal bytes.

use std::fmt::Write as _;

use overtime_wire::EpochMillis;

/// One metric, and everything that is known by its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// Without the `_total` of a counter.
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
    pub samples: Vec<Sample>,
}

/// What its numbers mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, or begins anew at zero.
    Counter,
    /// As it is now.
    Gauge,
}

/// A number, and which.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub labels: Vec<(&'static str, String)>,
    pub value: u64,
    /// Of a counter: since when it counts.
    pub since: Option<EpochMillis>,
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text format 0.0.4.
    Text,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Format {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// All families, each with its description before its samples.
    pub fn write(self, families: &[Family]) -> String {
        let mut text = String::new();
        for family in families {
            self.describe(&mut text, family);
            for sample in &family.samples {
                let suffix = if family.kind == Kind::Counter { "_total" } else { "" };
                line(&mut text, (family.name, suffix), sample, &sample.value.to_string());
                if let (Self::OpenMetrics, Some(since)) = (self, sample.since) {
                    line(&mut text, (family.name, "_created"), sample, &seconds(since));
                }
            }
        }
        if self == Self::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }

    fn describe(self, text: &mut String, family: &Family) {
        let (kind, counter) = match family.kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
        };
        let suffix = if self == Self::Text { counter } else { "" };
        let Family { name, help, .. } = family;
        // Writing to a string does not fail.
        let _ = writeln!(text, "# HELP {name}{suffix} {}", escaped(help));
        let _ = writeln!(text, "# TYPE {name}{suffix} {kind}");
    }
}

fn line(text: &mut String, (name, suffix): (&str, &str), sample: &Sample, value: &str) {
    let _ = write!(text, "{name}{suffix}");
    for (at, (label, value)) in sample.labels.iter().enumerate() {
        let opening = if at == 0 { '{' } else { ',' };
        let _ = write!(text, "{opening}{label}=\"{}\"", escaped(value));
    }
    let closing = if sample.labels.is_empty() { "" } else { "}" };
    let _ = writeln!(text, "{closing} {value}");
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn seconds(at: EpochMillis) -> String {
    format!("{}.{:03}", at.0.div_euclid(1_000), at.0.rem_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn families() -> Vec<Family> {
        let sample = |labels, value, since| Sample { labels, value, since };
        let labels = vec![("account", "1".to_owned()), ("function", "a\\\"b\nc".to_owned())];
        let since = Some(EpochMillis(1_793_491_200_007));
        vec![
            Family {
                name: "overtime_timeouts",
                kind: Kind::Counter,
                help: "Invocations that timed out.",
                samples: vec![sample(labels, 3, since)],
            },
            Family {
                name: "overtime_functions",
                kind: Kind::Gauge,
                help: "Functions.",
                samples: vec![sample(Vec::new(), 1, None)],
            },
        ]
    }

    #[test]
    fn each_format_in_its_own_words() {
        expect![[r#"
            # HELP overtime_timeouts_total Invocations that timed out.
            # TYPE overtime_timeouts_total counter
            overtime_timeouts_total{account="1",function="a\\\"b\nc"} 3
            # HELP overtime_functions Functions.
            # TYPE overtime_functions gauge
            overtime_functions 1
        "#]]
        .assert_eq(&Format::Text.write(&families()));
        expect![[r#"
            # HELP overtime_timeouts Invocations that timed out.
            # TYPE overtime_timeouts counter
            overtime_timeouts_total{account="1",function="a\\\"b\nc"} 3
            overtime_timeouts_created{account="1",function="a\\\"b\nc"} 1793491200.007
            # HELP overtime_functions Functions.
            # TYPE overtime_functions gauge
            overtime_functions 1
            # EOF
        "#]]
        .assert_eq(&Format::OpenMetrics.write(&families()));
    }
}
