//! The links around a list say what the page was asked, and nothing else.

use expect_test::{Expect, expect};
use serde::Deserialize;

use super::*;
use crate::console::look::tests::look;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only their names matter here")]
struct Asked {
    name: Option<String>,
    tag: Option<String>,
    sort: Option<String>,
    order: Option<String>,
    cursor: Option<String>,
}

#[track_caller]
fn check(target: &str, of: impl Fn(&Listing<'_>) -> String, expected: Expect) {
    let look = look(target, "").unwrap();
    let listing = Listing::new::<Asked>(&look, "/api/v1/functions");
    expected.assert_eq(&of(&listing));
}

const TARGET: &str = "/functions?name=pay-*&tag=team%3Da%26b&refresh=off&unknown=1&cursor=x&order=";

#[test]
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods are of one lifetime, and the closures of any"
)]
fn exports_are_the_apis_with_the_same_question() {
    let tail = expect!["/api/v1/functions.csv?name=pay-*&tag=team%3Da%26b&cursor=x"];
    check(TARGET, |it| it.csv(), tail);
    check("/functions", |it| it.json(), expect!["/api/v1/functions"]);
}

#[test]
fn another_order_begins_at_the_beginning_and_keeps_the_rest() {
    let by = |it: &Listing<'_>| {
        it.heading(("Timeouts", "timeouts"), ("timeouts", Direction::Downwards)).to_string()
    };
    check(
        TARGET,
        by,
        expect![[
            r#"<th scope="col" class="num" aria-sort="descending"><a class="sort" href="/functions?name=pay-*&amp;tag=team%3Da%26b&amp;sort=timeouts&amp;order=asc&amp;refresh=off">Timeouts</a></th>"#
        ]],
    );
    let by = |it: &Listing<'_>| {
        it.heading(("Name", "name"), ("timeouts", Direction::Downwards)).to_string()
    };
    check(
        "/functions",
        by,
        expect![[
            r#"<th scope="col"><a class="sort" href="/functions?sort=name&amp;order=asc">Name</a></th>"#
        ]],
    );
}

#[test]
fn the_way_to_other_parts() {
    check(
        TARGET,
        |it| it.next(Some("y")).unwrap(),
        expect!["/functions?name=pay-*&tag=team%3Da%26b&cursor=y&refresh=off"],
    );
    check(
        TARGET,
        |it| it.first().unwrap(),
        expect!["/functions?name=pay-*&tag=team%3Da%26b&refresh=off"],
    );
    check("/functions", |it| format!("{:?} {:?}", it.first(), it.next(None)), expect!["None None"]);
}

#[test]
fn each_filter_can_be_taken_away() {
    check(
        TARGET,
        |it| format!("{:?}", it.filters()),
        expect![[
            r#"[("name pay-*", "/functions?tag=team%3Da%26b&refresh=off"), ("tag team=a&b", "/functions?name=pay-*&refresh=off")]"#
        ]],
    );
    check(TARGET, |it| it.is_filtered().to_string(), expect!["true"]);
    check("/functions?sort=name", |it| it.is_filtered().to_string(), expect!["false"]);
}

#[test]
fn a_page_ignores_what_it_does_not_know_and_names_what_is_wrong() {
    let seen: Asked = asked(&look(TARGET, "").unwrap()).unwrap();
    assert_eq!(seen.name.as_deref(), Some("pay-*"));
    let twice = asked::<Asked>(&look("/functions?name=a&name=b", "").unwrap()).unwrap_err();
    assert_eq!(twice.to_string(), "name is given more than once");
}
