//! A channel as a form has it. Secrets are references to where they lie, and shown as that.

use serde_json::{Map, Value, json};

use crate::console::field::Fields;

/// Kinds, and the fields of each as the API calls them, with what is shown where nobody has said anything.
pub(super) const KINDS: [(&str, &[(&str, &str)]); 6] = [
    ("webhook", &[("url", ""), ("secret", ""), ("previous_secret", ""), ("format", "standard")]),
    ("slack", &[("url", "")]),
    ("pagerduty", &[("routing_key", ""), ("host", "us"), ("endpoint", "")]),
    ("sns", &[("topic_arn", ""), ("chat", "")]),
    ("eventbridge", &[("bus", "")]),
    ("alertmanager", &[("url", ""), ("username", ""), ("password", ""), ("bearer", "")]),
];

/// The body that a form asks for.
pub(super) fn body(form: &Fields) -> Value {
    let mut body = Map::new();
    put(&mut body, "id", form.value("id"));
    put(&mut body, "name", form.value("name"));
    body.insert("enabled".to_owned(), form.has("enabled", "on").into());
    if let Some(kind) = kind(form) {
        body.insert("kind".to_owned(), kind);
    }
    let limit = form.value("rate_limit");
    if !limit.is_empty() {
        let number = limit.parse::<u64>().map_or_else(|_| limit.into(), Value::from);
        body.insert("rate_limit".to_owned(), number);
    }
    put(&mut body, "fallback", form.value("fallback"));
    body.into()
}

fn kind(form: &Fields) -> Option<Value> {
    let (name, fields) = KINDS.iter().find(|(it, _)| *it == form.value("kind"))?;
    let mut made = Map::new();
    let given = |field: &str| form.value(&format!("{name}.{field}"));
    for (field, _) in *fields {
        match (*name, *field) {
            ("sns", "chat") => {
                made.insert("chat".to_owned(), form.has("sns.chat", "on").into());
            }
            ("alertmanager", "username" | "password") => {}
            _ => put(&mut made, field, given(field)),
        }
    }
    let (username, password) = (given("username"), given("password"));
    if *name == "alertmanager" && !(username.is_empty() && password.is_empty()) {
        let mut basic = Map::new();
        put(&mut basic, "username", username);
        put(&mut basic, "password", password);
        made.insert("basic".to_owned(), basic.into());
    }
    Some(json!({ *name: made }))
}

/// What a form shows of a channel that stands.
pub(super) fn filled(value: &Value) -> Vec<(String, String)> {
    let mut filled = Vec::new();
    let mut fill = |name: &str, value: String| filled.push((name.to_owned(), value));
    let text = |it: &Value| match it {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    };
    for name in ["id", "name", "rate_limit", "fallback"] {
        fill(name, text(&value[name]));
    }
    if value["enabled"] == true {
        fill("enabled", "on".to_owned());
    }
    for (name, fields) in &KINDS {
        let made = &value["kind"][name];
        if made.is_object() {
            fill("kind", (*name).to_owned());
        }
        for (field, usual) in *fields {
            let said = match *field {
                "username" | "password" => &made["basic"][field],
                _ => &made[field],
            };
            match said {
                Value::Bool(true) => fill(&format!("{name}.{field}"), "on".to_owned()),
                Value::Bool(false) => {}
                Value::Null
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_) => {
                    let given = made.is_object().then(|| text(said));
                    let given = given.unwrap_or_else(|| (*usual).to_owned());
                    fill(&format!("{name}.{field}"), given);
                }
            }
        }
    }
    filled
}

/// The field of the form that a pointer into the body means.
pub(super) fn field(pointer: &str) -> String {
    let steps: Vec<&str> = pointer.split('/').skip(1).collect();
    match steps[..] {
        ["kind", name, "basic"] => format!("{name}.username"),
        ["kind", name, "basic", field] | ["kind", name, field] => format!("{name}.{field}"),
        ["kind", ..] => "kind".to_owned(),
        [first, ..] => first.to_owned(),
        [] => String::new(),
    }
}

fn put(into: &mut Map<String, Value>, name: &str, text: &str) {
    if !text.is_empty() {
        into.insert(name.to_owned(), text.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::configuration::Kind;

    fn read(body: &Value) -> Value {
        let entity = Kind::Channel.read(body, None).unwrap_or_else(|it| panic!("{it}: {body:#}"));
        serde_json::to_value(entity).unwrap()
    }

    #[test]
    fn every_kind_comes_back_from_its_form_as_it_was() {
        for kind in [
            json!({"webhook": {"url": "https://hook.example/x", "secret": "ssm:/overtime/hook"}}),
            json!({"webhook": {"url": "https://hook.example/x", "secret": "ssm:/a", "previous_secret": "ssm:/b", "format": "cloudevents"}}),
            json!({"slack": {"url": "env:OVERTIME_SECRET_SLACK"}}),
            json!({"pagerduty": {"routing_key": "secretsmanager:pager#key", "host": "eu", "endpoint": "https://pager.example"}}),
            json!({"sns": {"topic_arn": "arn:aws:sns:eu-west-1:012345678901:alerts", "chat": true}}),
            json!({"sns": {"topic_arn": "arn:aws:sns:eu-west-1:012345678901:alerts", "chat": false}}),
            json!({"eventbridge": {"bus": "ops"}}),
            json!({"alertmanager": {"url": "https://am.example", "basic": {"username": "u", "password": "file:/run/p"}}}),
            json!({"alertmanager": {"url": "https://am.example", "bearer": "ssm:/am"}}),
        ] {
            for (enabled, fallback) in [(true, json!("mail")), (false, Value::Null)] {
                let standing = read(
                    &json!({"id": "ops", "name": "Operations", "enabled": enabled, "kind": kind,
                    "rate_limit": 0, "fallback": fallback}),
                );
                assert_eq!(read(&body(&Fields::of(filled(&standing)))), standing);
            }
        }
    }

    #[test]
    fn every_fault_stands_at_a_field_that_the_form_has() {
        let form = [
            ("kind", "alertmanager"),
            ("alertmanager.username", "u"),
            ("alertmanager.bearer", "hunter2"),
            ("rate_limit", "x"),
        ];
        let form = Fields::of(form.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let faults = Kind::Channel.read(&body(&form), None).unwrap_err();
        let mut named: Vec<String> = faults.0.iter().map(|it| field(&it.field)).collect();
        named.sort();
        let expected = [
            "alertmanager.bearer",
            "alertmanager.password",
            "alertmanager.url",
            "id",
            "name",
            "rate_limit",
        ];
        assert_eq!(named, expected, "{faults}");
        assert!(!faults.to_string().contains("hunter2"), "what may be a secret is not repeated");
        assert_eq!(field("/kind"), "kind");
    }
}
