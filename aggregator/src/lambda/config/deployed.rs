//! The settings that the deployment gives each door are those that it reads.
//!
//! They are read out of the templates that the CDK makes; `infra/check` compares with them what Terraform makes.

use std::{cell::RefCell, collections::BTreeSet, path::Path};

use serde_json::{Map, Value};

use super::Config;

/// What no deployment can do without, and all that there is to be set.
const TEMPLATES: [&str; 2] = ["aggregator", "everything"];
const DOORS: [&str; 5] = ["ingest", "evaluate", "deliver", "sweep", "console"];

/// What nothing deploys: all files that a function has are its code, which is no place for secrets; and what is deployed has a host of
/// its own, so that only somebody's own proxy puts it below a path.
const NEVER_SET: [&str; 2] = ["OVERTIME_SECRETS_DIR", "OVERTIME_BASE_PATH"];

/// The variables of each door's function in a template, by door.
fn deployed(template: &str) -> Vec<(String, Map<String, Value>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/cdk/test/snapshots");
    let text = std::fs::read_to_string(folder.join(format!("{template}.json"))).unwrap();
    let template: Value = serde_json::from_str(&text).unwrap();
    let resources = template["Resources"].as_object().unwrap().values();
    let functions = resources.filter(|it| it["Type"] == "AWS::Lambda::Function");
    functions
        .map(|it| {
            let variables = it["Properties"]["Environment"]["Variables"].as_object().unwrap();
            (variables["OVERTIME_DOOR"].as_str().unwrap().to_owned(), variables.clone())
        })
        .collect()
}

/// A value as CloudFormation would put it together, as far as its form matters.
fn value(it: &Value) -> String {
    if let Some(text) = it.as_str() {
        return text.to_owned();
    }
    if let Some(parts) = it["Fn::Join"][1].as_array() {
        return parts.iter().map(value).collect();
    }
    let of = it["Ref"].as_str().or(it["Fn::GetAtt"][0].as_str()).unwrap_or_default();
    let known = [
        ("OvertimeTables", "overtime-table"),
        ("OvertimeDeliverMail", "https://sqs.eu-west-1.amazonaws.com/999988887777/deliver"),
        ("OvertimeEvaluateMail", "https://sqs.eu-west-1.amazonaws.com/999988887777/evaluate"),
        ("OvertimeConsoleUrl", "https://console.lambda-url.eu-west-1.on.aws/"),
    ];
    let found = known.iter().find(|(begin, _)| of.starts_with(begin));
    found.unwrap_or_else(|| panic!("nobody knows what {it} is")).1.to_owned()
}

/// What a door makes of the variables it is given, and which it asked for.
fn read(variables: &Map<String, Value>) -> (Config, BTreeSet<String>) {
    let asked = RefCell::new(BTreeSet::new());
    let lookup = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        variables.get(name).map(value)
    };
    let config = Config::read(lookup).unwrap();
    (config, asked.into_inner())
}

#[test]
fn every_door_opens_as_it_is_deployed_and_is_told_nothing_else() {
    for template in TEMPLATES {
        let mut doors = deployed(template);
        doors.sort_by_key(|(door, _)| DOORS.iter().position(|it| it == door));
        assert!(doors.iter().map(|(door, _)| door.as_str()).eq(DOORS), "{template}");
        for (door, variables) in doors {
            let (config, asked) = read(&variables);
            assert_eq!(config.settings.door(), door);
            let unread: Vec<_> = variables.keys().filter(|it| !asked.contains(*it)).collect();
            assert!(unread.is_empty(), "{template}: {door} is told {unread:?} and does not ask");
        }
    }
}

#[test]
fn every_setting_of_a_door_can_be_deployed() {
    for (door, variables) in deployed("everything") {
        let (_, asked) = read(&variables);
        let can_be_set = asked.iter().filter(|it| !NEVER_SET.contains(&it.as_str()));
        let unset: Vec<_> = can_be_set.filter(|it| !variables.contains_key(*it)).collect();
        assert!(unset.is_empty(), "{door} asks for {unset:?}, and nothing can set it");
    }
}

#[test]
fn the_others_know_that_deliver_has_a_webhook() {
    for (template, expected) in [("aggregator", false), ("everything", true)] {
        for (door, variables) in deployed(template).iter().filter(|(door, _)| door != "ingest") {
            assert_eq!(read(variables).0.environment, expected, "{template}: {door}");
        }
    }
}

#[test]
fn those_who_find_something_to_tell_know_that_deliver_tells_it() {
    for (template, expected) in [("aggregator", false), ("everything", true)] {
        for (door, variables) in deployed(template) {
            let tells = ["evaluate", "deliver", "sweep"].contains(&door.as_str());
            assert_eq!(read(&variables).0.receiver, expected && tells, "{template}: {door}");
        }
    }
}
