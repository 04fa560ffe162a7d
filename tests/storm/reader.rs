//! What the aggregator says in the end, read from its API as anybody would.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::account::{Listed, Losses};

/// So long nothing more has come when nothing more will.
const CALM: Duration = Duration::from_secs(8);
const POLL: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct Reader {
    http: reqwest::Client,
    url: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    items: Vec<Listed>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Fleet {
    items: Vec<Member>,
}

#[derive(Debug, Deserialize)]
struct Member {
    account: String,
    region: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Shown {
    losses: Losses,
}

impl Reader {
    pub(crate) fn of(url: &str) -> anyhow::Result<Self> {
        Ok(Self { http: sandbox::http::client()?, url: url.to_owned() })
    }

    /// The list when it is as long as it should be, and a moment later; or when it has not grown for a while.
    pub(crate) async fn settled(&self, expected: usize) -> anyhow::Result<Vec<Listed>> {
        let (mut length, mut since) = (0, Instant::now());
        loop {
            let listed = self.timeouts().await?;
            if listed.len() != length {
                (length, since) = (listed.len(), Instant::now());
            }
            let calm = if length >= expected { POLL * 4 } else { CALM };
            if since.elapsed() >= calm {
                return Ok(listed);
            }
            sleep(POLL).await;
        }
    }

    async fn timeouts(&self) -> anyhow::Result<Vec<Listed>> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/timeouts?limit=1000{cursor}");
            let page: Page = self.get(&path).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }

    /// What each function counts as lost.
    pub(crate) async fn losses(&self) -> anyhow::Result<BTreeMap<String, Losses>> {
        let fleet: Fleet = self.get("/api/v1/functions").await?;
        let mut losses = BTreeMap::new();
        for Member { account, region, name } in fleet.items {
            let shown: Shown =
                self.get(&format!("/api/v1/functions/{account}/{region}/{name}")).await?;
            losses.insert(name, shown.losses);
        }
        Ok(losses)
    }

    async fn get<T: for<'a> Deserialize<'a>>(&self, path: &str) -> anyhow::Result<T> {
        let url = format!("{}{path}", self.url);
        Ok(self.http.get(url).send().await?.error_for_status()?.json().await?)
    }
}
