//! Asks the platform to post its telemetry to us.
//!
//! Source: AWS's "Telemetry API" guide. Only during init; the listener must be there before. 25 ms is the shortest
//! buffering the API accepts. Only `platform` is asked for: function logs can be split into bodies that are no JSON, with a
//! `platform.runtimeDone` stuck in the second half. Managed Instances require the newer schema; where a schema is refused
//! the next older one is tried, and where the API itself is missing (202 from the local emulator) we do without.

use std::time::Duration;

use hyper::StatusCode;
use tokio::time::timeout;

use crate::{
    lambda::Initialization,
    runtime_api::{ExtensionId, RuntimeApi},
};

/// The init waits for us, so an API that does not answer is one that is missing.
const PATIENCE: Duration = Duration::from_millis(500);
const SCHEMAS: [&str; 3] = ["2025-01-29", "2022-12-13", "2022-07-01"];

/// Whether telemetry will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tap {
    Open,
    /// Refused, with the platform's last status if there was one: the Extensions API must do.
    Closed(Option<StatusCode>),
}

/// Where the platform finds our listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination(pub String);

/// Subscribes with the newest schema that is accepted.
pub async fn open(
    api: &mut RuntimeApi,
    id: &ExtensionId,
    destination: &Destination,
    initialization: &Initialization,
) -> Tap {
    let newest = usize::from(!initialization.is_managed_instances());
    let mut last = None;
    for schema in &SCHEMAS[newest..] {
        let answer = timeout(PATIENCE, api.subscribe(id, request(schema, destination))).await;
        last = match answer {
            Ok(Ok(StatusCode::OK)) => return Tap::Open,
            Ok(Ok(StatusCode::BAD_REQUEST)) => Some(StatusCode::BAD_REQUEST),
            Ok(Ok(status)) => return Tap::Closed(Some(status)),
            // The connection may have been closed under us: the next round opens another.
            Ok(Err(_)) => None,
            Err(_) => return Tap::Closed(None),
        };
    }
    Tap::Closed(last)
}

fn request(schema: &str, destination: &Destination) -> String {
    format!(
        r#"{{"schemaVersion":"{schema}","types":["platform"],"buffering":{{"maxItems":1000,"maxBytes":262144,"timeoutMs":25}},"destination":{{"protocol":"HTTP","URI":"{}"}}}}"#,
        destination.0
    )
}
