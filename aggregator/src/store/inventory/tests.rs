//! Lists are replaced whole, and nothing is left of those that were replaced.

use super::*;
use crate::store::{
    laboratory::{Laboratory, at},
    schema::STATE,
};

fn place(region: &str) -> Place {
    Place { account: "012345678901".parse().unwrap(), region: region.parse().unwrap() }
}

fn inventory(functions: usize) -> Inventory {
    let layer = "arn:aws:lambda:eu-west-1:999988887777:layer:overtime-arm64:3".parse().ok();
    let listed = |number: usize| Listed {
        name: format!("f{number:05}").parse().unwrap(),
        edge: false,
        package: crate::domain::inventory::Package::Zip,
        layer: layer.clone(),
    };
    Inventory::of(at(-1_000), (0..functions).map(listed))
}

fn by(ms: i64) -> By<'static> {
    By { author: "somebody", at: at(ms) }
}

/// How many items of inventories there are, whatever they are.
async fn items(lab: &Laboratory) -> usize {
    let scanned = lab.access.dynamo.scan().table_name(STATE).send().await.unwrap();
    let is_one = |it: &&crate::store::item::Item| {
        it["pk"].as_s().is_ok_and(|it| it.starts_with("K#inventory#"))
    };
    scanned.items().iter().filter(is_one).count()
}

#[tokio::test]
async fn a_list_replaces_what_was_said_of_its_place_and_nothing_else() {
    let lab = Laboratory::open().await;
    let store = &lab.store;
    assert_eq!(store.inventories().await.unwrap(), []);
    let long = inventory(2 * PART + 1);
    store.put_inventory(&place("eu-west-1"), &long, (by(0), 1)).await.unwrap();
    store.put_inventory(&place("eu-north-1"), &inventory(1), (by(0), 2)).await.unwrap();
    assert_eq!(items(&lab).await, 4 + 2);
    let standing = store.inventories().await.unwrap();
    assert_eq!(
        standing.iter().map(|it| it.place.region.as_str()).collect::<Vec<_>>(),
        ["eu-north-1", "eu-west-1"]
    );
    assert_eq!((&standing[1].inventory, standing[1].imported_by.as_str()), (&long, "somebody"));
    assert_eq!(standing[1].imported_at, at(0));

    // The same again, and a shorter one: nothing is left of those before.
    store.put_inventory(&place("eu-west-1"), &long, (by(10), 3)).await.unwrap();
    assert_eq!(
        (items(&lab).await, store.inventories().await.unwrap()[1].inventory == long),
        (6, true)
    );
    store.put_inventory(&place("eu-west-1"), &inventory(0), (by(20), 4)).await.unwrap();
    assert_eq!(items(&lab).await, 1 + 2);
    assert_eq!(store.inventories().await.unwrap()[1].inventory.functions, []);

    assert!(store.forget_inventory(&place("eu-west-1"), by(30)).await.unwrap());
    assert!(!store.forget_inventory(&place("eu-west-1"), by(31)).await.unwrap());
    assert_eq!(store.inventories().await.unwrap().len(), 1);
    let records = store.audit(None, 100).await.unwrap();
    let told: Vec<_> = records.iter().map(|(_, it)| (it.action, it.kind)).collect();
    let expected =
        [Action::Deleted, Action::Replaced, Action::Replaced, Action::Created, Action::Created];
    assert_eq!(told, expected.map(|it| (it, About::Inventory)));
    assert_eq!(records[1].1.before.as_ref().unwrap()["functions"], 2 * PART + 1);
}

#[tokio::test]
async fn a_list_of_which_a_part_is_gone_is_not_shown_in_part() {
    let lab = Laboratory::open().await;
    lab.store.put_inventory(&place("eu-west-1"), &inventory(PART + 1), (by(0), 1)).await.unwrap();
    let generation = lab.store.head(&place("eu-west-1")).await.unwrap().unwrap().generation;
    let key = keyed(&schema::part_key(&place("eu-west-1"), &generation, 1));
    lab.access.dynamo.delete_item().table_name(STATE).set_key(Some(key)).send().await.unwrap();
    assert_eq!(lab.store.inventories().await.unwrap(), []);
    // Bringing it again repairs it.
    lab.store.put_inventory(&place("eu-west-1"), &inventory(PART + 1), (by(1), 2)).await.unwrap();
    assert_eq!(lab.store.inventories().await.unwrap().len(), 1);
}

#[test]
fn the_longest_lines_fit_into_an_item() {
    let arn =
        format!("arn:aws-us-gov:lambda:us-gov-west-1:999988887777:layer:{}:1", "x".repeat(140));
    let listed = Listed {
        name: "n".repeat(140).parse().unwrap(),
        edge: true,
        package: crate::domain::inventory::Package::Image,
        layer: arn.parse().ok(),
    };
    let line = serde_json::to_string(&Line::from(&listed)).unwrap();
    assert!(line.len() * PART < 200_000, "{}", line.len());
}
