//! What the aggregator has noticed, read from its API as anybody would.

use std::{collections::HashSet, sync::PoisonError, time::Duration};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use sandbox::{clock, spec::Function};
use serde::Deserialize;
use tokio::{sync::watch, time};

use crate::{SharedLedger, reasons::Analyses, say, verdict::Detected};

const POLL: Duration = Duration::from_millis(250);
/// A timeout may become visible after a later one; what is looked at again is told apart by its identity.
const OVERLAP: SignedDuration = SignedDuration::from_secs(30);

/// A reader of `/api/v1/timeouts`.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    items: Vec<Detected>,
    next: Option<String>,
}

impl Client {
    pub(crate) fn new(url: &str) -> anyhow::Result<Self> {
        let http = sandbox::http::client().context("failed to make an HTTP client")?;
        Ok(Self { http, url: url.to_owned() })
    }

    /// All timeouts that were first accepted after `since`.
    async fn timeouts(&self, since: Timestamp) -> anyhow::Result<Vec<Detected>> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let url =
                format!("{}/api/v1/timeouts?limit=1000&detected_after={since}{cursor}", self.url);
            let page: Page = self.http.get(url).send().await?.error_for_status()?.json().await?;
            all.extend(page.items);
            match page.next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }

    /// Why the aggregator thinks that a function times out.
    pub(crate) async fn analyses(&self, function: &Function) -> anyhow::Result<Analyses> {
        let Function { account, region, name, .. } = function;
        let url = format!("{}/api/v1/functions/{account}/{region}/{name}/analyses", self.url);
        Ok(self.http.get(url).send().await?.error_for_status()?.json().await?)
    }

    /// What stands when as much was detected as was injected, or when patience ends.
    pub(crate) async fn settled(
        &self,
        ledger: &SharedLedger,
        patience: Duration,
    ) -> anyhow::Result<Vec<Detected>> {
        let injected = ledger.lock().unwrap_or_else(PoisonError::into_inner).injected.len();
        let latest = time::Instant::now() + patience;
        loop {
            let detected = self.timeouts(Timestamp::UNIX_EPOCH).await?;
            if detected.len() >= injected || time::Instant::now() >= latest {
                // What would be too much may still be on its way.
                time::sleep(POLL * 4).await;
                return self.timeouts(Timestamp::UNIX_EPOCH).await;
            }
            time::sleep(POLL).await;
        }
    }
}

/// Says each timeout as it is detected, until told to stop.
pub(crate) async fn report(client: Client, mut stopped: watch::Receiver<bool>) {
    let mut seen = HashSet::new();
    let mut since = clock::now() - OVERLAP;
    while time::timeout(POLL, stopped.wait_for(|it| *it)).await.is_err() {
        // An aggregator that is being started again answers the next time.
        let Ok(mut detected) = client.timeouts(since).await else { continue };
        detected.sort_by_key(|it| it.accepted);
        for it in detected {
            let identity = (it.sandbox.clone(), it.request_id.clone(), it.deadline);
            if seen.insert(identity) {
                since = since.max(it.accepted - OVERLAP);
                say(&line(&it));
            }
        }
    }
}

fn line(it: &Detected) -> String {
    let latency =
        it.latency_ms().map_or_else(String::new, |ms| format!("{ms} ms after the deadline"));
    let request = it.request_id.as_deref().unwrap_or("request unknown");
    let Detected { account, region, function, cause, evidence, .. } = it;
    format!(
        "timeout    {account} {region} {function:<17} {cause:<8} {evidence:<12} {latency:<26} {request}"
    )
}
