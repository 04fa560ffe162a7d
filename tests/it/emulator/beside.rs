//! The aggregator as a process beside the environments: it can be killed, stopped and started again.

use sandbox::aggregator::Aggregator;
use sandbox::{How, binaries};

#[tokio::test]
async fn the_aggregator_comes_back_where_it_was() {
    let any = ([127, 0, 0, 1], 0).into();
    let aggregator = Aggregator::start(binaries::overtime().unwrap(), any).await.unwrap();
    let (url, first) = (aggregator.url(), aggregator.pid());
    aggregator.kill().await;
    aggregator.ended().await;
    assert_eq!(aggregator.pid(), None);
    aggregator.restart().await.unwrap();
    assert_eq!(aggregator.url(), url);
    assert_ne!(aggregator.pid(), first);
    let exit = aggregator.stop().await.unwrap();
    assert_eq!(exit.how, How::Code(0), "SIGTERM is answered gracefully: {}", aggregator.said());
}
