//! Configuration is read whole or refused with every fault, and reads back as it was written.

use expect_test::{Expect, expect};
use overtime_wire::FunctionKey;
use serde_json::{Value, json};

use super::*;

const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

fn read(kind: Kind, value: &Value) -> Result<Entity, Faults> {
    kind.read(value, Some(NOW))
}

/// Each fault on a line of its own.
#[track_caller]
fn refused(kind: Kind, value: Value, expected: Expect) {
    let faults = read(kind, &value).unwrap_err().0;
    let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[track_caller]
fn written(kind: Kind, value: Value) -> Value {
    let entity = read(kind, &value).unwrap_or_else(|faults| panic!("{faults}"));
    let written = serde_json::to_value(&entity).unwrap();
    let again = kind.read(&written, None).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(again, entity, "reads back as it was written");
    written
}

#[track_caller]
fn subscription(value: Value) -> Subscription {
    match read(Kind::Subscription, &value).unwrap_or_else(|faults| panic!("{faults}")) {
        Entity::Subscription(it) => it,
        other @ (Entity::Channel(_) | Entity::Silence(_)) => panic!("{other:?}"),
    }
}

#[test]
fn a_short_subscription_has_the_rest_by_default() {
    let short = json!({"id": "any", "name": "Any", "condition": {"any_timeout": {}}});
    expect![[r#"{"id":"any","name":"Any","enabled":true,"severity":"warning","scope":{"accounts":[],"regions":[],"functions":[],"tags":{}},"condition":{"any_timeout":{}},"m_of_n":null,"causes":[],"group_by":["account","region","function"],"group_wait":"10s","group_interval":"5m","repeat_interval":"4h","resolve":{"after":"10m","expire_after":"24h"},"notify_on":{"update":true,"repeat":true,"resolved":true},"channels":[],"labels":{},"annotations":{}}"#]]
    .assert_eq(&serde_json::to_string(&subscription(short.clone())).unwrap());
    let mut critical = short;
    critical["severity"] = json!("critical");
    assert_eq!(subscription(critical).group_wait, Span::ZERO, "nobody waits for company");
}

#[test]
fn every_condition_and_every_kind_of_channel_reads_back_as_it_was_written() {
    for condition in [
        json!({"any_timeout": {}}),
        json!({"timeout_count": {"count": 3}}),
        json!({"timeout_rate": {"percent": 2.5, "window": "10m", "min_invocations": 50}}),
        json!({"near_timeout": {"ratio": 0.9, "statistic": "max", "window": "1h"}}),
        json!({"new_offender": {}}),
        json!({"consecutive": {"count": 4, "per": "function"}}),
        json!({"no_signal": {"after": "30m"}}),
    ] {
        written(Kind::Subscription, json!({"id": "a", "name": "A", "condition": condition}));
    }
    for kind in [
        json!({"webhook": {"url": "https://example.com/hook", "secret": "env:OVERTIME_SECRET_HOOK"}}),
        json!({"slack": {"url": "ssm:/overtime/slack"}}),
        json!({"pagerduty": {"routing_key": "secretsmanager:pagerduty#key", "host": "eu"}}),
        json!({"sns": {"topic_arn": "arn:aws:sns:eu-west-1:111122223333:timeouts", "chat": true}}),
        json!({"eventbridge": {"bus": "arn:aws:events:eu-west-1:111122223333:event-bus/ops"}}),
        json!({"alertmanager": {
            "url": "http://127.0.0.1:9093",
            "basic": {"username": "overtime", "password": "file:/run/secrets/am"},
        }}),
    ] {
        written(Kind::Channel, json!({"id": "c", "name": "C", "kind": kind, "fallback": "d"}));
    }
    for default in defaults() {
        written(Kind::Subscription, serde_json::to_value(default).unwrap());
    }
}

#[test]
fn every_fault_is_named_at_once() {
    refused(
        Kind::Subscription,
        json!({
            "id": "Upper",
            "severity": "bad",
            "scope": {"accounts": ["1"], "functions": ["ok", "a/b"], "tags": {"team": "x"}, "acounts": []},
            "condition": {"timeout_rate": {"percent": 0, "window": "90s"}},
            "causes": ["weather"],
            "group_by": ["account", "account"],
            "group_wait": "soon",
            "repeat_interval": "1s",
            "annotations": {"~a/b": 3},
            "chanels": [],
        }),
        expect![[r"
            /id is not 1 to 64 of a-z, 0-9 and '-'
            /name is missing
            /severity is none of critical error warning info
            /scope/accounts/0 account is not twelve digits
            /scope/functions/1 is not a pattern of A-Z, a-z, 0-9, '-', '_', '*' and '?', perhaps after '!'
            /scope/tags/team is not a list
            /scope/acounts is not a field of this, which has accounts, regions, functions, tags
            /condition/timeout_rate/percent is not a number above 0 and up to 100
            /condition/timeout_rate/window is not a whole number of minutes
            /causes/0 is none of unknown, handler, init, extension, out_of_memory
            /group_by has the same entry twice
            /annotations/~0a~1b is under a name that is not 1 to 64 of A-Z, a-z, 0-9, '_', '-', '.', ':' and '/'
            /group_wait is not a whole number and a unit, such as 10s, 5m, 4h or 7d
            /repeat_interval is neither 0s nor between 1m and 7d
            /chanels is not a field of this, which has id, name, enabled, severity, scope, condition, m_of_n, causes, group_by, channels, labels, annotations, resolve, notify_on, group_wait, group_interval, repeat_interval"]],
    );
}

#[test]
fn what_no_field_can_say_alone_is_refused_too() {
    let with = |field: &str, value: Value| {
        let mut it = json!({"id": "a", "name": "A", "condition": {"any_timeout": {}}});
        it[field] = value;
        it
    };
    refused(
        Kind::Subscription,
        with("m_of_n", json!({"m": 2, "n": 3})),
        expect!["/m_of_n cannot be asked of any_timeout, which has no window"],
    );
    let mut silent = with("condition", json!({"no_signal": {"after": "1h"}}));
    silent["causes"] = json!(["init"]);
    refused(
        Kind::Subscription,
        silent,
        expect!["/causes cannot be asked of no_signal, which no timeout opens"],
    );
    refused(
        Kind::Subscription,
        with("annotations", json!({"runbook_url": "javascript:alert(1)"})),
        expect![
            "/annotations has a runbook_url that is not an https:// or http:// URL of at most 2048 characters"
        ],
    );
    refused(
        Kind::Subscription,
        with("resolve", json!({"after": "2h", "expire_after": "1h"})),
        expect!["/resolve/after is more than expire_after, which is 1h"],
    );
    refused(
        Kind::Subscription,
        with("id", json!(ANY_TIMEOUT)),
        expect!["/id is the name of what is built in"],
    );
}

#[test]
fn an_incident_groups_by_what_it_is_by() {
    let incident = |by: Value| {
        json!({"id": "a", "name": "A", "condition": {"fleet_incident": {"by": ["region", "tag:team"]}},
            "group_by": by})
    };
    let by = incident(json!(["tag:team", "region"]));
    assert_eq!(subscription(by).grouping().map(<[_]>::len), Some(2));
    refused(
        Kind::Subscription,
        incident(json!(["region"])),
        expect!["/group_by is not what its fleet_incident is by"],
    );
    let grouping = |by: Value| {
        let it = json!({"id": "a", "name": "A", "condition": {"any_timeout": {}}, "group_by": by});
        subscription(it).grouping().map(<[_]>::len)
    };
    assert_eq!(grouping(json!(["function", "region", "account", "tag:team"])), None);
    assert_eq!((grouping(json!([])), grouping(json!(["function"]))), (Some(0), Some(1)));
}

#[test]
fn a_channel_refers_to_no_secret_that_is_not_meant_for_it() {
    let webhook = |url: &str, secret: &str| json!({"id": "c", "name": "C", "kind": {"webhook": {"url": url, "secret": secret}}});
    refused(
        Kind::Channel,
        webhook("https://key@example.com/", "env:AWS_SECRET_ACCESS_KEY"),
        expect![[r"
            /kind/webhook/url has a user or a password in it: a URL is shown, use a reference to a secret
            /kind/webhook/secret refers to a variable that does not begin with OVERTIME_SECRET_"]],
    );
    refused(
        Kind::Channel,
        webhook("ftp://example.com/", "whsec_c2VjcmV0"),
        expect![[r"
            /kind/webhook/url is not an https:// or http:// URL of at most 2048 characters
            /kind/webhook/secret is not a reference of the form env:NAME, file:PATH, ssm:/NAME or secretsmanager:NAME"]],
    );
    refused(
        Kind::Channel,
        json!({"id": "c", "name": "C", "kind": {"environment": {}}, "fallback": "c"}),
        expect![[r"
            /kind is none of webhook, slack, pagerduty, sns, eventbridge and alertmanager
            /fallback is the channel itself"]],
    );
    refused(
        Kind::Channel,
        json!({"id": "c", "name": "C", "kind": {
            "sns": {"topic_arn": "arn:aws:sqs:eu-west-1:111122223333:timeouts"}}}),
        expect!["/kind/sns/topic_arn is not of the form arn:aws:sns:REGION:ACCOUNT:TOPIC"],
    );
}

#[test]
fn a_silence_ends_says_why_and_silences_something() {
    let silence = written(
        Kind::Silence,
        json!({"id": "s", "matchers": {"functions": ["orders-*"]}, "comment": "Migration"}),
    );
    assert_eq!(silence["starts_at"], "2026-11-01T00:00:00.000Z");
    assert_eq!(silence["ends_at"], "2026-11-01T02:00:00.000Z");
    refused(
        Kind::Silence,
        json!({"id": "s", "matchers": {}, "ends_at": "2026-12-02T00:00:00Z", "comment": ""}),
        expect![[r"
            /matchers asks for nothing, so that everything would be silent
            /ends_at is more than 30 days after starts_at
            /comment is not 1 to 1000 characters long"]],
    );
    let file = json!({"id": "s", "matchers": {"severities": ["info"]}, "comment": "Quiet"});
    let faults = Kind::Silence.read(&file, None).unwrap_err().to_string();
    assert_eq!(faults, "/starts_at is missing; /ends_at is missing");
}

#[test]
fn a_silence_is_pending_then_active_then_over() {
    let value = json!({"id": "s", "matchers": {"severities": ["info"]}, "comment": "Quiet",
        "starts_at": "2026-11-01T01:00:00Z"});
    let Ok(Entity::Silence(mut silence)) = read(Kind::Silence, &value) else { panic!() };
    let hours = |it| NOW.plus(std::time::Duration::from_hours(it));
    let states = |it: &Silence| [0, 1, 2, 3].map(|at| it.state(hours(at)));
    assert_eq!(
        states(&silence),
        [SilenceState::Pending, SilenceState::Active, SilenceState::Active, SilenceState::Expired]
    );
    silence.ended_early_at = Some(hours(2));
    assert_eq!(
        states(&silence),
        [SilenceState::Pending, SilenceState::Active, SilenceState::Expired, SilenceState::Expired]
    );
}

#[test]
fn a_scope_covers_what_has_all_that_is_asked_and_nothing_that_is_excluded() {
    let scope = |value: Value| {
        subscription(
            json!({"id": "a", "name": "A", "condition": {"any_timeout": {}}, "scope": value}),
        )
        .scope
    };
    let function = FunctionKey {
        account: "111122223333".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        name: "orders-api".parse().unwrap(),
    };
    let tags = [("team".to_owned(), "payments".to_owned())].into();
    for (value, covered) in [
        (json!({}), true),
        (json!({"accounts": ["111122223333"], "regions": ["eu-west-1", "us-east-1"]}), true),
        (json!({"accounts": ["444455556666"]}), false),
        (json!({"functions": ["orders-*", "billing-*"]}), true),
        (json!({"functions": ["orders-*", "!*-api"]}), false),
        (json!({"functions": ["!billing-*"]}), true),
        (json!({"tags": {"team": ["pay*"]}}), true),
        (json!({"tags": {"team": []}}), true),
        (json!({"tags": {"tier": ["1"]}}), false),
        (json!({"tags": {"tier": []}}), false),
        (json!({"tags": {"tier": ["!1"]}}), true),
        (json!({"tags": {"team": ["!pay*"]}}), false),
    ] {
        assert_eq!(scope(value.clone()).covers(&function, &tags), covered, "{value}");
    }
}

#[test]
fn spans_are_written_in_the_unit_people_use() {
    for (text, written) in [
        ("0s", "0s"),
        ("60s", "1m"),
        ("90s", "90s"),
        ("48h", "48h"),
        ("2d", "48h"),
        ("168h", "7d"),
        ("90m", "90m"),
    ] {
        assert_eq!(text.parse::<Span>().unwrap().to_string(), written);
    }
    for text in ["", "5", "m", "-5m", "5 m", "1.5h", "9999999999s", "5w"] {
        assert_eq!(text.parse::<Span>(), Err(text::Unfit::Span), "{text}");
    }
}

#[test]
fn what_is_built_in_is_there_while_the_environment_names_a_webhook() {
    let configuration = Configuration::default().with_environment().with_environment();
    let [channel] = &configuration.channels[..] else { panic!() };
    let [subscription] = &configuration.subscriptions[..] else { panic!() };
    assert!(channel.is_built_in() && subscription.is_built_in());
    assert_eq!(subscription.value.channels, std::slice::from_ref(&channel.value.id));
}
