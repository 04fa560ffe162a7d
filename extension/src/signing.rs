//! Proof of whose request it is: `SigV4`, as a Function URL with `AWS_IAM` and as S3 expect it.
//!
//! The function's own role signs. What has to be known for it lies in four places: the [`region`] that a signature is for,
//! the [`wallet`] with the role's credentials, the [`container`] endpoint that fills it under SnapStart, and the [`skew`]
//! between our clock and the aggregator's. The signature itself is `aws-sigv4`'s work.
//!
//! **Invariant.** Nothing here asks a clock, a socket or the environment; the body is always part of what is signed; and no
//! secret is ever part of an error or of a `Debug`.
//!
//! Sources: AWS's "Invoking Lambda function URLs" (service `lambda`, the body's hash is part of the signature), "Create a
//! signed AWS API request", and of S3's API reference "Signature calculations for the authorization header" (a path is encoded
//! once, and not tidied up).

pub mod container;
pub mod region;
pub mod skew;
pub mod wallet;

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign as signature_of,
    },
    sign::v4,
};
use hyper::{
    HeaderMap, Method, StatusCode, Uri,
    header::{HOST, HeaderName, HeaderValue},
};
use overtime_wire::EpochMillis;

use container::{Fetch, FetchError};
use region::Region;
use skew::{Clock, Refusal, Remedy};
use wallet::{Standing, Wallet};

/// The last millisecond of the year 9999: a date has four digits for the year.
const LATEST_MS: i64 = 253_402_300_799_999;

/// Who is to believe a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    FunctionUrl,
    Bucket,
}

/// All that signing for one server needs, and what was learnt on the way.
#[derive(Debug)]
pub struct Signer {
    service: Service,
    region: Region,
    wallet: Wallet,
    clock: Clock,
}

/// What is signed: all of it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a Method,
    /// Path and query are what counts.
    pub uri: &'a Uri,
    /// `host` is among them.
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    #[error("there are no valid credentials of the function's role")]
    NoCredentials,
    #[error("the request has no host header")]
    NoHost,
    #[error("the request cannot be signed")]
    Unsignable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What is wrong with the settings that signing depends on, each by the name somebody would edit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(Vec<&'static str>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl Signer {
    /// For the aggregator at `host`. Takes the lookup rather than the environment: tests pass a map.
    pub fn read(host: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        match (Region::read(host, &lookup), Wallet::read(&lookup)) {
            (Ok(region), Ok(wallet)) => {
                let (service, clock) = (Service::FunctionUrl, Clock::default());
                Ok(Self { service, region, wallet, clock })
            }
            (region, wallet) => Err(Faults(region.err().into_iter().chain(wallet.err()).collect())),
        }
    }

    /// For a bucket in a region.
    pub fn of_bucket(
        region: Region,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Faults> {
        let wallet = Wallet::read(&lookup).map_err(|fault| Faults(vec![fault]))?;
        Ok(Self { service: Service::Bucket, region, wallet, clock: Clock::default() })
    }

    /// The bucket turned out to be elsewhere.
    pub fn relocate(&mut self, region: Region) {
        self.region = region;
    }

    /// What to ask for before the next signature; `None` when the credentials in hand will do for a while.
    pub fn fetch(&self, now: EpochMillis) -> Option<Fetch> {
        match self.wallet.at(self.clock.correct(now)) {
            Standing::Fresh(_) => None,
            Standing::Ageing(_, fetch) | Standing::Absent(fetch) => Some(fetch),
        }
    }

    /// Takes the answer to a fetch. After an error, credentials that are still valid go on being used.
    pub fn fetched(
        &mut self,
        status: StatusCode,
        body: &[u8],
        now: EpochMillis,
    ) -> Result<(), FetchError> {
        self.wallet.fill(container::read(status, body, self.clock.correct(now))?);
        Ok(())
    }

    /// Whether there are credentials to sign with.
    pub fn can_sign(&self, now: EpochMillis) -> bool {
        match self.wallet.at(self.clock.correct(now)) {
            Standing::Fresh(_) | Standing::Ageing(..) => true,
            Standing::Absent(_) => false,
        }
    }

    /// A snapshot was restored: its credentials and its clock are another environment's.
    pub fn restored(&mut self) {
        self.wallet.empty();
        self.clock = Clock::default();
    }

    /// The headers that prove the request; they replace those of an earlier signature.
    pub fn sign(&self, request: &Request<'_>, now: EpochMillis) -> Result<HeaderMap, SigningError> {
        let now = self.clock.correct(now);
        match self.wallet.at(now) {
            Standing::Fresh(credentials) | Standing::Ageing(credentials, _) => {
                sign(request, credentials, (self.service, &self.region), now)
            }
            Standing::Absent(_) => Err(SigningError::NoCredentials),
        }
    }

    /// What to do about an answer that is no success: sign the same request once more, or take it for what it is.
    ///
    /// Where credentials are fetched and these have ended before their time, others are due before the next signature.
    pub fn refused(&mut self, refusal: &Refusal<'_>) -> Remedy {
        if wallet::have_ended(refusal) {
            return if self.wallet.empty() { Remedy::SignAgain } else { Remedy::Nothing };
        }
        let remedy;
        (self.clock, remedy) = self.clock.refused(refusal);
        remedy
    }
}

fn sign(
    request: &Request<'_>,
    credentials: &Credentials,
    (service, region): (Service, &Region),
    at: EpochMillis,
) -> Result<HeaderMap, SigningError> {
    let identity = credentials.clone().into();
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    if service == Service::Bucket {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region.as_str())
        .name(service.name())
        .time(system_time(at))
        .settings(settings)
        .build()
        .map_err(unsignable)?
        .into();
    let signed = signature_of(signable(request)?, &params).map_err(unsignable)?;
    let (headers, _) = signed.into_parts().0.into_parts();
    let mut proof = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let mut value = HeaderValue::from_str(header.value()).map_err(unsignable)?;
        value.set_sensitive(header.sensitive());
        proof.insert(HeaderName::from_static(header.name()), value);
    }
    Ok(proof)
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::FunctionUrl => "lambda",
            Self::Bucket => "s3",
        }
    }
}

/// `aws-sigv4` would panic over a missing host.
fn signable<'a>(request: &Request<'a>) -> Result<SignableRequest<'a>, SigningError> {
    if !request.headers.contains_key(HOST) {
        return Err(SigningError::NoHost);
    }
    let mut headers = Vec::with_capacity(request.headers.len());
    for (name, value) in request.headers {
        headers.push((name.as_str(), value.to_str().map_err(unsignable)?));
    }
    let uri = request.uri.path_and_query().map_or("/", |it| it.as_str());
    let body = SignableBody::Bytes(request.body);
    SignableRequest::new(request.method.as_str(), uri, headers.into_iter(), body)
        .map_err(unsignable)
}

fn unsignable(error: impl std::error::Error + Send + Sync + 'static) -> SigningError {
    SigningError::Unsignable(Box::new(error))
}

/// Held to the years that a date can be written for; `aws-sigv4` would panic over others.
fn system_time(at: EpochMillis) -> SystemTime {
    let milliseconds = u64::try_from(at.0.clamp(0, LATEST_MS)).unwrap_or(0);
    UNIX_EPOCH + Duration::from_millis(milliseconds)
}

#[cfg(test)]
mod tests;
