//! Asks the platform to post its telemetry to us.
//!
//! Source: AWS's "Telemetry API" guide. Only during init; the listener must be there before. 25 ms is the shortest
//! buffering the API accepts. Only `platform` is asked for, unless the operator wants the function's log or its end: logs are
//! the customer's, cost memory, and can be split into bodies that are no JSON. Managed Instances require the newer schema; where a schema is refused
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
/// The least items and bytes that the platform buffers.
const FEW: (u32, u32) = (1_000, 262_144);
/// Lines come in bursts, and what the platform has no place for it drops. A POST has up to twice as much.
const MANY: (u32, u32) = (10_000, 524_288);
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

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    pub destination: &'a Destination,
    pub streams: Streams,
    /// Whether every line is wanted, and not only the last.
    pub is_all: bool,
}

/// What is asked for beside what the platform says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Streams {
    pub function: bool,
    pub extension: bool,
}

/// Subscribes with the newest schema that is accepted.
pub async fn open(
    api: &mut RuntimeApi,
    id: &ExtensionId,
    wish: Wish<'_>,
    initialization: &Initialization,
) -> Tap {
    let newest = usize::from(!initialization.is_managed_instances());
    let mut last = None;
    for schema in &SCHEMAS[newest..] {
        let answer = timeout(PATIENCE, api.subscribe(id, &request(schema, wish))).await;
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

fn request(schema: &str, wish: Wish<'_>) -> String {
    let types = match wish.streams {
        Streams { function: false, extension: false } => r#""platform""#,
        Streams { function: true, extension: false } => r#""platform","function""#,
        Streams { function: false, extension: true } => r#""platform","extension""#,
        Streams { function: true, extension: true } => r#""platform","function","extension""#,
    };
    let (items, bytes) = if wish.is_all { MANY } else { FEW };
    format!(
        r#"{{"schemaVersion":"{schema}","types":[{types}],"buffering":{{"maxItems":{items},"maxBytes":{bytes},"timeoutMs":25}},"destination":{{"protocol":"HTTP","URI":"{}"}}}}"#,
        wish.destination.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_asked_for_only_where_they_are_wanted() {
        let destination = Destination("http://sandbox.localdomain:4243".to_owned());
        let asked = |function, extension| {
            let streams = Streams { function, extension };
            let wish = Wish { destination: &destination, streams, is_all: extension };
            request("2022-12-13", wish)
        };
        assert_eq!(
            asked(false, false),
            r#"{"schemaVersion":"2022-12-13","types":["platform"],"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":25},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:4243"}}"#
        );
        assert!(asked(true, false).contains(r#""types":["platform","function"],"#));
        assert!(asked(false, true).contains(r#""types":["platform","extension"],"#));
        assert!(asked(true, true).contains(r#""maxItems":10000,"maxBytes":524288,"#));
        assert!(asked(true, true).contains(r#""types":["platform","function","extension"],"#));
    }
}
