//! Asks the platform to post its telemetry to us.
//!
//! Source: AWS's "Telemetry API" guide. Only during init; the listener must be there before. 25 ms is the shortest
//! buffering the API accepts. Only `platform` is asked for, unless the operator wants the end of the function's log: logs are
//! the customer's, cost memory, and can be split into bodies that are no JSON. Managed Instances require the newer schema; where a schema is refused
//! the next older one is tried, and where the API itself is missing (202 from the local emulator) we do without.

use std::time::Duration;

use hyper::StatusCode;
use tokio::time::timeout;

use crate::{
    lambda::Initialization,
    log::Lines,
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

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    pub destination: &'a Destination,
    pub logs: Lines,
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
    let types = if wish.logs.are_wanted() { r#""platform","function""# } else { r#""platform""# };
    format!(
        r#"{{"schemaVersion":"{schema}","types":[{types}],"buffering":{{"maxItems":1000,"maxBytes":262144,"timeoutMs":25}},"destination":{{"protocol":"HTTP","URI":"{}"}}}}"#,
        wish.destination.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_asked_for_only_where_they_are_wanted() {
        let destination = Destination("http://sandbox.localdomain:4243".to_owned());
        let asked = |logs| request("2022-12-13", Wish { destination: &destination, logs });
        assert_eq!(
            asked(Lines::NONE),
            r#"{"schemaVersion":"2022-12-13","types":["platform"],"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":25},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:4243"}}"#
        );
        assert!(asked(Lines(1)).contains(r#""types":["platform","function"],"#));
    }
}
