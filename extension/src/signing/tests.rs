//! Signatures against an implementation that was not written here, and the laws that hold for any request.
//!
//! The expected headers were made with botocore 1.44.5 (`botocore.auth.SigV4Auth`, service `lambda`, its clock held still)
//! from the same dummy credentials.

use expect_test::{Expect, expect};
use hyper::header::{CONTENT_TYPE, DATE};
use proptest::prelude::*;

use super::*;

const HOST_NAME: &str = "abc.lambda-url.eu-west-1.on.aws";
const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE//token+with/slashes==";
const NOW: EpochMillis = EpochMillis(1_793_491_200_000);
const DRAWN: (&str, &str) = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/");
const GIVEN: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    ("AWS_SESSION_TOKEN", TOKEN),
];

fn signer(host: &str, settings: &[(&str, &str)]) -> Result<Signer, Faults> {
    Signer::read(host, |name| {
        settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    })
}

#[derive(Debug, Clone)]
struct Sample {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sample {
    fn new(request: &str, host: &str, content_type: &str, body: &[u8]) -> Self {
        let (method, uri) = request.split_once(' ').unwrap();
        let mut headers: HeaderMap = [(HOST, host.parse().unwrap())].into_iter().collect();
        if !content_type.is_empty() {
            headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        }
        let (method, uri) = (method.parse().unwrap(), uri.parse().unwrap());
        Self { method, uri, headers, body: body.to_vec() }
    }

    fn batch(body: &[u8]) -> Self {
        Self::new("POST /v1/batches", HOST_NAME, "application/x-protobuf", body)
    }

    fn request(&self) -> Request<'_> {
        Request { method: &self.method, uri: &self.uri, headers: &self.headers, body: &self.body }
    }

    fn signature(&self, signer: &Signer, now: EpochMillis) -> String {
        let proof = signer.sign(&self.request(), now).unwrap();
        proof["authorization"].to_str().unwrap().to_owned()
    }
}

#[track_caller]
fn check(signer: &Signer, sample: &Sample, now: i64, expected: Expect) {
    let proof = signer.sign(&sample.request(), EpochMillis(now)).unwrap();
    let mut lines: Vec<String> = proof
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
        .collect();
    lines.sort();
    expected.assert_eq(&lines.concat());
}

