//! Reading what a subscriber asks for, and refusing what the platform would refuse.
//!
//! Limits and defaults: the developer guide's "Telemetry API reference" (`maxItems` 1,000–10,000,
//! `maxBytes` 262,144–1,048,576, `timeoutMs` 25–30,000). Destinations are HTTP only here; the TCP
//! protocol is not emulated. `127.0.0.1` is admitted beside the two names of the sandbox, because
//! on a laptop nobody resolves those.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use super::record::Category;

const NEWEST: &str = "2025-01-29";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) types: BTreeSet<Category>,
    pub(crate) limits: Limits,
    pub(crate) target: Target,
    /// Managed instances know no other.
    pub(crate) is_newest_schema: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) items: usize,
    pub(crate) bytes: usize,
    pub(crate) wait: Duration,
}

/// Where to POST: dialled on loopback, addressed by the name that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) authority: String,
    pub(crate) path: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Invalid {
    #[error("body: {0}")]
    Shape(#[from] serde_json::Error),
    #[error("schemaVersion is not one of 2022-07-01, 2022-12-13, 2025-01-29")]
    Schema,
    #[error("types must name at least one of platform, function, extension")]
    Types,
    #[error("buffering.{0} is out of range")]
    Limit(&'static str),
    #[error("destination: {0}")]
    Destination(&'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    schema_version: String,
    types: Vec<String>,
    buffering: Option<Buffering>,
    destination: Destination,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Buffering {
    max_items: Option<usize>,
    max_bytes: Option<usize>,
    timeout_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Destination {
    protocol: String,
    #[serde(rename = "URI")]
    uri: String,
}

pub(crate) fn read(body: &[u8]) -> Result<Request, Invalid> {
    let body: Body = serde_json::from_slice(body)?;
    let is_newest_schema = body.schema_version == NEWEST;
    if !["2022-07-01", "2022-12-13", NEWEST].contains(&body.schema_version.as_str()) {
        return Err(Invalid::Schema);
    }
    let types: Option<BTreeSet<Category>> = body.types.iter().map(|it| category(it)).collect();
    let types = types.filter(|types| !types.is_empty()).ok_or(Invalid::Types)?;
    let limits = limits(&body.buffering.unwrap_or_default())?;
    Ok(Request { types, limits, target: target(&body.destination)?, is_newest_schema })
}

fn category(name: &str) -> Option<Category> {
    match name {
        "platform" => Some(Category::Platform),
        "function" => Some(Category::Function),
        "extension" => Some(Category::Extension),
        _ => None,
    }
}

fn limits(asked: &Buffering) -> Result<Limits, Invalid> {
    let items = asked.max_items.unwrap_or(10_000);
    let bytes = asked.max_bytes.unwrap_or(262_144);
    let wait_ms = asked.timeout_ms.unwrap_or(1_000);
    if !(1_000..=10_000).contains(&items) {
        return Err(Invalid::Limit("maxItems"));
    }
    if !(262_144..=1_048_576).contains(&bytes) {
        return Err(Invalid::Limit("maxBytes"));
    }
    if !(25..=30_000).contains(&wait_ms) {
        return Err(Invalid::Limit("timeoutMs"));
    }
    Ok(Limits { items, bytes, wait: Duration::from_millis(wait_ms) })
}

fn target(asked: &Destination) -> Result<Target, Invalid> {
    if asked.protocol != "HTTP" {
        return Err(Invalid::Destination("protocol is not HTTP"));
    }
    let rest = asked.uri.strip_prefix("http://").ok_or(Invalid::Destination("not an http URI"))?;
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, format!("/{path}")),
        None => (rest, "/".to_owned()),
    };
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    if !["sandbox.localdomain", "sandbox", "127.0.0.1"].contains(&host) {
        return Err(Invalid::Destination("host is not sandbox.localdomain"));
    }
    let port: u16 = port.parse().map_err(|_| Invalid::Destination("port is not a number"))?;
    if port == 9_001 {
        return Err(Invalid::Destination("port 9001 is reserved"));
    }
    let address = ([127, 0, 0, 1], port).into();
    Ok(Target { address, authority: authority.to_owned(), path })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
        let mut body = serde_json::json!({
            "schemaVersion": "2022-12-13",
            "types": ["platform"],
            "buffering": { "maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 25 },
            "destination": { "protocol": "HTTP", "URI": "http://sandbox.localdomain:4243/x" },
        });
        change(&mut body);
        body.to_string().into_bytes()
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut serde_json::Value), because: &str) {
        let why = read(&body(change)).unwrap_err().to_string();
        assert!(why.contains(because), "{why}");
    }

    #[test]
    fn the_sandbox_name_is_dialled_on_loopback() {
        let request = read(&body(|_| ())).unwrap();
        assert_eq!(request.target.address, ([127, 0, 0, 1], 4_243).into());
        assert_eq!(request.target.authority, "sandbox.localdomain:4243");
        assert_eq!(request.target.path, "/x");
    }

    #[test]
    fn buffering_may_be_left_to_the_platform() {
        let request = read(&body(|it| it["buffering"] = serde_json::Value::Null)).unwrap();
        assert_eq!(request.limits.items, 10_000);
        assert_eq!(request.limits.wait, Duration::from_secs(1));
    }

    #[test]
    fn what_the_platform_refuses_is_refused() {
        refused(|it| it["schemaVersion"] = "invalid-version".into(), "schemaVersion");
        refused(|it| it["types"] = serde_json::json!([]), "types");
        refused(|it| it["types"] = serde_json::json!(["platform", "x"]), "types");
        refused(|it| it["buffering"]["maxItems"] = 999.into(), "maxItems");
        refused(|it| it["buffering"]["maxBytes"] = 262_143.into(), "maxBytes");
        refused(|it| it["buffering"]["timeoutMs"] = 24.into(), "timeoutMs");
        refused(|it| it["destination"]["URI"] = "http://sandbox:9001".into(), "9001");
        refused(|it| it["destination"]["URI"] = "http://example.com:1".into(), "host");
        refused(|it| it["destination"]["protocol"] = "TCP".into(), "HTTP");
    }
}
