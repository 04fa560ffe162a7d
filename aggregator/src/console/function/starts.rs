//! What cold starts cost, and what extensions take: a sentence for each that is known, and the table behind.

use crate::{
    api::function::phases::{Inits, Phases},
    console::{
        chart::text::{counted, millis},
        figures::grouped,
    },
};

#[derive(Debug)]
pub(super) struct Starts {
    /// What is worth saying; nothing where nothing is known.
    pub(super) says: Vec<String>,
    pub(super) rows: Vec<Row>,
    /// What extensions took, where it is known.
    pub(super) extensions: Option<String>,
}

/// Inits of one kind.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) count: String,
    /// Half of them, 95 of a hundred, the longest.
    pub(super) took: [Option<String>; 3],
}

impl Starts {
    pub(super) fn of(phases: &Phases) -> Self {
        Self {
            says: phases.inits.iter().map(says).collect(),
            rows: phases.inits.iter().map(Row::of).collect(),
            extensions: extensions(phases),
        }
    }
}

impl Row {
    fn of(inits: &Inits) -> Self {
        let took = inits.duration_ms;
        Self {
            what: format!("{}, {}", kind(inits).1, way(inits)),
            count: grouped(inits.count),
            took: [took.p50, took.p95, took.max].map(|it| it.map(millis)),
        }
    }
}

/// What one and several are called, and who waits for them.
fn kind(inits: &Inits) -> (&'static str, &'static str, &'static str) {
    match (inits.phase, inits.initialization_type) {
        ("restore", _) => ("restore", "restores", "The first call waits for each."),
        ("suppressed_init", _) => (
            "init inside an invocation",
            "inits inside an invocation",
            "The one before it had failed or taken too long, and the function's own timeout ran.",
        ),
        (_, Some("provisioned-concurrency" | "lambda-managed-instances")) => {
            ("init", "inits", "Nobody waits for them.")
        }
        _ => ("init", "inits", "The first call waits for each."),
    }
}

fn way(inits: &Inits) -> &'static str {
    inits.initialization_type.unwrap_or("in a way that was not told")
}

fn says(inits: &Inits) -> String {
    let (one, many, who) = kind(inits);
    let took = inits.duration_ms;
    let took = match (inits.timed, took.p50, took.p95, took.max) {
        (2.., Some(p50), Some(p95), Some(max)) => format!(
            "half took up to {}, 95 % up to {}, the longest {}",
            millis(p50),
            millis(p95),
            millis(max)
        ),
        (1, _, _, Some(max)) if inits.count == 1 => format!("it took {}", millis(max)),
        (1, _, _, Some(max)) => format!("one took {}", millis(max)),
        _ => "what they took was not told".to_owned(),
    };
    let untold = match inits.count.saturating_sub(inits.timed) {
        it if it > 0 && inits.timed > 0 => format!("; of {} it was not told", grouped(it)),
        _ => String::new(),
    };
    let name = if inits.count == 1 { one } else { many };
    format!("{} {name} ({}): {took}{untold}. {who}", grouped(inits.count), way(inits))
}

fn extensions(phases: &Phases) -> Option<String> {
    let it = &phases.extensions;
    let share = it.share.map(|it| match it * 100.0 {
        percent if percent < 0.1 => "less than 0.1 %".to_owned(),
        percent => format!("{percent:.1} %"),
    })?;
    Some(format!(
        "Extensions took {share} of the time of {}: {} on average, {} at most.",
        counted(it.invocations, "invocation"),
        millis(it.mean_ms?),
        millis(it.max_ms?)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::function::phases::{Extensions, InitQuantiles};

    fn inits(phase: &'static str, way: Option<&'static str>, count: u64, timed: u64) -> Inits {
        let known = |ms: f64| (timed > 0).then_some(ms);
        let duration_ms =
            InitQuantiles { p50: known(240.0), p95: known(900.0), max: known(1_200.0) };
        Inits { phase, initialization_type: way, count, timed, duration_ms }
    }

    #[test]
    fn what_is_known_is_said_and_what_is_not_is_not() {
        let extensions = Extensions {
            invocations: 90,
            share: Some(0.0123),
            mean_ms: Some(1.2),
            max_ms: Some(40.0),
        };
        let starts = Starts::of(&Phases {
            inits: vec![
                inits("init", Some("on-demand"), 12, 11),
                inits("restore", Some("snap-start"), 1, 1),
                inits("suppressed_init", Some("on-demand"), 7, 0),
                inits("init", Some("provisioned-concurrency"), 3, 3),
                inits("init", None, 2, 1),
            ],
            extensions,
        });
        expect_test::expect![[r"
            12 inits (on-demand): half took up to 240 ms, 95 % up to 900 ms, the longest 1.2 s; of 1 it was not told. The first call waits for each.
            1 restore (snap-start): it took 1.2 s. The first call waits for each.
            7 inits inside an invocation (on-demand): what they took was not told. The one before it had failed or taken too long, and the function's own timeout ran.
            3 inits (provisioned-concurrency): half took up to 240 ms, 95 % up to 900 ms, the longest 1.2 s. Nobody waits for them.
            2 inits (in a way that was not told): one took 1.2 s; of 1 it was not told. The first call waits for each."]].assert_eq(&starts.says.join("\n"));
        assert_eq!(
            starts.extensions.as_deref(),
            Some(
                "Extensions took 1.2 % of the time of 90 invocations: 1.2 ms on average, 40 ms at most."
            )
        );
        assert_eq!(starts.rows[2].took, [None, None, None]);
        let starts = Starts::of(&Phases::default());
        assert!(starts.says.is_empty() && starts.extensions.is_none());
    }
}
