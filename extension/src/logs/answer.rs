//! What S3's answer means for an object that was sent, and what somebody can do about it.
//!
//! An object that is refused is not given up: whoever is told of it may mend a policy within the hour, and what waits is bounded in
//! any case. A bucket of another region says which, by a header, or where a signature is for the wrong one, in the body.
//!
//! Source: S3's API reference, "Error responses", and "Making requests", on redirects.

use std::time::Duration;

use hyper::{HeaderMap, StatusCode};

use crate::{signing::region::Region, uplink::obstacle::Obstacle};

/// What came of it.
#[derive(Debug)]
pub enum Answer {
    Stored,
    /// The bucket is in this region, or says so.
    Elsewhere(Region),
    /// It will not be taken until somebody does what is said here.
    Refused {
        status: StatusCode,
        code: String,
        fix: &'static str,
    },
    /// It will be taken later.
    Later {
        status: StatusCode,
        code: String,
        after: Option<Duration>,
    },
    /// There was no answer.
    None(Obstacle),
}

/// No server may silence us for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(15);

/// Reads an answer of a server in that region.
pub(super) fn read(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    region: &Region,
) -> Answer {
    if status.is_success() {
        return Answer::Stored;
    }
    let said = String::from_utf8_lossy(body);
    let elsewhere = elsewhere(status, headers, &said).filter(|it| it != region);
    if let Some(elsewhere) = elsewhere {
        return Answer::Elsewhere(elsewhere);
    }
    let code = element(&said, "Code").unwrap_or_default().to_owned();
    let is_passing = status.is_server_error()
        || status.is_informational()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS
        )
        || code == "RequestTimeout";
    if is_passing {
        let after = headers.get("retry-after").and_then(|it| it.to_str().ok()?.trim().parse().ok());
        let after = after.map(Duration::from_secs).map(|it| it.min(RETRY_AFTER_MAX));
        return Answer::Later { status, code, after };
    }
    Answer::Refused { status, fix: fix(status, &code), code }
}

fn elsewhere(status: StatusCode, headers: &HeaderMap, said: &str) -> Option<Region> {
    let is_wrong_place = status.is_redirection() || status == StatusCode::BAD_REQUEST;
    let named = headers.get("x-amz-bucket-region").and_then(|it| it.to_str().ok());
    let named = named.or_else(|| element(said, "Region")).filter(|_| is_wrong_place);
    named?.trim().parse().ok()
}

/// The text of an element that occurs once and has no others in it.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let rest = xml.split_once(&format!("<{name}>"))?.1;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

fn fix(status: StatusCode, code: &str) -> &'static str {
    match code {
        "NoSuchBucket" => "set OVERTIME_LOGS_S3 to a bucket that exists",
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" => {
            "leave AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN as Lambda sets them"
        }
        "RequestTimeTooSkewed" => "set the clock of this machine",
        _ if status.is_redirection() => "set OVERTIME_LOGS_S3_REGION to the bucket's region",
        _ if status == StatusCode::FORBIDDEN => {
            "allow this function's role s3:PutObject below OVERTIME_LOGS_S3, and kms:GenerateDataKey where the bucket has a key of its own"
        }
        _ => "check OVERTIME_LOGS_S3, and OVERTIME_LOGS_S3_ENDPOINT where it is set",
    }
}

impl Answer {
    /// For whoever can fix it; `None` where there is nothing to be fixed.
    pub fn line(&self) -> Option<String> {
        match self {
            Self::Stored => None,
            Self::Elsewhere(_) => Some(
                "no logs are stored: OVERTIME_LOGS_S3 is sent on from region to region: set OVERTIME_LOGS_S3_REGION to the bucket's".to_owned(),
            ),
            Self::Refused { status, code, fix } => {
                Some(format!("no logs are stored: OVERTIME_LOGS_S3 answered {status} {code}: {fix}"))
            }
            Self::Later { status, code, .. } => Some(format!(
                "logs are stored late: OVERTIME_LOGS_S3 answered {status} {code}: if it stays so, spread functions over prefixes and raise OVERTIME_FLUSH_INTERVAL"
            )),
            Self::None(obstacle) => Some(format!(
                "no logs are stored in OVERTIME_LOGS_S3: {}; {}",
                obstacle.causes(),
                way_out(obstacle)
            )),
        }
    }
}