#[test]
fn a_batch_is_signed_as_botocore_signs_it() {
    let signer = signer(HOST_NAME, &GIVEN).unwrap();
    check(
        &signer,
        &Sample::batch(b"\x0a\x00\xff batch"),
        NOW.0 + 123,
        expect![[r"
            authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261101/eu-west-1/lambda/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=2b09123f22587f05987338e0f4b5d8447146c89b0e8ef2a2bac68f429e547795
            x-amz-content-sha256: bdbba817f586b229d94575a99b92da94057acdd9e0d41a11bec5a85af3073cc6
            x-amz-date: 20261101T000000Z
            x-amz-security-token: IQoJb3JpZ2luX2VjEXAMPLE//token+with/slashes==
        "]],
    );
}

#[test]
fn without_a_session_token_none_is_signed() {
    let signer = signer(HOST_NAME, &GIVEN[..2]).unwrap();
    check(
        &signer,
        &Sample::batch(b""),
        NOW.0,
        expect![[r"
            authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261101/eu-west-1/lambda/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=7e18c5dcdc4bd3f98eb48eebc844f308a8ba1d4ded32ecbdc62c03756e6f58e7
            x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
            x-amz-date: 20261101T000000Z
        "]],
    );
}

#[test]
fn paths_headers_and_ports_are_made_canonical() {
    let settings = [&GIVEN[..], &[("OVERTIME_SIGNING_REGION", "cn-north-1")]].concat();
    let signer = signer("127.0.0.1", &settings).unwrap();
    let sample = Sample::new(
        "POST /a%20b/c~d//v1/batches",
        "127.0.0.1:8787",
        "  application/x-protobuf   ;  v=1 ",
        &[b'x'; 5000],
    );
    check(
        &signer,
        &sample,
        NOW.0 + 86_399_999,
        expect![[r"
            authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261101/cn-north-1/lambda/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=1a7ce5dba434ea716613cd3e90a6218e40427b47f34717ecadbcbfe48c64c723
            x-amz-content-sha256: c59d3c0480cc2d71d8f646e735e92da65450311eec46e81a5db8c7e6e8a92054
            x-amz-date: 20261101T235959Z
            x-amz-security-token: IQoJb3JpZ2luX2VjEXAMPLE//token+with/slashes==
        "]],
    );
}

/// By `botocore.auth.S3SigV4Auth`: a path is encoded once, and not tidied up.
#[test]
fn an_object_is_signed_as_botocore_signs_it() {
    let signed = |region: &str, request: &str, host: &str, body: &[u8]| {
        let signer = Signer::of_bucket(region.parse().unwrap(), |name| {
            GIVEN.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        });
        Sample::new(request, host, "application/gzip", body).signature(&signer.unwrap(), NOW)
    };
    let key = "/of/us/account%3D000000000042/region%3Deu-west-1/function%3Dorders/date%3D2026-11-01/hour%3D00/7369-000007.json.gz";
    let host = "logs.s3.eu-west-1.amazonaws.com";
    expect!["AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261101/eu-west-1/s3/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=3151abcefcb41caa505e02b19a061cd02b2bebde19596543659a06edbf875909"]
        .assert_eq(&signed("eu-west-1", &format!("PUT {key}"), host, b"\x1f\x8b objects"));
    let request = "PUT /logs/a%20b//c%C3%A9/../~d";
    expect!["AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261101/us-east-2/s3/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=6fef500daf94cb6882c38a1e50f52cc031cc63096c57c7070712b34e7cb01a19"]
        .assert_eq(&signed("us-east-2", request, "127.0.0.1:5000", b""));
}

#[test]
fn all_faults_are_named_together() {
    let faults = signer("127.0.0.1", &[]).unwrap_err();
    expect!["OVERTIME_SIGNING_REGION is not set: OVERTIME_URL is not a Lambda function URL, so set it to the region of the one behind it; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, and neither is AWS_CONTAINER_CREDENTIALS_FULL_URI: run where Lambda gives the function's role, or set OVERTIME_AUTH to none"]
        .assert_eq(&faults.to_string());
}

#[test]
fn under_snapstart_credentials_are_fetched_first_and_again_after_a_restore() {
    let mut signer = signer(HOST_NAME, &[DRAWN]).unwrap();
    let batch = Sample::batch(b"x");
    assert!(signer.fetch(NOW).is_some());
    assert!(matches!(signer.sign(&batch.request(), NOW), Err(SigningError::NoCredentials)));
    let answer = br#"{"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"hunter2","Token":"hunter3","Expiration":"2026-11-01T00:30:00Z"}"#;
    signer.fetched(StatusCode::OK, answer, NOW).unwrap();
    assert!(signer.fetch(NOW).is_none());
    let proof = signer.sign(&batch.request(), NOW).unwrap();
    assert_eq!(proof["x-amz-security-token"], "hunter3");
    assert!(!format!("{signer:?} {proof:?}").contains("hunter"));
    let late = NOW.plus(Duration::from_mins(29));
    assert!(signer.fetch(late).is_some());
    assert!(signer.fetched(StatusCode::INTERNAL_SERVER_ERROR, b"", late).is_err());
    assert!(signer.sign(&batch.request(), late).is_ok(), "the old ones will do");
    signer.restored();
    assert!(signer.sign(&batch.request(), NOW).is_err());
}

#[test]
fn a_corrected_clock_signs_with_the_servers_time() {
    let mut signer = signer(HOST_NAME, &GIVEN).unwrap();
    let headers = [(DATE, "Sun, 01 Nov 2026 00:20:00 GMT".parse().unwrap())];
    let headers = headers.into_iter().collect();
    let status = StatusCode::FORBIDDEN;
    let refusal = Refusal { status, headers: &headers, body: b"", signed_at: NOW, now: NOW };
    assert_eq!(signer.refused(&refusal), Remedy::SignAgain);
    let date = |signer: &Signer| {
        let proof = signer.sign(&Sample::batch(b"").request(), NOW).unwrap();
        proof["x-amz-date"].to_str().unwrap().to_owned()
    };
    assert_eq!(date(&signer), "20261101T002000Z");
    signer.restored();
    assert_eq!(date(&signer), "20261101T000000Z");
}

#[test]
fn what_cannot_be_signed_is_an_error() {
    let signer = signer(HOST_NAME, &GIVEN).unwrap();
    let mut batch = Sample::batch(b"");
    batch.headers.insert(CONTENT_TYPE, HeaderValue::from_bytes(b"\xff").unwrap());
    let unreadable = signer.sign(&batch.request(), NOW);
    assert!(matches!(unreadable, Err(SigningError::Unsignable(_))));
    batch.headers.clear();
    assert!(matches!(signer.sign(&batch.request(), NOW), Err(SigningError::NoHost)));
    let broken = [GIVEN[0], GIVEN[1], ("AWS_SESSION_TOKEN", "a\nb")];
    let broken = self::signer(HOST_NAME, &broken).unwrap();
    let error = broken.sign(&Sample::batch(b"").request(), NOW).unwrap_err();
    assert!(!format!("{error:?}").contains("a\nb"), "{error:?}");
}

fn any_sample() -> impl Strategy<Value = Sample> {
    let uri = "/[a-zA-Z0-9%._~/-]{0,20}(\\?[a-z0-9=&%._~-]{0,20})?";
    let text = "[!-~]([ -~]{0,20}[!-~])?";
    (uri, "[a-z0-9.:-]{1,20}", text, prop::collection::vec(any::<u8>(), 0..100)).prop_map(
        |(uri, host, content_type, body)| {
            Sample::new(&format!("POST {uri}"), &host, &content_type, &body)
        },
    )
}

proptest! {
    #[test]
    fn any_request_can_be_signed_at_any_time(sample in any_sample(), now in any::<i64>()) {
        let signer = signer(HOST_NAME, &GIVEN).unwrap();
        let first = sample.signature(&signer, EpochMillis(now));
        let mut signed = sample.clone();
        signed.headers.extend(signer.sign(&sample.request(), EpochMillis(now)).unwrap());
        prop_assert_eq!(signed.signature(&signer, EpochMillis(now)), first, "signing again");
    }

    #[test]
    fn every_byte_of_the_body_counts(sample in any_sample(), at: prop::sample::Index, bit in 0..8u8) {
        prop_assume!(!sample.body.is_empty());
        let signer = signer(HOST_NAME, &GIVEN).unwrap();
        let mut other = sample.clone();
        other.body[at.index(sample.body.len())] ^= 1 << bit;
        prop_assert_ne!(other.signature(&signer, NOW), sample.signature(&signer, NOW));
    }

    #[test]
    fn everything_else_counts(sample in any_sample(), letter in "[a-z]") {
        let signer = signer(HOST_NAME, &GIVEN).unwrap();
        let signature = sample.signature(&signer, NOW);
        let longer = |it: &HeaderValue| format!("{}{letter}", it.to_str().unwrap()).parse().unwrap();
        for name in [HOST, CONTENT_TYPE] {
            let mut other = sample.clone();
            other.headers.insert(&name, longer(&sample.headers[&name]));
            prop_assert_ne!(other.signature(&signer, NOW), &*signature, "{}", name);
        }
        let path = sample.uri.path();
        let query = sample.uri.query().unwrap_or_default();
        for uri in [format!("{path}{letter}?{query}"), format!("{path}?{query}{letter}")] {
            let other = Sample { uri: uri.parse().unwrap(), ..sample.clone() };
            prop_assert_ne!(other.signature(&signer, NOW), &*signature, "{}", uri);
        }
        let other = Sample { method: Method::PUT, ..sample.clone() };
        prop_assert_ne!(other.signature(&signer, NOW), &*signature);
        prop_assert_ne!(sample.signature(&signer, EpochMillis(NOW.0 + 1000)), &*signature);
        for (index, (name, value)) in GIVEN.into_iter().enumerate() {
            let (mut settings, value) = (GIVEN, format!("{value}{letter}"));
            settings[index] = (name, &value);
            let other = self::signer(HOST_NAME, &settings).unwrap();
            prop_assert_ne!(sample.signature(&other, NOW), &*signature, "{}", name);
        }
    }
}
