//! The aggregator's API, as far as the configuration's file and inventories go over it.

use std::{fmt, time::Duration};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use reqwest::{
    Client, RequestBuilder, StatusCode, Url,
    header::{CONTENT_TYPE, IF_MATCH},
};
use serde::Deserialize;
use serde_json::Value;
use url::Host;

use super::auth::Proof;
use crate::{
    channels::post::unguarded,
    domain::{
        configuration::{Fault, plan::Step},
        inventory::Place,
    },
};

const TIMEOUT: Duration = Duration::from_mins(1);
const PATH: &str = "/api/v1/configuration";

/// An aggregator, to be asked.
#[derive(Debug)]
pub(super) struct Aggregator {
    client: Client,
    /// Of the configuration.
    url: Url,
    proof: Proof,
}

/// What was done, or would be.
#[derive(Debug, Deserialize)]
pub(super) struct Applied {
    /// The revision after that, or the one that it would be done to.
    pub(super) revision: u64,
    pub(super) changes: Vec<Step>,
}

/// What an aggregator says instead of an answer, as RFC 9457 writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    detail: String,
    faults: Vec<Fault>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.faults.is_empty() {
            return f.write_str(&self.detail);
        }
        f.write_str("these fields are not what they must be")?;
        self.faults.iter().try_for_each(|it| write!(f, "\n  {it}"))
    }
}

impl Aggregator {
    pub(super) fn at(url: &str, proof: Proof) -> anyhow::Result<Self> {
        let parsed: Result<Url, _> = format!("{}{PATH}", url.trim_end_matches('/')).parse();
        let Some(parsed) = parsed.ok().filter(|it| matches!(it.scheme(), "http" | "https")) else {
            bail!("--url {url} is not a URL: it begins with https:// or http://");
        };
        if let Some(secret) = proof.secret()
            && parsed.scheme() == "http"
            && !is_here(&parsed)
        {
            bail!("--url {url} is not https: {secret} would be readable on its way");
        }
        let client = unguarded(TIMEOUT).context("cannot make an HTTP client")?;
        Ok(Self { client, url: parsed, proof })
    }

    /// The configuration as it is.
    pub(super) async fn export(&self) -> anyhow::Result<Value> {
        self.answer(self.client.get(self.url.clone())).await
    }

    /// What a file would change.
    pub(super) async fn plan(&self, file: &Value, prune: bool) -> anyhow::Result<Applied> {
        self.answer(self.put(file, &[("prune", prune), ("dry_run", true)])).await
    }

    /// Changes it, if it is still of that revision.
    pub(super) async fn apply(
        &self,
        file: &Value,
        prune: bool,
        revision: u64,
    ) -> anyhow::Result<Applied> {
        let put = self.put(file, &[("prune", prune)]);
        self.answer(put.header(IF_MATCH, format!("\"{revision}\""))).await
    }

    /// Puts a list in the place of what was said of an account and region before.
    pub(super) async fn bring(&self, place: &Place, list: &Value) -> anyhow::Result<()> {
        let put = self.client.put(self.inventory(place)).header(CONTENT_TYPE, "application/json");
        self.sent(put.body(list.to_string())).await.map(|_| ())
    }

    /// Has what was said of an account and region forgotten.
    pub(super) async fn forget(&self, place: &Place) -> anyhow::Result<()> {
        self.sent(self.client.delete(self.inventory(place))).await.map(|_| ())
    }

    fn inventory(&self, place: &Place) -> Url {
        let mut url = self.url.clone();
        let base = url.path().trim_end_matches(PATH).to_owned();
        url.set_path(&format!("{base}/api/v1/inventory/{}/{}", place.account, place.region));
        url
    }

    fn put(&self, file: &Value, flags: &[(&str, bool)]) -> RequestBuilder {
        let mut url = self.url.clone();
        for (name, flag) in flags {
            url.query_pairs_mut().append_pair(name, if *flag { "true" } else { "false" });
        }
        let put = self.client.put(url).header(CONTENT_TYPE, "application/json");
        put.body(file.to_string())
    }

    async fn answer<T: for<'de> Deserialize<'de>>(
        &self,
        request: RequestBuilder,
    ) -> anyhow::Result<T> {
        let body = self.sent(request).await?;
        let url = &self.url;
        serde_json::from_slice(&body)
            .with_context(|| format!("{url} answered something else than an aggregator would"))
    }

    async fn sent(&self, request: RequestBuilder) -> anyhow::Result<Bytes> {
        let url = &self.url;
        let mut request = request.build().with_context(|| format!("{url} cannot be asked"))?;
        self.proof.give(&mut request)?;
        let response = self.client.execute(request).await;
        let response = response.with_context(|| format!("{url} does not answer"))?;
        let status = response.status();
        let body = response.bytes().await.with_context(|| format!("{url} broke off"))?;
        if !status.is_success() {
            bail!("{}", refused(status, &body));
        }
        Ok(body)
    }
}

/// Why there is no answer, for people.
fn refused(status: StatusCode, body: &[u8]) -> String {
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let said = if problem.detail.is_empty() { String::new() } else { format!(": {problem}") };
    match status {
        StatusCode::PRECONDITION_FAILED => {
            "somebody else has changed the configuration since it was planned: nothing was changed, run it again".to_owned()
        }
        StatusCode::UNAUTHORIZED => format!("the caller is not known ({status}){said}: OVERTIME_TOKEN says who calls"),
        StatusCode::FORBIDDEN if said.is_empty() => {
            format!("the caller is not let in ({status}): a Function URL with AWS_IAM wants --auth iam, and credentials that may call it")
        }
        StatusCode::UNPROCESSABLE_ENTITY => problem.to_string(),
        _ => format!("the aggregator answered {status}{said}"),
    }
}

/// Whether it is this machine.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_readable_on_its_way() {
        let token = || Proof::Token("secret".to_owned());
        for url in
            ["https://o.example", "http://127.0.0.1:8787/", "http://localhost:1", "http://[::1]:1"]
        {
            let aggregator = Aggregator::at(url, token()).unwrap();
            assert!(aggregator.url.path().ends_with(PATH), "{url}");
        }
        let error = Aggregator::at("http://o.example", token()).unwrap_err().to_string();
        assert!(error.contains("OVERTIME_TOKEN") && !error.contains("secret"), "{error}");
        assert!(Aggregator::at("http://o.example", Proof::None).is_ok());
        assert!(
            Aggregator::at("o.example", Proof::None).unwrap_err().to_string().contains("--url")
        );
    }

    #[test]
    fn what_is_refused_names_every_field() {
        let body =
            br#"{"detail": "x", "faults": [{"field": "/subscriptions/0/name", "why": "is missing"},
            {"field": "/channels/1/kind", "why": "is missing"}]}"#;
        let said = refused(StatusCode::UNPROCESSABLE_ENTITY, body);
        assert!(
            said.contains("\n  /subscriptions/0/name is missing\n  /channels/1/kind is missing")
        );
        let said = refused(StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!(said, "the aggregator answered 502 Bad Gateway");
    }
}