fn way_out(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Name(_) | Obstacle::Shut(_) => {
            "check OVERTIME_LOGS_S3, OVERTIME_LOGS_S3_REGION and OVERTIME_LOGS_S3_ENDPOINT"
        }
        Obstacle::NoRoute(_) | Obstacle::Silent | Obstacle::Broken(_) => {
            "give this function's network a route to S3; in a VPC that is a gateway endpoint, and the bucket's region must be the function's own"
        }
        Obstacle::Untrusted(_) | Obstacle::Tls(_) => {
            "name the file of a private authority in OVERTIME_CA_FILE"
        }
        Obstacle::Unsigned(_) | Obstacle::NoCredentials(_) => {
            "leave the credentials as Lambda sets them"
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(status: u16, headers: &[(&'static str, &str)], body: &str, expected: Expect) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let region = "eu-west-1".parse().unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        let answer = read(status, &headers, body.as_bytes(), &region);
        expected.assert_eq(&format!("{answer:?}"));
    }

    fn error(code: &str) -> String {
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>")
    }

    #[test]
    fn a_bucket_says_where_it_is() {
        let region = [("x-amz-bucket-region", "us-east-2")];
        check(301, &region, "", expect![[r#"Elsewhere(Region("us-east-2"))"#]]);
        check(307, &region, "", expect![[r#"Elsewhere(Region("us-east-2"))"#]]);
        let body =
            "<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-east-2</Region></Error>";
        check(400, &[], body, expect![[r#"Elsewhere(Region("us-east-2"))"#]]);
        let here = [("x-amz-bucket-region", "eu-west-1")];
        check(
            301,
            &here,
            "",
            expect![[
                r#"Refused { status: 301, code: "", fix: "set OVERTIME_LOGS_S3_REGION to the bucket's region" }"#
            ]],
        );
        check(200, &region, "", expect!["Stored"]);
    }

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        check(
            503,
            &[],
            &error("SlowDown"),
            expect![[r#"Later { status: 503, code: "SlowDown", after: None }"#]],
        );
        check(
            429,
            &[("retry-after", "7")],
            "",
            expect![[r#"Later { status: 429, code: "", after: Some(7s) }"#]],
        );
        check(
            400,
            &[],
            &error("RequestTimeout"),
            expect![[r#"Later { status: 400, code: "RequestTimeout", after: None }"#]],
        );
        check(
            403,
            &[("x-amz-bucket-region", "us-east-2")],
            &error("AccessDenied"),
            expect![[
                r#"Refused { status: 403, code: "AccessDenied", fix: "allow this function's role s3:PutObject below OVERTIME_LOGS_S3, and kms:GenerateDataKey where the bucket has a key of its own" }"#
            ]],
        );
        check(
            404,
            &[],
            &error("NoSuchBucket"),
            expect![[
                r#"Refused { status: 404, code: "NoSuchBucket", fix: "set OVERTIME_LOGS_S3 to a bucket that exists" }"#
            ]],
        );
        check(
            405,
            &[],
            "gibberish",
            expect![[
                r#"Refused { status: 405, code: "", fix: "check OVERTIME_LOGS_S3, and OVERTIME_LOGS_S3_ENDPOINT where it is set" }"#
            ]],
        );
    }

    #[test]
    fn a_line_names_what_to_fix() {
        let line = |answer: Answer| answer.line().unwrap_or_default();
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        expect!["no logs are stored in OVERTIME_LOGS_S3: nobody listens there: connection refused; check OVERTIME_LOGS_S3, OVERTIME_LOGS_S3_REGION and OVERTIME_LOGS_S3_ENDPOINT"]
            .assert_eq(&line(Answer::None(Obstacle::Shut(refused))));
        expect![""].assert_eq(&line(Answer::Stored));
        let status = StatusCode::FORBIDDEN;
        let refused = Answer::Refused { status, code: "AccessDenied".to_owned(), fix: "fix it" };
        expect!["no logs are stored: OVERTIME_LOGS_S3 answered 403 Forbidden AccessDenied: fix it"]
            .assert_eq(&line(refused));
    }
}
