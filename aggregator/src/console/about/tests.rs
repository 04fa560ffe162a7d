//! About, with nothing in the store and with something refused.

use crate::{
    console::visitor::Visitor,
    domain::{
        hour::Hour,
        rejection::{Caller, Reason, Rejection},
    },
    store::laboratory::at,
};

#[tokio::test]
async fn it_says_what_this_is_and_how_far_it_is_to_be_believed() {
    let visitor = Visitor::open().await;
    let page = visitor.get("/about").await.is(200);
    for words in [
        "nothing yet",
        "Nothing, as far as was counted.",
        "OVERTIME_RETAIN_FACTS",
        "3d",
        "Zero-Clause BSD",
        "anna, admin",
    ] {
        page.says(words);
    }
    page.says(env!("CARGO_PKG_VERSION"));
    let what =
        Rejection { hour: Hour::of(at(0)), reason: Reason::Malformed, caller: Caller::Loopback };
    visitor.laboratory.store.add_rejections(&what, 1_234).await.unwrap();
    visitor.laboratory.store.ensure_defaults(at(0)).await.unwrap();
    let page = visitor.get("/about").await.is(200);
    page.says("malformed 1,234");
    page.says("loopback 1,234");
    page.says("created subscription fleet-incident");
}
