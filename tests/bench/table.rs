//! The findings as one table in Markdown, each beside its target.

use std::time::Duration;

use crate::{
    Findings,
    added::Added,
    logs::{LINES, Logs},
    spread::{Rounds, Spread},
    warm::Cost,
};

pub(crate) fn of(findings: &Findings) -> String {
    let head = ["| what | floor | extension | ratio | target |", "|---|---|---|---|---|"];
    let head = head.map(str::to_owned).to_vec();
    let parts = [process, network, invocations, logs, timeouts].map(|part| part(findings));
    [head].into_iter().chain(parts).flatten().collect::<Vec<_>>().join("\n")
}

/// With a function that prints.
fn logs(findings: &Findings) -> Vec<String> {
    let Logs { floor, extension, storing, bursts: [quiet, burst] } = &findings.logs;
    let cpu = |it: &Cost| ms(it.cpu_per_invocation);
    let of = format!("of {LINES} lines");
    vec![
        compared(
            &format!("CPU per warm invocation {of}, ms, no logs stored"),
            [cpu(floor), cpu(extension)],
            (3, "reported"),
        ),
        compared(
            &format!("CPU per warm invocation {of}, ms, logs stored"),
            [cpu(floor), cpu(storing)],
            (3, "reported"),
        ),
        compared(
            &format!("peak RSS, warm invocations {of}, logs stored, MB"),
            [mb(floor.peak_rss_bytes), mb(storing.peak_rss_bytes)],
            (1, "reported"),
        ),
        alone(
            &format!(
                "objects of {} warm invocations {of}, one in 5 s, and their bytes",
                findings.effort.invocations
            ),
            &format!("{}, {}", storing.objects, storing.object_bytes),
            "reported",
        ),
        compared(
            "peak RSS, 5,000 lines in one invocation, logs stored, MB",
            [mb(quiet.peak_rss_bytes), mb(burst.peak_rss_bytes)],
            (1, "reported"),
        ),
        alone(
            "CPU for 5,000 lines in one invocation, ms, and the object's bytes",
            &format!("{:.0}, {}", ms(burst.cpu), burst.object_bytes),
            "reported",
        ),
    ]
}

/// A row with a ratio.
fn compared(what: &str, [floor, extension]: [f64; 2], (digits, target): (usize, &str)) -> String {
    let ratio = extension / floor;
    format!("| {what} | {floor:.digits$} | {extension:.digits$} | {ratio:.2} × | {target} |")
}

fn alone(what: &str, found: &str, target: &str) -> String {
    format!("| {what} | – | {found} | – | {target} |")
}

fn process(findings: &Findings) -> Vec<String> {
    let Findings { first_next, floor, extension, sending, secured, .. } = findings;
    let peak = extension.peak_rss_bytes.max(sending.peak_rss_bytes);
    vec![
        compared("exec → first `/next`, ms, median", first_next.map(ms), (2, "≤ 1.5 ×")),
        compared("peak RSS on plain HTTP, MB", [mb(floor.peak_rss_bytes), mb(peak)], (1, "≤ 2 ×")),
        compared(
            "peak RSS with TLS and signing, MB",
            [mb(floor.peak_rss_bytes), mb(*secured)],
            (1, "≤ 4 ×"),
        ),
        compared(
            "CPU per warm invocation, ms",
            [ms(floor.cpu_per_invocation), ms(extension.cpu_per_invocation)],
            (3, "≤ 2.5 ×"),
        ),
        alone("CPU per send, ms", &per_send(findings), "reported"),
    ]
}

/// What those invocations cost more after which something was sent.
fn per_send(findings: &Findings) -> String {
    let Findings { extension, sending, effort, .. } = findings;
    let more = sending.cpu_per_invocation.saturating_sub(extension.cpu_per_invocation);
    let sends = u32::try_from(sending.requests.saturating_sub(extension.requests)).unwrap_or(0);
    match (more * effort.invocations).checked_div(sends) {
        Some(each) => format!("{:.3}", ms(each)),
        None => "no send".to_owned(),
    }
}

