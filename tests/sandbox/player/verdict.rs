//! Asking the aggregator what it knows, until it is what is expected or time is up.
//!
//! Facts become views in their own time, so a difference is looked at again; and what is as
//! expected is looked at once more a second later, because a timeout too many may come late.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::Scenario;
use super::expectation::{Counts, Known, Timeout};
use crate::http;

const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(200);
const DOUBT: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Page {
    items: Vec<Timeout>,
}

#[derive(Deserialize)]
struct Profile {
    counts: Counts,
}

pub(super) async fn await_verdict(scenario: &Scenario, url: &str) -> reqwest::Result<Vec<String>> {
    let client = http::client()?;
    let latest = Instant::now() + PATIENCE;
    loop {
        let differences = scenario.expect.differences(&known(&client, scenario, url).await?);
        if differences.is_empty() {
            sleep(DOUBT).await;
            return Ok(scenario.expect.differences(&known(&client, scenario, url).await?));
        }
        if Instant::now() >= latest {
            return Ok(differences);
        }
        sleep(PAUSE).await;
    }
}

async fn known(client: &Client, scenario: &Scenario, url: &str) -> reqwest::Result<Known> {
    let Scenario { account, region, function, .. } = scenario;
    let filter = format!("account={account}&region={region}&function={function}&limit=100");
    let page = client.get(format!("{url}/api/v1/timeouts?{filter}")).send().await?;
    let page: Page = page.error_for_status()?.json().await?;
    let profile = format!("{url}/api/v1/functions/{account}/{region}/{function}");
    let profile = client.get(profile).send().await?;
    // A function of which nothing was ever heard has no profile, and nothing to count.
    let counts = if profile.status() == StatusCode::NOT_FOUND {
        Counts::default()
    } else {
        profile.error_for_status()?.json::<Profile>().await?.counts
    };
    Ok(Known { timeouts: page.items, counts })
}
