//! A subscription as a form has it: what is filled in becomes the body that the API reads, and what stands becomes a form.
//!
//! Nothing is judged here. A number that is none goes to the API as the text that it is, so that what is said of it is the same
//! whether it was sent by a form or by a script; what a field that is left empty means is the API's default.

use serde_json::{Map, Value, json};

use crate::console::field::Fields;

/// Conditions, and of each its fields as the API calls them, with what is shown where nobody has said anything.
pub(super) const CONDITIONS: [(&str, &[(&str, &str)]); 8] = [
    ("any_timeout", &[]),
    ("timeout_count", &[("count", "3"), ("window", "5m")]),
    ("timeout_rate", &[("percent", "5"), ("window", "5m"), ("min_invocations", "20")]),
    (
        "near_timeout",
        &[("ratio", "0.8"), ("statistic", "p99"), ("window", "15m"), ("min_invocations", "20")],
    ),
    ("new_offender", &[("quiet_for", "48h")]),
    ("consecutive", &[("count", "3"), ("per", "sandbox")]),
    ("fleet_incident", &[("functions", "5"), ("window", "2m"), ("by", "account, region")]),
    ("no_signal", &[("after", "1h")]),
];
/// What can be told besides the opening.
pub(super) const TOLD: [&str; 3] = ["update", "repeat", "resolved"];
const INCIDENT: &str = "fleet_incident";
const RUNBOOK: &str = "runbook_url";
/// Fields that are words, or lists of words.
const LISTS: [&str; 3] = ["accounts", "regions", "functions"];

/// The body that a form asks for.
pub(super) fn body(form: &Fields) -> Value {
    let mut body = Map::new();
    for name in ["id", "name", "severity", "group_wait", "group_interval", "repeat_interval"] {
        put(&mut body, name, text(form, name));
    }
    body.insert("enabled".to_owned(), form.has("enabled", "on").into());
    let scope = LISTS.iter().map(|it| ((*it).to_owned(), words(form.value(it)).into()));
    let mut scope: Map<_, _> = scope.collect();
    scope.insert("tags".to_owned(), tags(form.value("tags")));
    body.insert("scope".to_owned(), scope.into());
    let condition = form.value("condition");
    put(&mut body, "condition", conditions(form, condition));
    let (m, n) = (number(form.value("m")), number(form.value("n")));
    if m.is_some() || n.is_some() {
        let mut of = Map::new();
        put(&mut of, "m", m);
        put(&mut of, "n", n);
        body.insert("m_of_n".to_owned(), of.into());
    }
    body.insert("causes".to_owned(), form.all("causes").collect::<Vec<_>>().into());
    // What makes an incident says what it is grouped by.
    if condition != INCIDENT {
        body.insert("group_by".to_owned(), words(form.value("group_by")).into());
    }
    let mut resolve = Map::new();
    put(&mut resolve, "after", text(form, "resolve_after"));
    put(&mut resolve, "expire_after", text(form, "expire_after"));
    body.insert("resolve".to_owned(), resolve.into());
    let told = TOLD.map(|it| (it.to_owned(), form.has("notify_on", it).into()));
    body.insert("notify_on".to_owned(), Value::Object(told.into_iter().collect()));
    body.insert("channels".to_owned(), form.all("channels").collect::<Vec<_>>().into());
    body.insert("labels".to_owned(), pairs(form.value("labels")).into());
    let mut annotations = pairs(form.value("annotations"));
    put(&mut annotations, RUNBOOK, text(form, RUNBOOK));
    body.insert("annotations".to_owned(), annotations.into());
    body.into()
}

fn conditions(form: &Fields, condition: &str) -> Option<Value> {
    let (name, fields) = CONDITIONS.iter().find(|(it, _)| *it == condition)?;
    let mut asked = Map::new();
    for (field, _) in *fields {
        let given = form.value(&format!("{name}.{field}"));
        let value = match *field {
            "by" => Some(words(given).into()),
            "window" | "quiet_for" | "after" | "statistic" | "per" => text_of(given),
            _ => number(given),
        };
        put(&mut asked, field, value);
    }
    Some(json!({ *name: asked }))
}

