//! What a receiver makes of what it was told.
//!
//! [OTLP over HTTP](https://opentelemetry.io/docs/specs/otlp/#otlphttp-response) is strict: four statuses ask for another attempt, and no
//! other does. A receiver may also take a request and refuse some of what is in it, and then says of how much and why: that must not be
//! sent again, but somebody should hear of it.

use opentelemetry_proto::tonic::collector::{
    metrics::v1::ExportMetricsServiceResponse, trace::v1::ExportTraceServiceResponse,
};
use prost::Message;

use super::Signal;
use crate::domain::delivery::{Outcome, Reply};

/// What of a request was refused though the request was taken, or what the receiver remarks on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// Points, or spans.
    pub rejected: u64,
    pub message: String,
}

/// What is in the body of an answer that is no success.
#[derive(Clone, PartialEq, Message)]
struct Failure {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// What an attempt came to.
pub fn classify(reply: Reply) -> Outcome {
    match reply {
        Reply::Status { code: 200..=299, .. } => Outcome::Delivered,
        Reply::Status { code: 429 | 502 | 503 | 504, retry_after } => {
            Outcome::Failed { retry_after }
        }
        Reply::Status { .. } | Reply::Forbidden => Outcome::Rejected,
        Reply::None => Outcome::Failed { retry_after: None },
    }
}

/// What the receiver did not take of a request that it took; `None` when it took all of it without a word, or says something else.
pub fn partial(signal: Signal, body: &[u8]) -> Option<Partial> {
    let (rejected, message) = match signal {
        Signal::Metrics => {
            let partial = ExportMetricsServiceResponse::decode(body).ok()?.partial_success?;
            (partial.rejected_data_points, partial.error_message)
        }
        Signal::Traces => {
            let partial = ExportTraceServiceResponse::decode(body).ok()?.partial_success?;
            (partial.rejected_spans, partial.error_message)
        }
    };
    let rejected = u64::try_from(rejected).unwrap_or(0);
    (rejected > 0 || !message.is_empty()).then_some(Partial { rejected, message })
}

/// Why the receiver did not take a request, if it says so as it should.
pub fn failure(body: &[u8]) -> Option<String> {
    let Failure { message, .. } = Failure::decode(body).ok()?;
    (!message.is_empty() && !message.contains(char::is_control)).then_some(message)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opentelemetry_proto::tonic::collector::{
        metrics::v1::ExportMetricsPartialSuccess, trace::v1::ExportTracePartialSuccess,
    };

    use super::*;

    #[test]
    fn four_statuses_ask_for_another_attempt_and_no_other_does() {
        let wish = Some(Duration::from_secs(7));
        let of = |code| classify(Reply::Status { code, retry_after: wish });
        for code in [429, 502, 503, 504] {
            assert_eq!(of(code), Outcome::Failed { retry_after: wish }, "{code}");
        }
        for code in [301, 400, 401, 404, 408, 410, 413, 500, 501] {
            assert_eq!(of(code), Outcome::Rejected, "{code}");
        }
        assert_eq!((of(200), of(202)), (Outcome::Delivered, Outcome::Delivered));
        assert_eq!(classify(Reply::None), Outcome::Failed { retry_after: None });
        assert_eq!(classify(Reply::Forbidden), Outcome::Rejected);
    }

    #[test]
    fn what_was_not_taken_is_counted_whichever_signal_it_was() {
        let message = "too old".to_owned();
        let partial_success = Some(ExportMetricsPartialSuccess {
            rejected_data_points: 3,
            error_message: message.clone(),
        });
        let metrics = ExportMetricsServiceResponse { partial_success }.encode_to_vec();
        let expected = Partial { rejected: 3, message };
        assert_eq!(partial(Signal::Metrics, &metrics), Some(expected));
        let partial_success =
            Some(ExportTracePartialSuccess { rejected_spans: 2, ..Default::default() });
        let traces = ExportTraceServiceResponse { partial_success }.encode_to_vec();
        let expected = Partial { rejected: 2, message: String::new() };
        assert_eq!(partial(Signal::Traces, &traces), Some(expected));
        for body in [&b""[..], b"{}", b"\xff\xff"] {
            assert_eq!(partial(Signal::Metrics, body), None, "{body:?}");
        }
    }

    #[test]
    fn a_refusal_is_read_where_it_is_written_as_it_should_be() {
        let body = Failure { code: 3, message: "no such metric".to_owned() }.encode_to_vec();
        assert_eq!(failure(&body).as_deref(), Some("no such metric"));
        for body in [&b""[..], b"<html>", b"not protobuf"] {
            assert_eq!(failure(body), None, "{body:?}");
        }
    }
}
