//! What AWS prints, what tools make of it, and what somebody who means ill puts in its place.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What is understood, a line each, and what is not.
fn shown(document: &Value) -> String {
    let mut listing = Listing::default();
    listing.add(document, &Names::default());
    let mut lines = Vec::new();
    for (place, functions) in &listing.places {
        for Listed { name, edge, package, layer } in functions {
            let edge = if *edge { " edge" } else { "" };
            let layer = layer.as_ref().map_or("-".to_owned(), |it| it.version.to_string());
            lines.push(format!("{place} {name} {} {layer}{edge}", package.as_str()));
        }
    }
    lines.extend(listing.skipped.named.iter().map(|(name, why)| format!("! {name} {why}")));
    lines.extend(listing.is_cut().then(|| "…".to_owned()));
    lines.join("\n")
}

#[track_caller]
fn check(document: Value, expected: Expect) {
    expected.assert_eq(&shown(&document));
}

const LAYER: &str = "arn:aws:lambda:eu-west-1:999988887777:layer:overtime-arm64:3";

fn function(name: &str) -> Value {
    json!({
        "FunctionName": name,
        "FunctionArn": format!("arn:aws:lambda:eu-west-1:012345678901:function:{name}"),
        "Runtime": "nodejs22.x", "PackageType": "Zip", "Version": "$LATEST",
        "Layers": [{"Arn": "arn:aws:lambda:eu-west-1:464622532012:layer:Other:9", "CodeSize": 1}, {"Arn": LAYER}],
    })
}

#[test]
fn what_lambda_lists_is_understood() {
    let mut image = function("report");
    image["PackageType"] = "Image".into();
    image["Layers"] = Value::Null;
    let replica = json!({"FunctionName": "us-east-1.viewer",
        "FunctionArn": "arn:aws:lambda:eu-west-1:012345678901:function:us-east-1.viewer",
        "MasterArn": "arn:aws:lambda:us-east-1:012345678901:function:viewer:4"});
    check(
        json!({"Functions": [function("orders"), image, replica], "NextMarker": null}),
        expect![[r"
            012345678901 eu-west-1 orders zip 3
            012345678901 eu-west-1 report image -
            012345678901 eu-west-1 viewer zip - edge"]],
    );
    check(json!({"Functions": [], "NextToken": "x"}), expect!["…"]);
}

#[test]
fn what_config_answers_is_understood() {
    let result = json!({
        "accountId": "012345678901", "awsRegion": "us-east-1", "resourceName": "orders", "version": "1.3",
        "arn": "arn:aws:lambda:us-east-1:012345678901:function:orders",
        "configuration": {"packageType": "Zip", "layers": [{"arn": LAYER, "codeSize": 1}]},
    });
    let bare = json!({"accountId": "012345678901", "awsRegion": "us-east-1", "resourceName": "basket",
        "configuration": {"packageType": "Image"}});
    let wrapped = json!({"accountId": "012345678901", "awsRegion": "us-east-1", "resourceName": "basket2",
        "configuration": "{\"packageType\": \"Image\"}"});
    check(
        json!({"Results": [result.to_string(), bare.to_string(), wrapped],
            "QueryInfo": {"SelectFields": [{"Name": "arn"}]}}),
        expect![[r"
            012345678901 us-east-1 orders zip 3
            012345678901 us-east-1 basket image -
            012345678901 us-east-1 basket2 image -"]],
    );
}

#[test]
fn what_is_no_function_is_left_out_and_said() {
    let mut published = function("orders");
    published["Version"] = "7".into();
    let mut strange = function("orders");
    strange["PackageType"] = "Tar".into();
    let mut layers = function("orders");
    layers["Layers"] = json!([{"Arn": "x"}]);
    let bucket = json!({"resourceType": "AWS::S3::Bucket", "resourceId": "bucket"});
    let gone = json!({"resourceName": "gone", "configurationItemStatus": "ResourceDeleted"});
    check(
        json!([[function("first")], 7, "text", "{", null, {}, published, strange, layers, bucket, gone,
            {"FunctionArn": "arn:aws:s3:::x"}, {"Results": "{}"}, {"FunctionName": "a\u{7}b"},
            [[[[function("deep")]]]]]),
        expect![[r"
            012345678901 eu-west-1 first zip 3
            !  is not an object
            !  is a text that is no JSON object
            !  is a text that is no JSON object
            !  is not an object
            !  has no ARN, and no account, region and name
            ! arn:aws:lambda:eu-west-1:012345678901:function:orders is a published version, and not the function
            ! arn:aws:lambda:eu-west-1:012345678901:function:orders has a package type that is neither Zip nor Image
            ! arn:aws:lambda:eu-west-1:012345678901:function:orders has layers that are none
            ! bucket is not a function
            ! gone is deleted
            ! arn:aws:s3:::x has an ARN that is no function's
            !  has a list that is none
            ! ab has no ARN, and no account, region and name
            !  lies too deep"]],
    );
}

/// Anything that JSON can say, with the words that mean something to us among it.
fn anything() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("FunctionArn".to_owned()),
        Just("configuration".to_owned()),
        Just("Layers".to_owned()),
        Just("arn:aws:lambda:eu-west-1:012345678901:function:us-east-1.x".to_owned()),
        Just("arn:aws:lambda:eu-west-1:012345678901:function:é".to_owned()),
        Just(LAYER.to_owned()),
        Just("{\"Functions\": [[[[1]]]]}".to_owned()),
        ".{0,12}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let key = prop_oneof![
            Just("Functions".to_owned()),
            Just("Results".to_owned()),
            Just("arn".to_owned()),
            Just("accountId".to_owned()),
            word.clone(),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..6)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Every entry of a list is understood or counted, whatever it is.
    #[test]
    fn nothing_is_lost_and_nothing_breaks(entries in prop::collection::vec(anything(), 0..8)) {
        let mut listing = Listing::default();
        listing.add(&json!({"Functions": entries}), &Names::default());
        let plain = |it: &&Value| matches!(it, Value::Object(fields)
            if !fields.contains_key("Functions") && !fields.contains_key("Results"));
        let least = entries.iter().filter(plain).count() as u64;
        prop_assert!(listing.functions() as u64 + listing.skipped.total() >= least);
        prop_assert!(listing.skipped.named.len() <= NAMED_MAX);
    }

    /// What Lambda and Config say of the same functions is the same, in one document or in several.
    #[test]
    fn both_forms_and_every_cut_say_the_same(
        names in prop::collection::vec("[A-Za-z0-9_-]{1,64}", 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let by_lambda: Vec<_> = names.iter().map(|it| function(it)).collect();
        let by_config: Vec<_> = by_lambda.iter().map(|it| Value::from(json!({
            "arn": it["FunctionArn"],
            "configuration": {"packageType": "Zip", "layers": [{"arn": LAYER}]},
        }).to_string())).collect();
        let read = |documents: &[Value]| {
            let mut listing = Listing::default();
            for it in documents {
                listing.add(it, &Names::default());
            }
            (listing.functions(), listing.places, listing.skipped)
        };
        let whole = read(&[json!({"Functions": by_lambda})]);
        let (first, rest) = by_lambda.split_at(cut.index(names.len()));
        prop_assert_eq!(&read(&[json!({"Functions": first}), json!(rest)]), &whole);
        prop_assert_eq!(&read(&[json!({"Results": by_config})]), &whole);
        prop_assert_eq!(whole.0, names.len());
    }
}
