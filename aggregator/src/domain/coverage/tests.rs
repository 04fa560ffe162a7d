//! A fleet in a few words: what a list says, what is heard, and what is made of it.

use std::sync::Arc;

use expect_test::{Expect, expect};
use overtime_wire::Profile;
use proptest::prelude::*;

use super::*;
use crate::domain::{
    hour::Hour,
    inventory::Inventory,
    summary::{Basis, Digest},
};

const NOW: EpochMillis = EpochMillis(1_793_491_200_000);
const DAY: Duration = Duration::from_hours(24);

fn place(region: &str) -> Place {
    Place { account: "012345678901".parse().unwrap(), region: region.parse().unwrap() }
}

/// `name`, and of words after it: `image`, `edge`, `L3` (version of the layer).
fn line(words: &str) -> Listed {
    let mut words = words.split_whitespace();
    let name = words.next().unwrap().parse().unwrap();
    let mut listed = Listed { name, edge: false, package: Package::Zip, layer: None };
    for word in words {
        match word {
            "image" => listed.package = Package::Image,
            "edge" => listed.edge = true,
            layer => {
                let version = layer.strip_prefix('L').unwrap();
                let arn = format!("arn:aws:lambda:eu-west-1:999988887777:layer:overtime:{version}");
                listed.layer = Some(arn.parse().unwrap());
            }
        }
    }
    listed
}

fn list(region: &str, lines: &[&str]) -> Standing {
    let functions = lines.iter().map(|it| line(it));
    Standing {
        place: place(region),
        inventory: Inventory::of(NOW, functions),
        imported_at: NOW,
        imported_by: "somebody".to_owned(),
    }
}

/// A function that was heard of so many hours ago.
fn row(region: &str, name: &str, (hours, extension): (u64, &str)) -> Summary {
    let Place { account, region } = place(region);
    let profile = Profile { extension_version: extension.to_owned(), ..Profile::default() };
    let last_seen = NOW.minus(Duration::from_hours(hours));
    Summary {
        function: FunctionKey { account, region, name: name.parse().unwrap() },
        basis: Basis { generation: 1, newest: Hour::of(last_seen), writes: 1 },
        digest: Arc::new(Digest { last_seen_ms: Some(last_seen.0), profile, ..Digest::default() }),
    }
}

#[track_caller]
fn check(lists: &[Standing], rows: &[Summary], expected: Expect) {
    let coverage = compare(lists, rows, (NOW, DAY));
    let said = |it: &Finding| {
        format!(
            "{}{} {}: {}",
            it.function.name,
            if it.edge { "@" } else { "" },
            it.state().as_str(),
            it.reason.why()
        )
    };
    expected.assert_eq(&coverage.findings.iter().map(said).collect::<Vec<_>>().join("\n"));
}

#[test]
fn who_reports_is_covered_whatever_a_list_says() {
    check(
        &[list("eu-west-1", &["bare", "copied image", "layered L3"])],
        &[
            row("eu-west-1", "bare", (1, "1.2.0")),
            row("eu-west-1", "copied", (2, "1.2.0")),
            row("eu-west-1", "layered", (23, "1.2.0")),
        ],
        expect![[r"
            bare covered: reports
            copied covered: reports
            layered covered: reports"]],
    );
}

#[test]
fn who_does_not_report_is_told_by_why() {
    check(
        &[
            list(
                "eu-west-1",
                &["bare", "fallen L3", "image image", "quiet L3", "was image", "viewer edge"],
            ),
            list("us-east-1", &["viewer"]),
        ],
        &[row("eu-west-1", "fallen", (25, "")), row("eu-west-1", "was", (30, ""))],
        expect![[r"
            bare without_layer: does not have the layer, and is not heard of
            fallen silent: has reported, and has not been heard of lately
            image unsupported: is a container image, which takes no layers: copy the extension into it
            quiet silent: has the layer, and was never heard of
            viewer@ unsupported: is Lambda@Edge, which takes neither layers nor variables
            was silent: has reported, and has not been heard of lately
            viewer unsupported: is Lambda@Edge, which takes neither layers nor variables"]],
    );
}

#[test]
fn the_newest_that_is_seen_is_what_others_are_held_against() {
    check(
        &[list("eu-west-1", &["a L9", "b L10", "c L10", "d L10"])],
        &[
            row("eu-west-1", "a", (1, "1.10.0")),
            row("eu-west-1", "b", (1, "1.9.0")),
            row("eu-west-1", "c", (1, "1.10.0")),
            // What was heard of long ago does not make others old.
            row("eu-west-1", "d", (48, "2.0.0")),
        ],
        expect![[r"
            a old: has an older version of its layer than others
            b old: reports by an older extension than others
            c covered: reports
            d silent: has reported, and has not been heard of lately"]],
    );
}

#[test]
fn who_reports_and_stands_in_no_list_is_said_apart() {
    check(
        &[list("eu-west-1", &[])],
        &[
            row("eu-west-1", "gone", (100, "")),
            row("eu-west-1", "new", (1, "")),
            row("eu-north-1", "other", (1, "")),
        ],
        expect![[r"
            other unknown: reports from an account and region without an inventory
            new unknown: reports, and is not in the inventory of its account and region"]],
    );
}

proptest! {
    /// Each function that is listed or lately heard of is found once, in one state, and a list twice says nothing new.
    #[test]
    fn everybody_is_found_once(
        listed in prop::collection::btree_set("[a-c]{1,2}", 0..8),
        heard in prop::collection::btree_map("[a-c]{1,2}", (0_u64..48, "[0-2][.][0-9]"), 0..8),
        layered in any::<u8>(),
    ) {
        let lines: Vec<_> = listed.iter().enumerate().map(|(at, it)| {
            if layered >> (at % 8) & 1 == 1 { format!("{it} L{at}") } else { it.clone() }
        }).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let lists = [list("eu-west-1", &lines)];
        let rows: Vec<_> = heard.iter()
            .map(|(name, (hours, version))| row("eu-west-1", name, (*hours, version.as_str())))
            .collect();
        let coverage = compare(&lists, &rows, (NOW, DAY));
        let lately = heard.iter().filter(|(_, (hours, _))| *hours <= 24).map(|(name, _)| name.clone());
        let everybody: BTreeSet<String> = listed.iter().cloned().chain(lately.clone()).collect();
        let found: Vec<_> = coverage.findings.iter().map(|it| it.function.name.to_string()).collect();
        prop_assert_eq!(&found, &everybody.into_iter().collect::<Vec<_>>());
        let lately: BTreeSet<String> = lately.collect();
        for finding in &coverage.findings {
            let reports = lately.contains(finding.function.name.as_str());
            let says = matches!(finding.state(), State::Covered | State::Old | State::Unknown);
            prop_assert_eq!(reports, says, "{:?}", finding);
        }
    }
}
