//! How soon a timeout is known, how soon its environment is let go, and how soon somebody is told.

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use jiff::Timestamp;
use sandbox::{
    Environment, Invocation, Spec, aggregator::Aggregator, conditions::Condition, http,
    inbox::Inbox, spec::Function,
};
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::Semaphore, task::JoinSet, time};

use crate::{Subject, spread::Spread, warm};

const TIMEOUT: Duration = Duration::from_secs(1);
const AT_ONCE: usize = 4;
const PATIENCE: Duration = Duration::from_secs(5);
const SECRET: &str = "whsec_c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3Jl";

/// How many functions time out how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) functions: usize,
    pub(crate) each: usize,
}

#[derive(Debug)]
pub(crate) struct Delays {
    /// From the deadline to the aggregator's acceptance.
    pub(crate) accepted: Spread,
    /// From the deadline to the webhook, for the first timeout of each function.
    pub(crate) told: Spread,
    /// From the beginning of the reset to its end.
    pub(crate) let_go: Spread,
    pub(crate) caused: usize,
}

#[derive(Debug)]
struct Observed {
    request_id: String,
    deadline: Timestamp,
    let_go: Duration,
}

/// An aggregator with somebody who listens.
pub(crate) struct World {
    aggregator: Aggregator,
    inbox: Inbox,
}

#[derive(Debug, Deserialize)]
struct Page {
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    request_id: Option<String>,
    detected_at: Timestamp,
}

impl World {
    pub(crate) async fn start(overtime: &Path) -> anyhow::Result<Self> {
        let inbox = Inbox::open().await?;
        let settings = [
            ("OVERTIME_WEBHOOK_URL", inbox.url()),
            ("OVERTIME_WEBHOOK_SECRET", "env:MEASURED_WEBHOOK_SECRET"),
            ("OVERTIME_WEBHOOK_ALLOW", "127.0.0.0/8"),
            ("MEASURED_WEBHOOK_SECRET", SECRET),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let any = ([127, 0, 0, 1], 0).into();
        Ok(Self { aggregator: Aggregator::start_with(overtime, any, settings).await?, inbox })
    }

    pub(crate) async fn measure(
        &self,
        subject: &Subject,
        condition: Condition,
        extent: Extent,
    ) -> anyhow::Result<Delays> {
        let before = self.inbox.deliveries().len();
        let observed = self.time_out(subject, condition, extent).await?;
        let accepted: HashMap<_, _> = self.settled(subject, observed.len()).await?.collect();
        if subject.reports {
            // Whoever is not told within this is missing from the count.
            self.inbox.until(before + extent.functions, PATIENCE).await;
        }
        let told: HashMap<_, _> = self
            .inbox
            .deliveries()
            .iter()
            .filter_map(|it| {
                let id = it.json()["data"]["samples"][0]["faas.invocation_id"].clone();
                Some((id.as_str()?.to_owned(), it.at))
            })
            .rev()
            .collect();
        let after = |moments: &HashMap<String, Timestamp>| {
            let delay = |it: &Observed| {
                let at = moments.get(&it.request_id)?;
                Some(Duration::try_from(at.duration_since(it.deadline)).unwrap_or_default())
            };
            Spread::of(observed.iter().filter_map(delay).collect())
        };
        Ok(Delays {
            accepted: after(&accepted),
            told: after(&told),
            let_go: Spread::of(observed.iter().map(|it| it.let_go).collect()),
            caused: observed.len(),
        })
    }

    async fn time_out(
        &self,
        subject: &Subject,
        condition: Condition,
        extent: Extent,
    ) -> anyhow::Result<Vec<Observed>> {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut crew = JoinSet::new();
        for number in 0..extent.functions {
            let name = format!("{}-{condition:?}-{number}", subject.name);
            let spec = warm::spec(subject, &self.aggregator.url()).await?;
            let function = Function::named(&name).timeout(TIMEOUT);
            let spec = condition.apply(Spec { function, ..spec });
            let places = Arc::clone(&places);
            crew.spawn(async move {
                let _place = places.acquire_owned().await?;
                let mut environment = Environment::start(spec).await?;
                let mut observed = Vec::new();
                for _ in 0..extent.each {
                    let hang = Invocation::of(json!({ "hang": true }));
                    let ended = environment.invoke(hang).await?;
                    let Some(teardown) = ended.teardown else { continue };
                    let let_go = teardown.released.duration_since(teardown.began).try_into()?;
                    let (request_id, deadline) = (ended.request_id, ended.deadline);
                    observed.push(Observed { request_id, deadline, let_go });
                }
                anyhow::Ok(observed)
            });
        }
        let mut all = Vec::new();
        while let Some(observed) = crew.join_next().await {
            all.extend(observed??);
        }
        Ok(all)
    }

    /// What the aggregator has, as soon as it has all of it, or when patience ends.
    async fn settled(
        &self,
        subject: &Subject,
        expected: usize,
    ) -> anyhow::Result<impl Iterator<Item = (String, Timestamp)>> {
        let client = http::client()?;
        let url = format!("{}/api/v1/timeouts?limit=1000", self.aggregator.url());
        let patience = if subject.reports { 30 } else { 0 };
        for _ in 0..patience {
            let page: Page = client.get(&url).send().await?.error_for_status()?.json().await?;
            if page.items.len() >= expected {
                break;
            }
            time::sleep(Duration::from_millis(100)).await;
        }
        let page: Page = client.get(&url).send().await?.error_for_status()?.json().await?;
        Ok(page.items.into_iter().filter_map(|it| Some((it.request_id?, it.detected_at))))
    }
}