/// What a form shows of a subscription that stands, or of a draft of one.
pub(super) fn filled(value: &Value) -> Vec<(String, String)> {
    let mut filled = Vec::new();
    let mut fill = |name: &str, value: String| filled.push((name.to_owned(), value));
    for name in ["id", "name", "severity", "group_wait", "group_interval", "repeat_interval"] {
        fill(name, written(&value[name]));
    }
    if value["enabled"] == true {
        fill("enabled", "on".to_owned());
    }
    for name in LISTS {
        fill(name, listed(&value["scope"][name], "\n"));
    }
    fill("tags", lines(&value["scope"]["tags"], |it| listed(it, ", ")));
    for (name, fields) in &CONDITIONS {
        let asked = &value["condition"][name];
        let is_it = asked.is_object();
        if is_it {
            fill("condition", (*name).to_owned());
        }
        for (field, usual) in *fields {
            let value = if is_it { listed(&asked[field], ", ") } else { (*usual).to_owned() };
            fill(&format!("{name}.{field}"), value);
        }
    }
    fill("m", written(&value["m_of_n"]["m"]));
    fill("n", written(&value["m_of_n"]["n"]));
    fill("group_by", listed(&value["group_by"], ", "));
    fill("resolve_after", written(&value["resolve"]["after"]));
    fill("expire_after", written(&value["resolve"]["expire_after"]));
    for name in ["causes", "channels"] {
        let entries = value[name].as_array().into_iter().flatten();
        entries.for_each(|it| fill(name, written(it)));
    }
    TOLD.iter().filter(|it| value["notify_on"][**it] == true).for_each(|it| {
        fill("notify_on", (*it).to_owned());
    });
    fill("labels", lines(&value["labels"], written));
    let mut annotations = value["annotations"].clone();
    let runbook = annotations.as_object_mut().and_then(|it| it.remove(RUNBOOK));
    fill(RUNBOOK, runbook.as_ref().map(written).unwrap_or_default());
    fill("annotations", lines(&annotations, written));
    filled
}

/// What an address says that leads to an empty form, over what is in it anyway: by the names of the fields, and by those that lists use.
pub(super) fn prefilled(mut form: Vec<(String, String)>, query: &str) -> Vec<(String, String)> {
    let also = |name: &str| match name {
        "account" => "accounts".to_owned(),
        "region" => "regions".to_owned(),
        "function" => "functions".to_owned(),
        "tag" => "tags".to_owned(),
        "channel" => "channels".to_owned(),
        other => other.to_owned(),
    };
    // Boxes of which none is ticked have no value yet.
    let boxes = ["enabled", "causes", "channels", "notify_on"];
    let is_ours =
        |name: &String| boxes.contains(&name.as_str()) || form.iter().any(|(it, _)| it == name);
    let asked: Vec<_> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (also(&name), value.into_owned()))
        .filter(|(name, value)| !value.is_empty() && is_ours(name))
        .collect();
    form.retain(|(name, _)| !asked.iter().any(|(it, _)| it == name));
    form.extend(asked);
    form
}

/// The field of the form that a pointer into the body means.
pub(super) fn field(pointer: &str) -> String {
    let mut steps = pointer.split('/').skip(1);
    let first = steps.next().unwrap_or_default();
    let (second, third) = (steps.next(), steps.next());
    match (first, second) {
        ("scope", Some(within)) => within.to_owned(),
        ("scope", None) => "functions".to_owned(),
        ("condition", Some(name)) => {
            third.map_or("condition".to_owned(), |field| format!("{name}.{field}"))
        }
        ("m_of_n", second) => second.unwrap_or("m").to_owned(),
        ("resolve", Some("expire_after")) => "expire_after".to_owned(),
        ("resolve", _) => "resolve_after".to_owned(),
        ("annotations", Some(RUNBOOK)) => RUNBOOK.to_owned(),
        (other, _) => other.to_owned(),
    }
}

fn put(into: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        into.insert(name.to_owned(), value);
    }
}

fn text(form: &Fields, name: &str) -> Option<Value> {
    text_of(form.value(name))
}

fn text_of(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| text.into())
}

/// A number, or the text that is none.
fn number(text: &str) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    let whole = text.parse::<u64>().ok().map(Value::from);
    let number =
        whole.or_else(|| text.parse::<f64>().ok().filter(|it| it.is_finite()).map(Value::from));
    Some(number.unwrap_or_else(|| text.into()))
}

fn words(text: &str) -> Vec<&str> {
    text.split(|it: char| it.is_whitespace() || it == ',').filter(|it| !it.is_empty()).collect()
}

/// `team=payments, platform-*` in each line; `team` alone asks for the tag, whatever its value.
fn tags(text: &str) -> Value {
    let lines = text.lines().map(str::trim).filter(|it| !it.is_empty());
    let tag = |line: &str| {
        let (key, values) = line.split_once('=').unwrap_or((line, ""));
        let values = values.split(',').map(str::trim).filter(|it| !it.is_empty());
        (key.trim().to_owned(), values.collect::<Vec<_>>().into())
    };
    Value::Object(lines.map(tag).collect())
}

/// `key=value` in each line.
fn pairs(text: &str) -> Map<String, Value> {
    let lines = text.lines().map(str::trim).filter(|it| !it.is_empty());
    let pair = |line: &str| {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        (key.trim().to_owned(), value.trim().into())
    };
    lines.map(pair).collect()
}

fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        // 5 % is written like that, and not as 5.0.
        Value::Number(number) => {
            number.as_f64().map_or_else(|| number.to_string(), |it| it.to_string())
        }
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn listed(value: &Value, separator: &str) -> String {
    match value.as_array() {
        Some(entries) => entries.iter().map(written).collect::<Vec<_>>().join(separator),
        None => written(value),
    }
}

fn lines(value: &Value, entry: impl Fn(&Value) -> String) -> String {
    let line = |(key, value): (&String, &Value)| {
        let value = entry(value);
        if value.is_empty() { key.clone() } else { format!("{key}={value}") }
    };
    value.as_object().into_iter().flatten().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use crate::domain::configuration::{Entity, Kind, defaults};

    use super::*;

    fn read(body: &Value) -> Value {
        let entity =
            Kind::Subscription.read(body, None).unwrap_or_else(|it| panic!("{it}: {body:#}"));
        serde_json::to_value(entity).unwrap()
    }

    #[test]
    fn what_stands_comes_back_from_its_form_as_it_was() {
        let conditions = [
            json!({"any_timeout": {}}),
            json!({"timeout_count": {"count": 3, "window": "10m"}}),
            json!({"timeout_rate": {"percent": 2.5, "window": "5m", "min_invocations": 50}}),
            json!({"near_timeout": {"ratio": 0.9, "statistic": "p95", "window": "15m", "min_invocations": 7}}),
            json!({"new_offender": {"quiet_for": "48h"}}),
            json!({"consecutive": {"count": 4, "per": "function"}}),
            json!({"fleet_incident": {"functions": 6, "window": "3m", "by": ["account", "tag:team"]}}),
            json!({"no_signal": {"after": "2h"}}),
        ];
        for condition in conditions {
            let about_timeouts =
                condition.get("near_timeout").is_none() && condition.get("no_signal").is_none();
            let windowed = ["timeout_count", "timeout_rate", "near_timeout"]
                .iter()
                .any(|it| condition.get(it).is_some());
            let mut sent = json!({
                "id": "payments", "name": "Payments time out", "enabled": false, "severity": "critical",
                "scope": {"accounts": ["012345678901"], "regions": ["eu-west-1", "eu-north-1"], "functions": ["pay-*", "!*-test"],
                    "tags": {"team": ["payments", "plat form-*"], "tier": []}},
                "condition": condition, "causes": if about_timeouts { json!(["init", "handler"]) } else { json!([]) },
                "group_wait": "30s", "group_interval": "10m", "repeat_interval": "0s",
                "resolve": {"after": "20m", "expire_after": "48h"},
                "notify_on": {"update": false, "repeat": true, "resolved": false},
                "channels": ["ops", "default"], "labels": {"team": "payments", "empty": ""},
                "annotations": {"runbook_url": "https://wiki.example/a=b", "note": "x = y"},
            });
            if windowed {
                sent["m_of_n"] = json!({"m": 2, "n": 3});
            }
            let standing = read(&sent);
            let form = Fields::of(filled(&standing));
            assert_eq!(read(&body(&form)), standing);
        }
        for subscription in defaults() {
            let standing = serde_json::to_value(Entity::Subscription(subscription)).unwrap();
            assert_eq!(read(&body(&Fields::of(filled(&standing)))), standing);
        }
    }

    #[test]
    fn every_fault_stands_at_a_field_that_the_form_has() {
        let form = Fields::of(
            [
                ("condition", "timeout_rate"),
                ("timeout_rate.percent", "lots"),
                ("functions", "a/b"),
                ("m", "9"),
                ("n", "x"),
                ("resolve_after", "soon"),
                ("runbook_url", "wiki"),
                ("labels", "a b=c"),
                ("group_by", "colour"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let faults = Kind::Subscription.read(&body(&form), None).unwrap_err().0;
        let mut named: Vec<String> = faults.iter().map(|it| field(&it.field)).collect();
        named.sort();
        let expected = [
            "functions",
            "group_by",
            "id",
            "labels",
            "n",
            "name",
            "resolve_after",
            "timeout_rate.percent",
        ];
        assert_eq!(named, expected, "{faults:?}");
        assert_eq!(field("/condition"), "condition");
        assert_eq!(field("/scope/tags/team/0"), "tags");
        assert_eq!(field(""), "");
    }

    #[test]
    fn an_address_fills_in_what_it_names_and_nothing_else() {
        let form = filled(
            &json!({"name": "", "condition": {"any_timeout": {}}, "scope": {"accounts": [], "functions": ["*"]}}),
        );
        let form = Fields::of(prefilled(
            form,
            "function=orders&account=012345678901&condition=timeout_count&channel=ops&color=red&region=",
        ));
        assert_eq!((form.value("functions"), form.value("accounts")), ("orders", "012345678901"));
        assert_eq!((form.value("condition"), form.value("color")), ("timeout_count", ""));
        assert!(form.has("channels", "ops"));
    }
}
