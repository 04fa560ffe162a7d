//! What the deployment lets each door do to the tables.
//!
//! It is read out of the template that the CDK makes, with which `infra/check` compares what Terraform makes. So a door that is
//! taught to write something new fails here before it fails in somebody's account.

use std::{path::Path, sync::LazyLock};

use serde_json::Value;

/// The template, without what follows from the content of assets; the CDK's tests see that it is true.
static TEMPLATE: LazyLock<Value> = LazyLock::new(|| {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/cdk/test/snapshots/aggregator.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
});

/// One thing that a request does.
#[derive(Debug, PartialEq, Eq)]
struct Deed {
    action: String,
    /// `facts`, `state`, or `state/index/NAME`.
    resource: String,
    /// The partition that is written to.
    partition: Option<String>,
}

#[derive(Debug)]
struct Statement {
    actions: Vec<String>,
    resources: Vec<String>,
    /// How partitions begin that it is limited to.
    partitions: Option<Vec<String>>,
}

/// Why DynamoDB would refuse this request of a door, if it would.
pub(super) fn refusal(door: &str, operation: &str, body: &Value) -> Option<String> {
    let statements = statements(door);
    let refused = deeds(operation, body)
        .into_iter()
        .find(|deed| !statements.iter().any(|it| it.allows(deed)))?;
    let Deed { action, resource, partition } = refused;
    let partition = partition.unwrap_or_default();
    Some(format!("the deployment does not allow {door} {action} on {resource} {partition}"))
}

impl Statement {
    fn allows(&self, deed: &Deed) -> bool {
        let partition = match (&self.partitions, &deed.partition) {
            (None, _) => true,
            (Some(begin), Some(partition)) => begin.iter().any(|it| partition.starts_with(it)),
            (Some(_), None) => false,
        };
        partition && self.actions.contains(&deed.action) && self.resources.contains(&deed.resource)
    }
}

fn deeds(operation: &str, body: &Value) -> Vec<Deed> {
    let deed = |operation: &str, body: &Value| {
        let table = body["TableName"].as_str().unwrap_or_default();
        let table = table.strip_prefix("overtime-").unwrap_or(table);
        let index = body["IndexName"].as_str().map(|it| format!("/index/{it}"));
        let key = [&body["Item"], &body["Key"]].into_iter().find_map(|it| it["pk"]["S"].as_str());
        Deed {
            action: format!("dynamodb:{operation}"),
            resource: format!("{table}{}", index.unwrap_or_default()),
            partition: key.map(str::to_owned),
        }
    };
    let together = body["TransactItems"].as_array().into_iter().flatten();
    let together = together.filter_map(Value::as_object).flatten();
    let together = together.map(|(kind, body)| deed(&format!("{kind}Item"), body));
    match operation {
        "TransactWriteItems" | "TransactGetItems" => together.collect(),
        _ => vec![deed(operation, body)],
    }
}

/// What the role of a door may do to tables.
fn statements(door: &str) -> Vec<Statement> {
    let role = format!("Overtime{}Role", capital(door));
    let resources = TEMPLATE["Resources"].as_object().unwrap();
    let policies = resources
        .iter()
        .filter(|(id, it)| it["Type"] == "AWS::IAM::Policy" && id.starts_with(&role));
    let statements = policies
        .flat_map(|(_, it)| it["Properties"]["PolicyDocument"]["Statement"].as_array().unwrap());
    let read: Vec<_> = statements.map(statement).collect();
    assert!(!read.is_empty(), "the template has no policy of {door}");
    read
}

fn statement(it: &Value) -> Statement {
    assert_eq!(it["Effect"], "Allow", "{it}");
    let keys = &it["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    let texts =
        |it: &Value| many(it).iter().filter_map(|it| it.as_str().map(str::to_owned)).collect();
    let begin =
        |it: String| it.strip_suffix('*').expect("it names how partitions begin").to_owned();
    Statement {
        actions: texts(&it["Action"]),
        resources: many(&it["Resource"]).iter().filter_map(|it| resource(it)).collect(),
        partitions: (!keys.is_null()).then(|| {
            let keys: Vec<String> = texts(keys);
            keys.into_iter().map(begin).collect()
        }),
    }
}

/// A table or index that a template refers to.
fn resource(it: &Value) -> Option<String> {
    if let Some(parts) = it["Fn::Join"][1].as_array() {
        return Some(format!("{}{}", resource(&parts[0])?, parts[1].as_str()?));
    }
    let id = it["Fn::GetAtt"][0].as_str()?;
    if it["Fn::GetAtt"][1] != "Arn" {
        return None;
    }
    let table = [("OvertimeTablesFacts", "facts"), ("OvertimeTablesState", "state")];
    table.iter().find(|(begin, _)| id.starts_with(begin)).map(|(_, name)| (*name).to_owned())
}

/// Templates have one where there is only one.
fn many(it: &Value) -> Vec<&Value> {
    match it {
        Value::Array(all) => all.iter().collect(),
        Value::Null => Vec::new(),
        one @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            vec![one]
        }
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|it| it.to_ascii_uppercase().to_string() + letters.as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(door: &str, operation: &str, body: Value, expected: Expect) {
        expected.assert_eq(&refusal(door, operation, &body).unwrap_or_default());
    }

    fn item(pk: &str) -> Value {
        json!({ "TableName": "overtime-state", "Item": { "pk": { "S": pk }, "sk": { "S": "-" } } })
    }

    #[test]
    fn what_a_door_is_not_there_for_is_refused() {
        check("evaluate", "PutItem", item("A#111122223333#eu-west-1#orders"), expect![""]);
        check(
            "evaluate",
            "PutItem",
            item("K#"),
            expect!["the deployment does not allow evaluate dynamodb:PutItem on state K#"],
        );
        check(
            "console",
            "PutItem",
            item("S#07"),
            expect!["the deployment does not allow console dynamodb:PutItem on state S#07"],
        );
        check(
            "sweep",
            "Scan",
            json!({ "TableName": "overtime-facts" }),
            expect!["the deployment does not allow sweep dynamodb:Scan on facts "],
        );
        let both =
            json!({ "TransactItems": [{ "Put": item("O#f765#team") }, { "Put": item("R#1") }] });
        check(
            "deliver",
            "TransactWriteItems",
            both,
            expect!["the deployment does not allow deliver dynamodb:PutItem on state R#1"],
        );
    }

    #[test]
    fn an_index_is_a_resource_of_its_own() {
        let mut query = json!({ "TableName": "overtime-state", "IndexName": "by_due" });
        check("console", "Query", query.clone(), expect![""]);
        query["IndexName"] = json!("by_color");
        check(
            "console",
            "Query",
            query,
            expect![
                "the deployment does not allow console dynamodb:Query on state/index/by_color "
            ],
        );
    }
}
