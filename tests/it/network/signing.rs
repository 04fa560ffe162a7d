//! Requests signed by AWS's own signer for Rust, for a front end that checks with botocore.

use std::time::UNIX_EPOCH;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use jiff::Timestamp;
use reqwest::{Client, Request};
use sandbox::{clock, spec};

/// A batch, not signed yet.
pub(crate) fn post(client: &Client, url: &str, body: &'static [u8]) -> Request {
    let url = format!("{url}/v1/batches?a=1&b=%20x");
    let request = client.post(url).header("content-type", "application/x-protobuf").body(body);
    request.build().unwrap()
}

/// What is signed, and how; each test changes the one thing it is about.
#[derive(Debug, Clone)]
pub(crate) struct Signing {
    pub(crate) credentials: spec::Credentials,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
    pub(crate) at: Timestamp,
}

impl Signing {
    pub(crate) fn now() -> Self {
        Self {
            credentials: spec::Credentials::default(),
            region: "eu-west-1",
            service: "lambda",
            at: clock::now(),
        }
    }

    /// A batch, signed.
    pub(crate) fn post(&self, client: &Client, url: &str, body: &'static [u8]) -> Request {
        let mut request = post(client, url, body);
        self.sign(&mut request, SignableBody::Bytes(body));
        request
    }

    pub(crate) fn sign(&self, request: &mut Request, body: SignableBody<'_>) {
        let spec::Credentials { access_key, secret, session_token } = self.credentials.clone();
        let held = Credentials::new(access_key, secret, Some(session_token), None, "tests");
        let identity = held.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(UNIX_EPOCH + clock::between(Timestamp::UNIX_EPOCH, self.at))
            .settings(SigningSettings::default())
            .build()
            .unwrap();
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let (method, url) = (request.method().as_str(), request.url().as_str());
        let signable = SignableRequest::new(method, url, headers, body).unwrap();
        let (signed, _) = sign(signable, &params.into()).unwrap().into_parts();
        for header in signed.into_parts().0 {
            request.headers_mut().insert(header.name(), header.value().parse().unwrap());
        }
    }
}
