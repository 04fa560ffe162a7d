//! What is taken out, what is left in, and the laws.

use expect_test::{Expect, expect};
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

#[track_caller]
fn check(line: &str, expected: Expect) {
    expected.assert_eq(&redact(line));
}

#[track_caller]
fn kept(line: &str) {
    assert_eq!(redact(line), line);
}

#[test]
fn what_is_named_a_secret_is_taken_out() {
    check("user=bob password=hunter2, port=5432", expect!["user=bob password=***, port=5432"]);
    check("DB_PASSWORD = 's3 cr3t' next", expect!["DB_PASSWORD = '***' next"]);
    check(
        r#"{"user":"bob","client_secret":"a\"b","n":1}"#,
        expect![[r#"{"user":"bob","client_secret":"***","n":1}"#]],
    );
    check(
        r#"{"body":"{\"apiKey\":\"abcdef\",\"n\":1}"}"#,
        expect![[r#"{"body":"{\"apiKey\":\"***\",\"n\":1}"}"#]],
    );
    check("x-api-key: abcdef&accessToken=xyz123", expect!["x-api-key: ***&accessToken=***"]);
    check("password => 'x' pwd: ab", expect!["password => '*' pwd: **"]);
    check("Authorization: Basic dXNlcjpwYXNz", expect!["Authorization: Basic ***"]);
    check(r#"password="never closed"#, expect![[r#"password="***"#]]);
    check("Set-Cookie: id=a3fWa; Path=/", expect!["Set-Cookie: ***; Path=/"]);
}

#[test]
fn what_looks_like_a_secret_is_taken_out() {
    check("key AKIAIOSFODNN7EXAMPLE used", expect!["key *** used"]);
    check("(ASIAIOSFODNN7EXAMPLE)", expect!["(***)"]);
    check("got wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", expect!["got ***"]);
    check("bearer abcdef0123456789.x-y and more", expect!["bearer *** and more"]);
    check("t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln end", expect!["t=*** end"]);
    check("using ghp_0123456789abcdef0123", expect!["using ***"]);
    check("mail bob.o'neil+x@mail.example.com.", expect!["mail bob.o'***."]);
    check("<bob@example.com>,ann@example.org", expect!["<***>,***"]);
    check("postgres://bob:hunter2@localhost:5432/db", expect!["postgres://***@localhost:5432/db"]);
}

#[test]
fn what_an_operator_needs_is_left_in() {
    kept("RequestId: 5ba1a3c2-7d14-4f1e-9d2b-0f6f1c7f9a11 took 17 ms");
    kept("commit 3f786850e387550fdab836ed7e6dc881de23001b");
    kept("at /var/task/node_modules/.pnpm/lodash@4.17.21/node_modules/lodash/index.js:17:4");
    kept("GET https://api.example.com/v1/orders?id=7 -> 504");
    kept("max_tokens=4096 token_count: 17 password: null secret=");
    kept("the bearer of bad news; @mention; a@b; é=ü");
    kept("sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    kept("arn:aws:lambda:eu-west-1:123456789012:function:orders");
}

#[test]
fn a_line_made_to_be_expensive_is_read_in_time() {
    for piece in
        ["password=", "bearer ", "eyJ", "a@", "://", "\\\"", "AKIA", "x=\"", "sk-", "/", "token:\\"]
    {
        let line = piece.repeat(400_000 / piece.len());
        assert!(redact(&line).len() <= line.len());
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "password",
        "token",
        "secret",
        "Bearer ",
        "basic ",
        "=",
        ": ",
        ":",
        "\"",
        "'",
        "\\",
        "\\\"",
        " ",
        ",",
        "&",
        "@",
        ".",
        "/",
        "+",
        "://",
        "eyJ",
        "eyJhbGciOiJIUzI1NiJ9.",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_0123456789abcdef",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKE",
        "bob",
        "example.com",
        "*",
        "***",
        "é",
        "{",
        "}",
        "null",
        "0",
        "-",
        "_",
    ]);
    vec(piece, 0..24).prop_map(|it| it.concat())
}

proptest! {
    #[test]
    fn never_longer_and_nothing_left_for_a_second_time(line in prop_oneof![pieces(), ".{0,200}".prop_map(String::from)]) {
        let once = redact(&line);
        prop_assert!(once.len() <= line.len());
        prop_assert_eq!(redact(&once), once);
    }

    #[test]
    fn a_named_secret_never_gets_through(before in pieces(), value in "[a-z0-9]{3,40}Q", after in "[ ,;&][ -~]{0,20}") {
        prop_assume!(!before.ends_with(['\\', '"', '\'']));
        let line = format!("{before} password={value}{after}");
        prop_assert!(!redact(&line).contains(&value), "{}", redact(&line));
    }
}
