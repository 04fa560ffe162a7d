//! The accounts as the API shows them, against the truth.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use overtime_wire::FunctionKey;
use sandbox::clock;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::truth::{Numbers, Truth};

/// So long nothing has changed, after everything that came in was looked at, when nothing more will: longer than counts are
/// gathered and storms damped.
const CALM: Duration = Duration::from_mins(1);
/// So long nothing has changed when evaluation does not come on at all.
const STUCK: Duration = Duration::from_mins(10);
const POLL: Duration = Duration::from_secs(1);
/// How often an aggregator may have no time for an answer, while it makes up for what it has not evaluated.
const BUSY_MAX: u32 = 120;

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
struct Listed {
    request_id: Option<String>,
}

impl Reader {
    pub(crate) fn of(url: &str) -> anyhow::Result<Self> {
        Ok(Self { http: sandbox::http::client()?, url: url.to_owned() })
    }

    /// The differences once there are none, or once they stay as they are though nothing waits to be evaluated.
    pub(crate) async fn settled(&self, truth: &Truth) -> anyhow::Result<Vec<String>> {
        let mut differences = self.compare(truth).await?;
        let (mut changed, mut behind) = (Instant::now(), Instant::now());
        while !differences.is_empty() && behind.elapsed() < CALM && changed.elapsed() < STUCK {
            sleep(POLL).await;
            if self.is_behind().await? {
                behind = Instant::now();
            }
            let found = self.compare(truth).await?;
            if found != differences {
                differences = found;
                (changed, behind) = (Instant::now(), Instant::now());
            }
        }
        Ok(differences)
    }

    /// Whether something that came in has not been evaluated.
    async fn is_behind(&self) -> anyhow::Result<bool> {
        let health: Option<Value> = self.get("/api/v1/health").await?;
        let health = health.ok_or_else(|| anyhow::anyhow!("there is no health"))?;
        let lag = &health["evaluation"]["lag_ms"];
        lag.as_u64().map(|lag| lag > 0).ok_or_else(|| anyhow::anyhow!("the lag is {lag}"))
    }

    async fn compare(&self, truth: &Truth) -> anyhow::Result<Vec<String>> {
        let mut shown = BTreeMap::new();
        for function in truth.functions.keys() {
            if let Some(numbers) = self.numbers(function).await? {
                shown.insert(function.clone(), numbers);
            }
        }
        Ok(differences(truth, &shown, &self.listed().await?))
    }

    /// What a function did in the last two days, and in what is left of this block.
    async fn numbers(&self, function: &FunctionKey) -> anyhow::Result<Option<Numbers>> {
        let FunctionKey { account, region, name } = function;
        let (from, to) = range()?;
        let path = format!("/api/v1/functions/{account}/{region}/{name}?from={from}&to={to}");
        let shown: Option<Value> = self.get(&path).await?;
        Ok(shown.map(|shown| {
            let number = |name: &str| shown["counts"][name].as_u64().unwrap_or(u64::MAX);
            Numbers {
                invocations: number("invocations"),
                timeouts: number("timeouts"),
                errors: number("errors"),
                out_of_memory: number("out_of_memory"),
                near_timeouts: number("near_timeouts"),
                cold_starts: number("cold_starts"),
            }
        }))
    }

    /// Every timeout on the list and how often it is there.
    async fn listed(&self) -> anyhow::Result<BTreeMap<String, u32>> {
        let (mut listed, mut cursors) = (BTreeMap::new(), BTreeSet::new());
        let mut cursor = String::new();
        let (from, to) = range()?;
        loop {
            let path = format!("/api/v1/timeouts?limit=1000&from={from}&to={to}{cursor}");
            let page: Option<Page> = self.get(&path).await?;
            let page = page.ok_or_else(|| anyhow::anyhow!("there is no list"))?;
            for item in page.items {
                *listed.entry(item.request_id.unwrap_or_default()).or_default() += 1;
            }
            let Some(next) = page.next else { return Ok(listed) };
            anyhow::ensure!(cursors.insert(next.clone()), "the list goes round in circles");
            cursor = format!("&cursor={next}");
        }
    }

    /// `None` where there is nothing.
    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Option<T>> {
        for _ in 0..BUSY_MAX {
            let answer = self.http.get(format!("{}{path}", self.url)).send().await?;
            match answer.status() {
                reqwest::StatusCode::NOT_FOUND => return Ok(None),
                reqwest::StatusCode::SERVICE_UNAVAILABLE => sleep(POLL).await,
                _ => return Ok(Some(answer.error_for_status()?.json().await?)),
            }
        }
        anyhow::bail!("there was no time to answer {path}, {BUSY_MAX} times")
    }
}

/// Everything that is not as it was, or is there more than once.
fn differences(
    truth: &Truth,
    shown: &BTreeMap<FunctionKey, Numbers>,
    listed: &BTreeMap<String, u32>,
) -> Vec<String> {
    let mut differences = Vec::new();
    for (function, expected) in &truth.functions {
        let shown = shown.get(function);
        if shown != Some(expected) {
            let FunctionKey { account, name, .. } = function;
            differences.push(format!("{name} of {account}: {shown:?}, not {expected:?}"));
        }
    }
    let missing = truth.timeouts.iter().filter(|it| !listed.contains_key(*it));
    differences.extend(missing.map(|it| format!("{it} is not listed")));
    for (request, times) in listed {
        if !truth.timeouts.contains(request) {
            differences.push(format!("{request} is listed and never timed out"));
        } else if *times > 1 {
            differences.push(format!("{request} is listed {times} times"));
        }
    }
    differences
}

fn range() -> anyhow::Result<(String, String)> {
    let now = clock::now();
    let from = now.checked_sub(Duration::from_hours(48))?;
    // Facts may lie in minutes of this block that are still to come.
    let to = now.checked_add(Duration::from_mins(50))?;
    Ok((from.to_string(), to.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::function;

    #[test]
    fn what_is_missing_doubled_invented_or_miscounted_is_named() {
        let numbers = Numbers { invocations: 7, timeouts: 2, ..Numbers::default() };
        let truth = Truth {
            functions: [0, 1].map(|it| (function(it).unwrap(), numbers)).into(),
            timeouts: ["a", "b"].map(str::to_owned).into(),
        };
        let shown = truth.functions.clone();
        let listed = |all: &[(&str, u32)]| -> BTreeMap<String, u32> {
            all.iter().map(|(request, times)| ((*request).to_owned(), *times)).collect()
        };
        let right = listed(&[("a", 1), ("b", 1)]);
        assert_eq!(differences(&truth, &shown, &right), [""; 0]);
        assert_eq!(differences(&truth, &shown, &listed(&[("a", 1)])), ["b is not listed"]);
        assert_eq!(
            differences(&truth, &shown, &listed(&[("a", 2), ("b", 1), ("c", 1)])),
            ["a is listed 2 times", "c is listed and never timed out"]
        );
        let mut doubled = shown.clone();
        doubled.values_mut().take(1).for_each(|it| it.invocations += 7);
        assert_eq!(differences(&truth, &doubled, &right).len(), 1);
        doubled.pop_last();
        assert_eq!(differences(&truth, &doubled, &right).len(), 2);
    }
}
