//! The command against an aggregator: what is brought, what is left out, and what is never done.

use std::fs;

use axum::Extension;
use serde_json::Value;
use tokio::net::TcpListener;

use super::*;
use crate::{
    api::{self, Reader, viewer::Viewer},
    client::{Where, auth::Auth},
    store::laboratory::Laboratory,
};

struct Desk {
    laboratory: Laboratory,
    files: tempfile::TempDir,
    url: String,
}

impl Desk {
    async fn open() -> Self {
        let laboratory = Laboratory::open().await;
        let reader = Reader::new(laboratory.store.clone(), clock::now);
        let router = api::read(reader).layer(Extension(Viewer::local()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { laboratory, files: tempfile::tempdir().unwrap(), url }
    }

    fn there(&self) -> Where {
        Where { url: self.url.clone(), auth: Auth::Token }
    }

    async fn import(&self, text: &str, dry_run: bool) -> anyhow::Result<ExitCode> {
        let file = self.files.path().join("list.json");
        fs::write(&file, text).unwrap();
        let import = Import { there: self.there(), files: vec![file], layer: None, dry_run };
        import.run().await
    }

    /// Each account and region, with its functions and how many of them have the layer.
    async fn standing(&self) -> Vec<(String, usize, usize)> {
        let lists = self.laboratory.store.inventories().await.unwrap();
        let counted = lists.iter().map(|it| {
            let functions = &it.inventory.functions;
            let layered = functions.iter().filter(|it| it.layer.is_some()).count();
            (it.place.to_string(), functions.len(), layered)
        });
        counted.collect()
    }
}

fn function(region: &str, name: &str, layer: Option<&str>) -> Value {
    let layers = layer
        .map(|it| json!([{"Arn": format!("arn:aws:lambda:{region}:999988887777:layer:{it}:2")}]));
    json!({"FunctionArn": format!("arn:aws:lambda:{region}:012345678901:function:{name}"),
        "PackageType": "Zip", "Version": "$LATEST", "Layers": layers})
}

#[tokio::test]
async fn lists_are_brought_by_account_and_region_and_replace_what_was_said_before() {
    let desk = Desk::open().await;
    let eu = json!({"Functions": [function("eu-west-1", "a", Some("overtime-arm64")), function("eu-west-1", "b", None), {"FunctionArn": "x"}]});
    let us = json!({"Functions": [function("us-east-1", "c", Some("other"))]});
    desk.import(&format!("{eu}\n{us}"), true).await.unwrap();
    assert_eq!(desk.standing().await, [], "it was only to say what it would do");
    for _ in 0..2 {
        desk.import(&format!("{eu}\n{us}"), false).await.unwrap();
        let expected = [("012345678901 eu-west-1", 2, 1), ("012345678901 us-east-1", 1, 0)];
        assert_eq!(
            desk.standing().await,
            expected.map(|(place, all, layered)| (place.to_owned(), all, layered))
        );
    }
    desk.import(&json!([function("eu-west-1", "b", None)]).to_string(), false).await.unwrap();
    assert_eq!(desk.standing().await[0], ("012345678901 eu-west-1".to_owned(), 1, 0));
    assert_eq!(desk.standing().await.len(), 2, "what was not brought is left alone");

    let forget = Forget {
        there: desk.there(),
        account: "012345678901".to_owned(),
        region: "us-east-1".to_owned(),
    };
    forget.run().await.unwrap();
    assert_eq!(desk.standing().await.len(), 1);
    let again = forget.run().await.unwrap_err().to_string();
    assert!(again.contains("404") && again.contains("there is no inventory"), "{again}");
}

#[tokio::test]
async fn what_is_no_list_is_said_and_nothing_of_it_is_brought() {
    let desk = Desk::open().await;
    let list = json!({"Functions": [function("eu-west-1", "a", None)]}).to_string();
    let cut =
        desk.import(&format!("{list} {{\"Functions\": ["), false).await.unwrap_err().to_string();
    assert!(cut.contains("is not JSON, from line 1"), "{cut}");
    let nothing = desk.import("{\"Functions\": []}", false).await.unwrap_err().to_string();
    assert_eq!(nothing, "there is no function in it");
    assert_eq!(desk.standing().await, []);
}

#[test]
fn what_is_left_out_is_counted_by_why_and_the_first_are_named() {
    let mut listing = Listing::default();
    let published = json!({"FunctionArn": "arn:aws:lambda:eu-west-1:012345678901:function:a:7"});
    listing.add(
        &json!({"Functions": [published, published, 7], "NextMarker": "x"}),
        &Names::default(),
    );
    let file =
        files::File { name: "list.json".to_owned(), written_at: EpochMillis(0), documents: vec![] };
    let mut brought = Brought::default();
    assert_eq!(brought.left_out(), "nothing was left out");
    brought.add(listing, &file);
    let said = brought.left_out();
    for words in [
        "left out: 3",
        "2 × is a published version",
        "function:a:7",
        "1 × is not an object",
        "list.json says that its list goes on",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
