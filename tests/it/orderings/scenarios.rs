//! The orderings, as scripts and as what must be known afterwards.
//!
//! Each names what Lambda does there, by the developer guide's "Understanding the Lambda execution environment lifecycle"
//! and RAPID's `rapid/handlers.go` and `rapid/shutdown.go`. The function's timeout is two seconds.

use std::time::Duration;

use sandbox::{
    Spec, binaries,
    spec::{Initialization, Telemetry},
};

#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) prepare: fn(Spec) -> Spec,
    pub(super) script: &'static [Step],
    /// In the words of `stage`.
    pub(super) expected: &'static str,
    /// What it may be as well, because the one record that would tell more may come after the process had to go.
    pub(super) at_least: Option<&'static str>,
}

impl Scenario {
    pub(super) fn admits(&self, known: &str) -> bool {
        known == self.expected || self.at_least == Some(known)
    }
}

#[derive(Debug)]
pub(super) enum Step {
    Invoke(&'static str),
    /// Lambda's asynchronous retry: the request id of the one before.
    Retry(&'static str),
    /// Requests that overlap, on a managed instance; over when all of them are.
    Together(&'static [&'static str]),
    /// A request that nobody waits for until the environment has been shut down.
    Leave(&'static str),
    /// So many, one after the other.
    Times(usize, &'static str),
    /// So many milliseconds of nothing.
    Rest(u64),
}

use Step::{Invoke, Leave, Rest, Retry, Times, Together};

const QUICK: Step = Invoke(r#"{"sleep_ms":5}"#);
/// Half a second of waiting, which others can overlap.
const SLOW: &str = r#"{"sleep_ms":500}"#;
const HANG: Step = Invoke(r#"{"hang":true}"#);

fn plain(spec: Spec) -> Spec {
    spec
}

/// A second extension, which misbehaves in a way.
fn beside(spec: Spec, how: &str) -> Spec {
    let probe = binaries::probe().unwrap();
    spec.extension("probe", probe).variable(how, "1")
}

/// Inits that go wrong in a way, so many times.
fn bad_inits(spec: Spec, how: (&str, &str), times: &str) -> Spec {
    let spec = spec.variable(how.0, how.1).variable("FUNCTION_BAD_INITS", times);
    Spec { init_timeout: Duration::from_secs(2), ..spec }
}

fn scenario(name: &'static str, script: &'static [Step], expected: &'static str) -> Scenario {
    Scenario { name, prepare: plain, script, expected, at_least: None }
}

fn prepared(scenario: Scenario, prepare: fn(Spec) -> Spec) -> Scenario {
    Scenario { prepare, ..scenario }
}

pub(super) fn scenarios() -> Vec<Scenario> {
    [answers(), timeouts(), inits(), crashes(), environments(), managed_instances()].concat()
}

/// What ends well, or is an error to nobody but the caller.
fn answers() -> Vec<Scenario> {
    vec![
        scenario("cold-start", &[QUICK], "invocations 1, cold_starts 1"),
        scenario("warm", &[QUICK, QUICK, QUICK, QUICK], "invocations 4, cold_starts 1"),
        scenario(
            "handled-exception-is-a-success",
            &[Invoke(r#"{"throw":true}"#), QUICK],
            "invocations 2, cold_starts 1",
        ),
        scenario(
            "near-timeout",
            &[QUICK, Invoke(r#"{"sleep_ms":1700}"#)],
            "invocations 2, near_timeouts 1, cold_starts 1",
        ),
        scenario("spindown-after-a-rest", &[QUICK, Rest(800)], "invocations 1, cold_starts 1"),
    ]
}

/// A starved process may have to leave before it was heard, and the next one speaks for it; so one more invocation follows.
///
/// runtimeDone(timeout) ‖ SHUTDOWN(timeout), which of them first being the conditions' affair.
fn timeouts() -> Vec<Scenario> {
    vec![
        scenario(
            "timeout-of-the-first",
            &[HANG, QUICK],
            "#1 handler; invocations 2, timeouts 1, cold_starts 2",
        ),
        scenario(
            "timeout-of-a-warm-one-and-a-reset",
            &[QUICK, HANG, QUICK],
            "#2 handler; invocations 3, timeouts 1, cold_starts 2",
        ),
        scenario(
            "timeout-while-computing",
            &[QUICK, Invoke(r#"{"burn_ms":60000}"#), QUICK],
            "#2 handler; invocations 3, timeouts 1, cold_starts 2",
        ),
        scenario(
            "retry-with-the-same-request-id",
            &[HANG, Retry(r#"{"hang":true}"#), QUICK],
            "#1 handler, #1 handler; invocations 3, timeouts 2, cold_starts 3",
        ),
        prepared(
            scenario(
                "timeout-caused-by-an-extension",
                &[QUICK, QUICK],
                "#1 extension; invocations 2, timeouts 1, cold_starts 2",
            ),
            |spec| beside(spec, "PROBE_DEAF_ONCE"),
        ),
        scenario(
            "memory-exhausted-shown-as-a-timeout",
            &[QUICK, Invoke(r#"{"oom":"hang"}"#), QUICK],
            "#2 handler; invocations 3, timeouts 1, cold_starts 2",
        ),
    ]
}

fn inits() -> Vec<Scenario> {
    vec![
        prepared(
            scenario("init-error", &[QUICK], "invocations 1, cold_starts 1, init_failures 1"),
            |spec| bad_inits(spec, ("FUNCTION_INIT_FAILS", "error"), "1"),
        ),
        prepared(
            // The init phase overruns; inside the invocation it does not.
            scenario("init-timeout", &[QUICK], "invocations 1, cold_starts 1, init_timeouts 1"),
            |spec| bad_inits(spec, ("FUNCTION_INIT_MS", "60000"), "1"),
        ),
        prepared(
            // SHUTDOWN is the first and the only word to a process that began inside an invocation.
            scenario(
                "shutdown-is-the-first-event",
                &[QUICK, HANG, QUICK, QUICK],
                "#2 unknown, ? unknown; invocations 4, timeouts 2, cold_starts 3",
            ),
            |spec| {
                let spec = bad_inits(spec, ("FUNCTION_INIT_MS", "60000"), "1");
                let spec = spec.variable("FUNCTION_GOOD_INITS", "1");
                Spec { telemetry: Telemetry::Missing, ..spec }
            },
        ),
        prepared(
            scenario(
                // The second crash within a minute is told of by the life after it.
                "init-exit-twice",
                &[QUICK, QUICK],
                "invocations 2, errors 1, cold_starts 2, init_failures 2",
            ),
            |spec| bad_inits(spec, ("FUNCTION_INIT_FAILS", "exit"), "2"),
        ),
        prepared(
            Scenario {
                // Nothing but `runtimeDone` says which request it was.
                at_least: Some("#2 handler, ? init; invocations 4, timeouts 2, cold_starts 3"),
                ..scenario(
                    "suppressed-init-overruns",
                    &[QUICK, HANG, QUICK, QUICK],
                    "#2 handler, #3 init; invocations 4, timeouts 2, cold_starts 3",
                )
            },
            |spec| {
                let spec = bad_inits(spec, ("FUNCTION_INIT_MS", "60000"), "1");
                spec.variable("FUNCTION_GOOD_INITS", "1")
            },
        ),
    ]
}

fn crashes() -> Vec<Scenario> {
    vec![
        scenario(
            "process-exit",
            &[QUICK, Invoke(r#"{"exit":1}"#), QUICK],
            "invocations 3, errors 1, cold_starts 2",
        ),
        scenario(
            "killed-for-memory",
            &[QUICK, Invoke(r#"{"oom":true}"#), QUICK],
            "invocations 3, out_of_memory 1, cold_starts 2",
        ),
        prepared(
            scenario(
                "another-extension-crashes",
                &[Invoke(r#"{"sleep_ms":300}"#)],
                "invocations 1, errors 1, cold_starts 1",
            ),
            |spec| beside(spec, "PROBE_CRASHES"),
        ),
    ]
}

fn environments() -> Vec<Scenario> {
    vec![
        prepared(
            scenario(
                "provisioned-long-before",
                &[Rest(500), QUICK, HANG, QUICK],
                "#2 handler; invocations 3, timeouts 1",
            ),
            |spec| Spec { initialization: Initialization::ProvisionedConcurrency, ..spec },
        ),
        prepared(
            scenario(
                "restored-from-a-snapshot",
                &[Rest(500), QUICK, HANG],
                "#2 handler; invocations 2, timeouts 1, cold_starts 1",
            ),
            |spec| Spec { initialization: Initialization::SnapStart, ..spec },
        ),
    ]
}

/// Many at once, no INVOKE and no `runtimeDone`: the report alone tells how each ended. Code goes on after its timeout, and keeps
/// its worker as long; nothing is reset.
fn managed_instances() -> Vec<Scenario> {
    let scenarios = [
        scenario(
            "managed-one-after-the-other",
            &[QUICK, Invoke(r#"{"sleep_ms":3500}"#), QUICK],
            "#2 handler; invocations 3, timeouts 1",
        ),
        scenario(
            "managed-all-at-once",
            &[
                Together(&[r#"{"sleep_ms":400}"#, r#"{"sleep_ms":5}"#, r#"{"sleep_ms":200}"#]),
                QUICK,
            ],
            "invocations 4",
        ),
        scenario(
            // It is late to answer, is told so, and its worker serves again.
            "managed-one-overruns-among-others",
            &[
                Together(&[SLOW, r#"{"sleep_ms":2500}"#, r#"{"sleep_ms":5}"#, SLOW]),
                Rest(1_000),
                Together(&[SLOW, SLOW, SLOW, SLOW]),
            ],
            "#2 handler; invocations 8, timeouts 1",
        ),
        scenario(
            "managed-two-overrun-together",
            &[Together(&[r#"{"hang":true}"#, SLOW, r#"{"burn_ms":2600}"#]), QUICK],
            "#1 handler, #3 handler; invocations 4, timeouts 2",
        ),
        scenario(
            // More come and go while it is open than an ordinary environment would ever have to remember.
            "managed-one-overruns-while-many-pass",
            &[Leave(r#"{"hang":true}"#), Times(40, r#"{"sleep_ms":5}"#), Rest(2_500)],
            "#1 handler; invocations 41, timeouts 1",
        ),
        scenario(
            "managed-retry-with-the-same-request-id",
            &[Invoke(r#"{"sleep_ms":2200}"#), Rest(400), Retry(r#"{"sleep_ms":2200}"#)],
            "#1 handler, #1 handler; invocations 2, timeouts 2",
        ),
        scenario(
            "managed-shut-down-with-a-request-open",
            &[QUICK, Leave(r#"{"hang":true}"#), QUICK, Rest(300)],
            "invocations 3, errors 1",
        ),
        scenario(
            // A timeout, its code still running, and another request, all at the end.
            "managed-shut-down-while-late-code-runs",
            &[Together(&[r#"{"hang":true}"#, SLOW]), Leave(r#"{"sleep_ms":1500}"#), Rest(300)],
            "#1 handler; invocations 3, timeouts 1, errors 1",
        ),
        scenario(
            // Whoever shares the process goes with it.
            "managed-process-exit",
            &[QUICK, Together(&[r#"{"hang":true}"#, r#"{"sleep_ms":300,"exit":1}"#])],
            "invocations 3, errors 2",
        ),
    ];
    scenarios.map(|it| prepared(it, |spec| spec.managed(4))).into()
}
