//! Facts that were refused one by one, as a metric that an alarm can be set on.
//!
//! To Lambda, a batch whose facts all come too late is an answered request like any other. What is written into the log in CloudWatch's
//! embedded metric format becomes a metric without a permission, and where nothing is refused it costs nothing.

use overtime_wire::EpochMillis;
use serde_json::json;

use crate::{clock, domain::rejection::Reason};

const NAMESPACE: &str = "Overtime";
const METRIC: &str = "LateFacts";

/// Says on standard output that so many were refused, if it is one of the reasons that no status tells of.
pub(super) fn tell(reason: Reason, times: u64) {
    use std::io::Write as _;

    let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let Some(line) = line(&function, (reason, times), clock::now()) else { return };
    let mut out = std::io::stdout().lock();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "late facts were counted, and no alarm will hear of them");
    }
}

/// The document, by function, so that several deployments in an account are told apart.
fn line(function: &str, (reason, times): (Reason, u64), now: EpochMillis) -> Option<String> {
    match reason {
        Reason::Clock | Reason::TooLate => {}
        Reason::Malformed
        | Reason::Account
        | Reason::Size
        | Reason::Type
        | Reason::Unauthenticated => return None,
    }
    let metric = json!({
        "Namespace": NAMESPACE,
        "Dimensions": [["FunctionName"]],
        "Metrics": [{ "Name": METRIC, "Unit": "Count" }],
    });
    let document = json!({
        "_aws": { "Timestamp": now.0, "CloudWatchMetrics": [metric] },
        "FunctionName": function,
        "reason": reason.as_str(),
        METRIC: times,
    });
    Some(document.to_string())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn what_no_status_tells_of_is_a_metric_of_the_function() {
        let now = EpochMillis(1_793_491_200_000);
        let said = line("overtime-ingest", (Reason::TooLate, 3), now).unwrap();
        expect![[r#"{"FunctionName":"overtime-ingest","LateFacts":3,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["FunctionName"]],"Metrics":[{"Name":"LateFacts","Unit":"Count"}],"Namespace":"Overtime"}],"Timestamp":1793491200000},"reason":"too_late"}"#]]
            .assert_eq(&said);
        assert!(line("overtime-ingest", (Reason::Clock, 1), now).is_some());
        assert_eq!(line("overtime-ingest", (Reason::Account, 1), now), None);
    }
}
