//! What the deployment sets in a watched function is what the extension reads.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use overtime_extension::config::Config;
use serde_json::Value;

/// What a function has by Lambda, for the extension to sign with.
const BY_LAMBDA: [(&str, &str); 4] = [
    ("AWS_REGION", "eu-west-1"),
    ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "example"),
    ("AWS_SESSION_TOKEN", "example"),
];

/// What nothing deploys, and why.
const NEVER_SET: [(&str, &str); 4] = [
    ("OVERTIME_AUTH", "`iam` is its default, and the only thing that ingest takes on AWS"),
    ("OVERTIME_CA_FILE", "a Function URL has a public certificate"),
    ("OVERTIME_LOGS_S3_ENDPOINT", "S3 is where it is"),
    ("OVERTIME_LOGS_S3_REGION", "a bucket elsewhere says so, and is followed there"),
];

#[test]
fn the_extension_reads_what_a_watched_function_is_given_and_nothing_is_misspelt() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/cdk/test/snapshots/watched.json");
    let template: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let resources = template["Resources"].as_object().unwrap().values();
    let functions: Vec<_> = resources.filter(|it| it["Type"] == "AWS::Lambda::Function").collect();
    assert!(!functions.is_empty());
    for function in functions {
        let given = &function["Properties"]["Environment"]["Variables"];
        let asked = RefCell::new(BTreeSet::new());
        let lookup = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            let by_lambda = BY_LAMBDA.iter().find(|(it, _)| *it == name).map(|(_, value)| *value);
            given[name].as_str().or(by_lambda).map(str::to_owned)
        };
        Config::read(lookup).unwrap();
        let asked = asked.into_inner().into_iter().filter(|it| it.starts_with("OVERTIME_"));
        let read: BTreeSet<String> =
            asked.filter(|it| NEVER_SET.iter().all(|(name, _)| name != it)).collect();
        let given: BTreeSet<String> = given.as_object().unwrap().keys().cloned().collect();
        assert_eq!(read, given);
    }
}
