//! What the chart shows, and what it must never show alike.

use expect_test::{Expect, expect};

use super::*;
use crate::console::chart::fixture::{axis, points, step};

fn chart(steps: &str, changes: &[Change]) -> Traffic {
    let points = points(steps);
    Traffic::of(&axis(&points), &points, changes)
}

#[track_caller]
fn check(steps: &str, expected: Expect) {
    let chart = chart(steps, &[]);
    let bar = |bar: &Bar| match &bar.heights {
        None => "-".to_owned(),
        Some((timeouts, invocations)) => {
            let one = |it: &Height| format!("{}{}", it.class, it.pixels);
            format!("{} {}", one(timeouts), one(invocations))
        }
    };
    let bars: Vec<_> = chart.bars.iter().map(bar).collect();
    let gaps: Vec<_> = chart.gaps.iter().map(|it| format!("{}+{}", it.x, it.width)).collect();
    expected.assert_eq(&format!(
        "{}\n{}\nno data {}",
        chart.caption,
        bars.join(" | "),
        gaps.join(" ")
    ));
}

#[test]
fn nothing_heard_and_nothing_happened_are_not_alike() {
    check(
        "0/40 1/40 . . 10/20 0/0",
        expect![[r"
        11 timeouts of 100 invocations, most at 1 Nov, 01:00 (10). Nothing was heard in 2 of 6 steps.
        calm1 invoked46 | bad9 invoked46 | - | - | bad90 invoked23 | calm1 calm1
        no data 33.33+33.33"]],
    );
    check(
        ". .",
        expect![[r"
        Nothing was heard in this time.
        - | -
        no data 0+100"]],
    );
    check(
        "0/7",
        expect![[r"
        0 timeouts of 7 invocations.
        calm1 invoked46
        no data "]],
    );
}

#[test]
fn what_changed_at_once_is_one_mark() {
    let change = |at: u32, what: &str| Change { at: step(at), what: what.to_owned() };
    let changes = [
        change(2, "version 43"),
        change(9, "far away"),
        change(1, "memory 256 MB"),
        change(2, "timeout 3 s"),
    ];
    let chart = chart("0/1 0/1 0/1 0/1", &changes);
    let marks: Vec<_> = chart
        .marks
        .iter()
        .map(|it| format!("{} {} {}: {}", it.number, it.x, it.when, it.what))
        .collect();
    expect![[r"
        1 25 1 Nov, 00:15: memory 256 MB
        2 50 1 Nov, 00:30: version 43, timeout 3 s"]]
    .assert_eq(&marks.join("\n"));
}

#[test]
fn the_chart_is_a_figure_with_its_table() {
    let change = Change { at: step(1), what: "version <i>43</i>".to_owned() };
    let html = chart("2/40 . 0/3", &[change]).render().unwrap();
    assert!(!html.contains("style=") && !html.contains("<i>"), "{html}");
    expect![[r#"

        <figure class="chart over-time" id="traffic">
        <figcaption><span>2 timeouts of 43 invocations, most at 1 Nov, 00:00 (2). Nothing was heard in 1 of 3 steps.</span> <span class="legend" aria-hidden="true"><span class="key bad">timeouts</span><span class="key invoked">invocations</span><span class="key unseen">no data</span></span></figcaption>
        <svg class="plot" width="100%" height="202" role="img" aria-label="Timeouts and invocations, step by step; the table below has the figures">

        <defs><pattern id="traffic-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 0v7"/></pattern></defs>
        <rect class="gap" x="33.33%" y="22" width="33.33%" height="160" fill="url(#traffic-hatch)"/><text class="label soft halo" x="49.99%" y="38" text-anchor="middle">no data</text>

        <line class="grid" x1="0" x2="100%" y1="22" y2="22"/><line class="ground" x1="0" x2="100%" y1="112" y2="112"/><line class="ground" x1="0" x2="100%" y1="182" y2="182"/>
        <g class="step"><rect class="bad" x="0%" y="22" width="33.33%" height="90"/><rect class="invoked" x="0%" y="136" width="33.33%" height="46"/><rect class="hit" x="0%" y="22" width="33.33%" height="160"/><title>1 Nov, 00:00: 2 timeouts of 40 invocations</title></g><g class="step"><rect class="hit" x="33.33%" y="22" width="33.33%" height="160"/><title>1 Nov, 00:15: no data</title></g><g class="step"><rect class="calm" x="66.66%" y="111" width="33.33%" height="1"/><rect class="invoked" x="66.66%" y="178" width="33.33%" height="4"/><rect class="hit" x="66.66%" y="22" width="33.33%" height="160"/><title>1 Nov, 00:30: 0 timeouts of 3 invocations</title></g>
        <text class="label halo" x="2" y="34">2 timeouts</text><text class="label halo" x="2" y="134">40 invocations</text>

        <g class="mark"><line x1="33.33%" x2="33.33%" y1="14" y2="182"/><circle cx="33.33%" cy="9" r="8"/><text x="33.33%" y="13" text-anchor="middle">1</text><title>1 Nov, 00:15: version &#60;i&#62;43&#60;/i&#62;</title></g>
        <text class="label tick" x="0%" y="197" text-anchor="start">1 Nov</text><text class="label tick minor" x="22.22%" y="197" text-anchor="middle">00:10</text><text class="label tick" x="44.44%" y="197" text-anchor="middle">00:20</text><text class="label tick minor" x="66.66%" y="197" text-anchor="middle">00:30</text><text class="label tick" x="88.88%" y="197" text-anchor="middle">00:40</text>

        </svg>

        <ol class="marks" aria-label="What changed"><li><span class="when">1 Nov, 00:15</span> version &#60;i&#62;43&#60;/i&#62; first seen</li></ol>

        <details id="traffic-figures"><summary>The figures</summary>
        <div class="scroll tall" tabindex="0" role="group" aria-label="Timeouts and invocations, step by step"><table class="rows plain"><thead><tr><th scope="col">From (UTC)</th><th scope="col" class="num">Timeouts</th><th scope="col" class="num">Invocations</th></tr></thead><tbody>
        <tr><th scope="row">1 Nov, 00:00</th><td class="num">2</td><td class="num">40</td></tr><tr><th scope="row">1 Nov, 00:15</th><td class="num soft" colspan="2">no data</td></tr><tr><th scope="row">1 Nov, 00:30</th><td class="num">0</td><td class="num">3</td></tr>
        </tbody></table></div></details>
        </figure>"#]].assert_eq(&html);
}
