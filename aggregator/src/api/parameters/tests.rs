//! What a query may say, and what one that says something else hears.

use expect_test::{Expect, expect};
use overtime_wire::Cause;
use serde::Deserialize;

use super::*;
use crate::api::words::{AccountText, CauseText, Text, WhenText};

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    #[param(inline)]
    account: Option<AccountText>,
    #[param(inline)]
    cause: Option<CauseText>,
    #[param(inline)]
    from: Option<WhenText>,
    limit: Option<u32>,
    #[serde(default)]
    tag: Vec<String>,
}

/// The field and the detail of what a faulty query hears.
#[track_caller]
fn check(query: &str, expected: Expect) {
    let problem = read::<Asked>(query).unwrap_err();
    expected.assert_eq(&problem.to_string());
}

#[test]
fn a_faulty_parameter_is_named() {
    check("account=12", expect!["account is not valid: account is not twelve digits"]);
    check("account=", expect!["account is not valid: account is not twelve digits"]);
    check("from=yesterday", expect!["from is neither RFC 3339 nor of the form now-24h"]);
    check(
        "limit=5&cause=weather",
        expect!["cause is none of unknown, handler, init, extension, out_of_memory"],
    );
    check("limit=many", expect!["limit invalid digit found in string"]);
    check("account=%ff", expect!["account is not valid: account is not twelve digits"]);
}

#[test]
fn strangers_and_doubles_are_refused_by_name() {
    check(
        "color=red",
        expect![
            "color is not a parameter of this path, which has account, cause, from, limit, tag"
        ],
    );
    check(
        "=",
        expect![" is not a parameter of this path, which has account, cause, from, limit, tag"],
    );
    check("cause=init&cause=handler", expect!["cause is given more than once"]);
}

#[test]
fn what_is_asked_is_read_and_may_be_repeated_where_it_says_so() {
    let asked: Asked = read("tag=team&cause=init&tag=tier%3D1&limit=3").unwrap();
    assert_eq!(asked.cause, Some(Text(Cause::Init)));
    assert_eq!((asked.limit, asked.tag), (Some(3), vec!["team".to_owned(), "tier=1".to_owned()]));
    assert!(asked.account.is_none() && asked.from.is_none());
    assert!(read::<Asked>("").unwrap().tag.is_empty());
}