fn network(findings: &Findings) -> Vec<String> {
    let Cost { requests, body_bytes, .. } = findings.extension;
    let invocations = findings.effort.invocations;
    let seconds = (findings.effort.pace * invocations).as_secs();
    let what = |what: &str| {
        format!("{what} of {invocations} warm invocations in {seconds} s and a bit, and the end")
    };
    let target = |target: &str| {
        if invocations == 1_000 { target.to_owned() } else { format!("{target} of 1,000 in 60 s") }
    };
    vec![
        alone(&what("requests"), &requests.to_string(), &target("≤ 2")),
        alone(&what("body bytes"), &body_bytes.to_string(), &target("≤ 1,000")),
    ]
}

fn invocations(findings: &Findings) -> Vec<String> {
    let [floor, idle, sending] = findings.handlers.map(ms);
    let more = sending - idle;
    let handler = format!(
        "| a handler beside a send at a 128 MB share, ms, mean (slow-down against ours at rest) | {floor:.1} | {sending:.1} ({more:+.1}) | {:.2} × | ≤ +5 |",
        sending / floor,
    );
    added(&findings.added).into_iter().chain([handler]).collect()
}

/// Each beside the floor, and ours beside the floor that is told of telemetry, too.
pub(crate) fn added(added: &Added) -> Vec<String> {
    let Added { floor, floor_again, told, ours, talking: [talking, storing] } = added;
    let against = |floor: &Rounds, it: &Rounds| {
        let ratio = it.spread().p99_ms() / floor.spread().p99_ms();
        format!("{ratio:.2} ×, p = {:.2}", it.chance_of_being(floor))
    };
    let row = |name: &str, it: &Rounds, ratio: &str, target: &str| {
        let (of_floor, own) = (fine(&floor.spread()), fine(&it.spread()));
        format!(
            "| added after the handler returns, {name}, ms | {of_floor} | {own} | {ratio} | {target} |"
        )
    };
    let beside = |name: &str, it: &Rounds| row(name, it, &against(floor, it), "–");
    let floors =
        [beside("the floor once more", floor_again), beside("the floor, told of telemetry", told)];
    let ours = ours.iter().map(|(name, it)| {
        let ratio = format!("{}; of the told floor {}", against(floor, it), against(told, it));
        row(&format!("aggregator {name}"), it, &ratio, "p > 0.05: as the floor")
    });
    let stored = format!(
        "| added after the handler returns, {LINES} lines printed and stored, ms | {} | {} | {} | reported |",
        fine(&talking.spread()),
        fine(&storing.spread()),
        against(talking, storing),
    );
    floors.into_iter().chain(ours).chain([stored]).collect()
}

fn timeouts(findings: &Findings) -> Vec<String> {
    let Findings { timeouts, deaf, floors_timeouts, .. } = findings;
    let (accepted, caused) = (timeouts.accepted.count(), timeouts.caused);
    vec![
        alone(
            &format!("deadline → verdict accepted, ms ({accepted} of {caused})"),
            &timeouts.accepted.in_words(),
            "p50 ≤ 10, p99 ≤ 50",
        ),
        alone(
            "the same beside a runtime that ignores SIGTERM",
            &deaf.accepted.in_words(),
            "reported",
        ),
        format!(
            "| environment let go after a timeout, ms | {} | {} | {:.2} × | p99 ≤ 100 |",
            floors_timeouts.let_go.in_words(),
            timeouts.let_go.in_words(),
            timeouts.let_go.p50_ms() / floors_timeouts.let_go.p50_ms(),
        ),
        alone(
            &format!("deadline → webhook received, ms ({})", timeouts.told.count()),
            &timeouts.told.in_words(),
            "p99 ≤ 300",
        ),
    ]
}

pub(crate) fn fine(spread: &Spread) -> String {
    format!("p50 {:.2}, p99 {:.2}", spread.p50_ms(), spread.p99_ms())
}

pub(crate) fn ms(it: Duration) -> f64 {
    it.as_secs_f64() * 1e3
}

pub(crate) fn mb(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)) / 1024.0
}
