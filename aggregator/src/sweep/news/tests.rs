//! News, looked for in a store.

use super::*;
use crate::{
    domain::{
        hour::{HourView, StandingHour},
        view,
    },
    store::laboratory::{Laboratory, at, function},
};

fn soon() -> EpochMillis {
    at(60_000)
}

fn next_day() -> EpochMillis {
    at(0).plus(Duration::from_hours(30))
}

async fn put(store: &Store, name: &str, writes: u64) {
    let (hour, view) = (Hour::of(at(0)), HourView::default());
    let hour = StandingHour { hour, basis: view::Basis::of(writes), view };
    let row = Summary::of(&function(name), &[hour]).unwrap();
    assert!(store.put_summary(&row).await.unwrap());
}

async fn found(news: &News) -> usize {
    news.look().await.unwrap().len()
}

#[tokio::test]
async fn what_was_asked_for_is_no_news_and_what_has_changed_is() {
    let lab = Laboratory::open().await;
    let another = || News::new(lab.store.clone(), soon);
    let news = another();
    assert_eq!(found(&news).await, 0);
    put(&lab.store, "orders", 1).await;
    assert_eq!(found(&news).await, 1);
    assert_eq!(found(&news).await, 0);
    put(&lab.store, "orders", 2).await;
    put(&lab.store, "basket", 1).await;
    assert_eq!(found(&news).await, 1, "they go together");
    // Another process has never seen any, and finds that what it asks for is asked for already.
    assert_eq!(found(&another()).await, 0);
    put(&lab.store, "orders", 3).await;
    assert_eq!(found(&another()).await, 1, "it asks for all of them");
    assert_eq!(found(&news).await, 1, "it asks for the one that has changed");
}

#[tokio::test]
async fn a_function_that_was_not_heard_of_for_more_than_a_day_is_no_news() {
    let lab = Laboratory::open().await;
    put(&lab.store, "orders", 1).await;
    assert_eq!(found(&News::new(lab.store.clone(), next_day)).await, 0);
}

#[tokio::test]
async fn many_functions_are_several_errands() {
    let lab = Laboratory::open().await;
    for number in 0..=FUNCTIONS_MAX {
        put(&lab.store, &format!("f{number:03}"), 1).await;
    }
    let news = News::new(lab.store.clone(), soon);
    assert_eq!(found(&news).await, 2);
    assert_eq!(found(&news).await, 0);
}
