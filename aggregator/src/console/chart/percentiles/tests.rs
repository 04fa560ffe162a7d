//! Lines where something is known, and the timeout as it was then.

use expect_test::{Expect, expect};

use super::*;
use crate::console::chart::fixture::{axis, points};

#[track_caller]
fn check(steps: &str, expected: Expect) {
    let points = points(steps);
    let chart = Percentiles::of(&axis(&points), &points, &[]);
    let labels: Vec<_> =
        chart.labels.iter().map(|it| format!("{} {} {}", it.x, it.y, it.text)).collect();
    expected.assert_eq(&format!(
        "{}\np99 {}\ntimeout {} [{}]\nlogarithmic {}",
        chart.caption,
        chart.p99,
        chart.timeout,
        labels.join(" | "),
        chart.logarithmic
    ));
}

#[test]
fn a_timeout_that_was_changed_is_a_step() {
    check(
        "0/9@1000:3000 0/9@2000:3000 0/9@2900:6000 0/9@900:6000",
        expect![[r"
        The highest p99 was 2.9 s at 1 Nov, 00:30, 48 % of its timeout. Durations are of invocations that ended by themselves, within 5 %.
        p99 M0 153.9H250V127.8H500V104.3H750V156.5H1000
        timeout M0 101.7H250H500V23.5H750H1000 [0 116.7 timeout 3 s | 50 38.5 timeout 6 s]
        logarithmic false"]],
    );
}

#[test]
fn between_what_is_known_nothing_is_drawn() {
    check(
        "0/9@1000 . 0/9@2000:3000 0/9 .",
        expect![[r"
        The highest p99 was 2 s at 1 Nov, 00:30, 67 % of its timeout. Durations are of invocations that ended by themselves, within 5 %.
        p99 M0 127.8H200M400 75.7H600
        timeout M400 23.5H600H800H1000 [40 38.5 timeout 3 s]
        logarithmic false"]],
    );
    check(
        ". .",
        expect![[r"
        No invocation ended by itself in this time, so nothing is known of how long they take.
        p99 
        timeout  []
        logarithmic false"]],
    );
    check(
        "3/3:3000",
        expect![[r"
        No invocation ended by itself in this time, so nothing is known of how long they take.
        p99 
        timeout M0 23.5H1000 [0 38.5 timeout 3 s]
        logarithmic false"]],
    );
}

#[test]
fn what_takes_a_hundredth_of_its_timeout_is_seen() {
    check(
        "0/9@120:900000 0/9@180:900000",
        expect![[r"
        The highest p99 was 180 ms at 1 Nov, 00:15, 0 % of its timeout. Durations are of invocations that ended by themselves, within 5 %.
        p99 M0 137.2H500V131.5H1000
        timeout M0 9.9H500H1000 [0 24.9 timeout 15 min]
        logarithmic true"]],
    );
}

#[test]
fn the_chart_is_a_figure_with_its_table() {
    let points = points("1/9@1000:3000 . 2/2:3000");
    let html = Percentiles::of(&axis(&points), &points, &[]).render().unwrap();
    assert!(!html.contains("style="), "{html}");
    expect![[r#"

        <figure class="chart over-time" id="percentiles">
        <figcaption><span>The highest p99 was 1 s at 1 Nov, 00:00, 33 % of its timeout. Durations are of invocations that ended by themselves, within 5 %.</span> <span class="legend" aria-hidden="true"><span class="line"><svg width="26" height="8"><path class="p50" d="M0 4H26"/></svg>p50</span><span class="line"><svg width="26" height="8"><path class="p95" d="M0 4H26"/></svg>p95</span><span class="line"><svg width="26" height="8"><path class="p99" d="M0 4H26"/></svg>p99</span><span class="line"><svg width="26" height="8"><path class="limit" d="M0 4H26"/></svg>timeout</span></span></figcaption>
        <svg class="plot" width="100%" height="220" role="img" aria-label="Durations and the configured timeout, step by step; the table below has the figures">

        <defs><pattern id="percentiles-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 0v7"/></pattern></defs>
        <rect class="gap" x="33.33%" y="20" width="33.33%" height="180" fill="url(#percentiles-hatch)"/><text class="label soft halo" x="49.99%" y="36" text-anchor="middle">no data</text>

        <line class="grid" x1="0" x2="100%" y1="147.8" y2="147.8"/><line class="grid" x1="0" x2="100%" y1="95.7" y2="95.7"/><line class="grid" x1="0" x2="100%" y1="43.5" y2="43.5"/>
        <line class="ground" x1="0" x2="100%" y1="200" y2="200"/>
        <svg x="0" y="20" width="100%" height="180" viewBox="0 0 1000 180" preserveAspectRatio="none" overflow="visible"><path class="p50" d="M0 174.8H333.3"/><path class="p95" d="M0 153.9H333.3"/><path class="p99" d="M0 127.8H333.3"/><path class="limit" d="M0 23.5H333.3H666.6H999.9"/></svg>
        <text class="label halo soft" x="2" y="143.8">1 s</text><text class="label halo soft" x="2" y="91.7">2 s</text><text class="label halo soft" x="2" y="39.5">3 s</text>
        <text class="label halo limit" x="0%" y="38.5" text-anchor="start">timeout 3 s</text>
        <g class="step"><rect class="hit" x="0%" y="20" width="33.33%" height="180"/><title>1 Nov, 00:00: p50 100 ms, p95 500 ms, p99 1 s, timeout 3 s</title></g><g class="step"><rect class="hit" x="66.66%" y="20" width="33.33%" height="180"/><title>1 Nov, 00:30: none ended by itself, timeout 3 s</title></g>


        <text class="label tick" x="0%" y="215" text-anchor="start">1 Nov</text><text class="label tick minor" x="22.22%" y="215" text-anchor="middle">00:10</text><text class="label tick" x="44.44%" y="215" text-anchor="middle">00:20</text><text class="label tick minor" x="66.66%" y="215" text-anchor="middle">00:30</text><text class="label tick" x="88.88%" y="215" text-anchor="middle">00:40</text>

        </svg>

        <details id="percentiles-figures"><summary>The figures</summary>
        <div class="scroll tall" tabindex="0" role="group" aria-label="Durations and the configured timeout, step by step"><table class="rows plain"><thead><tr><th scope="col">From (UTC)</th><th scope="col" class="num">p50</th><th scope="col" class="num">p95</th><th scope="col" class="num">p99</th><th scope="col" class="num">Longest</th><th scope="col" class="num">Timeout</th></tr></thead><tbody>
        <tr><th scope="row">1 Nov, 00:00</th><td class="num">100 ms</td><td class="num">500 ms</td><td class="num">1 s</td><td class="num">1 s</td><td class="num">3 s</td></tr><tr><th scope="row">1 Nov, 00:15</th><td class="num soft" colspan="5">no data</td></tr><tr><th scope="row">1 Nov, 00:30</th><td class="num"><span class="soft">–<span class="unseen-text"> not known</span></span></td><td class="num"><span class="soft">–<span class="unseen-text"> not known</span></span></td><td class="num"><span class="soft">–<span class="unseen-text"> not known</span></span></td><td class="num"><span class="soft">–<span class="unseen-text"> not known</span></span></td><td class="num">3 s</td></tr>
        </tbody></table></div></details>
        </figure>"#]].assert_eq(&html);
}
