//! Inventories as they are sent and kept.

use serde_json::json;

use super::*;

const NOW: EpochMillis = EpochMillis(1_793_491_200_000);
const LAYER: &str = "arn:aws:lambda:eu-west-1:999988887777:layer:overtime-arm64:3";

#[test]
fn a_list_is_read_whole_or_every_fault_is_named() {
    let sent = json!({"functions": [{"name": "b", "layer": LAYER}, {"name": "a", "package": "image"},
        {"name": "b", "edge": true}, {"name": "a"}]});
    let inventory = Inventory::read(&sent, NOW).unwrap();
    let names: Vec<_> = inventory.functions.iter().map(|it| (it.name.as_str(), it.edge)).collect();
    assert_eq!((names, inventory.taken_at), (vec![("a", false), ("b", false), ("b", true)], NOW));
    assert_eq!(inventory.functions[0].package, Package::Zip, "the later line stands");
    let found = inventory.find(&"b".parse().unwrap()).unwrap();
    assert_eq!(found.layer.as_ref().map(|it| it.version), Some(3));
    assert!(inventory.find(&"c".parse().unwrap()).is_none());

    let wrong = json!({"functions": [{"name": "a b"}, {"name": "c", "layer": "x", "color": 1}],
        "taken_at": "2100-01-01T00:00:00Z"});
    let said = Inventory::read(&wrong, NOW).unwrap_err().to_string();
    for field in [
        "/functions/0/name",
        "/functions/1/layer",
        "/functions/1/color",
        "/taken_at lies in the future",
    ] {
        assert!(said.contains(field), "{field}: {said}");
    }
    assert!(Inventory::read(&json!({"functions": [], "taken_at": "now-1h"}), NOW).is_err());
    assert!(Inventory::read(&json!([]), NOW).is_err());
}

#[test]
fn a_line_is_as_short_as_it_can_be_and_read_back() {
    let listed = |text: Value| {
        Inventory::read(&json!({"functions": [text]}), NOW).unwrap().functions.remove(0)
    };
    for (sent, line) in [
        (json!({"name": "a", "package": "zip"}), r#"{"name":"a"}"#),
        (
            json!({"name": "a", "package": "image", "edge": true}),
            r#"{"name":"a","package":"image","edge":true}"#,
        ),
    ] {
        let listed = listed(sent);
        assert_eq!(serde_json::to_string(&Line::from(&listed)).unwrap(), line);
        let back: Line = serde_json::from_str(line).unwrap();
        assert_eq!(Listed::try_from(back), Ok(listed));
    }
    let unfit: Line = serde_json::from_str(r#"{"name":"a b"}"#).unwrap();
    assert!(Listed::try_from(unfit).is_err());
}
