//! What DynamoDB does on a bad day, which engines on one machine never do: it throttles, faults, cancels transactions for
//! meeting each other, and loses answers to what it has done.
//!
//! It stands between the SDK and the engine, below the SDK's retries, and its choices follow from a seed. Half of what goes
//! wrong without an answer from the engine goes wrong after the engine has done it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use aws_sdk_dynamodb::config::{
    RuntimeComponents,
    http::{HttpRequest, HttpResponse},
};
use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;

/// A way to an engine on which some of what is sent meets misfortune. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Weather(Arc<Sky>);

#[derive(Debug)]
struct Sky {
    calm: SharedHttpClient,
    dice: Mutex<u64>,
    percent: u64,
    raging: AtomicBool,
    mishaps: AtomicU64,
    conflicts: AtomicU64,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    /// Refused for now, with this status and code.
    Refused(u16, &'static str),
    /// A transaction met another.
    Conflict,
    /// The connection breaks before the request is through, or after it was done.
    Broken { done: bool },
    /// A fault is answered, though it was done.
    Forgotten,
}

const REFUSALS: [Mishap; 5] = [
    Mishap::Refused(400, "ProvisionedThroughputExceededException"),
    Mishap::Refused(400, "ThrottlingException"),
    Mishap::Refused(400, "RequestLimitExceeded"),
    Mishap::Refused(500, "InternalServerError"),
    Mishap::Refused(503, "ServiceUnavailable"),
];
const SILENCES: [Mishap; 4] = [
    Mishap::Broken { done: false },
    Mishap::Broken { done: true },
    Mishap::Forgotten,
    Mishap::Forgotten,
];

impl Weather {
    /// So many of a hundred requests will meet misfortune, once it [`rages`](Self::rage), and half of the transactions another.
    pub(crate) fn of(seed: u64, percent: u64) -> Self {
        Self(Arc::new(Sky {
            calm: Builder::new().build_http(),
            dice: Mutex::new(seed),
            percent,
            raging: AtomicBool::new(false),
            mishaps: AtomicU64::default(),
            conflicts: AtomicU64::default(),
        }))
    }

    pub(crate) fn rage(&self) {
        self.0.raging.store(true, Ordering::Relaxed);
    }

    /// From now on nothing goes wrong.
    pub(crate) fn clear(&self) {
        self.0.raging.store(false, Ordering::Relaxed);
    }

    /// How many requests went wrong, and how many of these were transactions that met another.
    pub(crate) fn mishaps(&self) -> (u64, u64) {
        (self.0.mishaps.load(Ordering::Relaxed), self.0.conflicts.load(Ordering::Relaxed))
    }

    /// `SplitMix64`.
    fn draw(&self, below: u64) -> u64 {
        let mut state = self.0.dice.lock().unwrap();
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }

    fn mishap(&self, request: &HttpRequest) -> Option<Mishap> {
        if !self.0.raging.load(Ordering::Relaxed) {
            return None;
        }
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        // There are few of them, and this is theirs alone.
        let conflict = target.ends_with("TransactWriteItems") && self.draw(2) == 0;
        if conflict {
            self.0.conflicts.fetch_add(1, Ordering::Relaxed);
        } else if self.draw(100) >= self.0.percent {
            return None;
        }
        self.0.mishaps.fetch_add(1, Ordering::Relaxed);
        let several: &[Mishap] = if conflict {
            &[Mishap::Conflict]
        } else if self.draw(2) == 0 {
            &REFUSALS
        } else {
            &SILENCES
        };
        several.get(usize::try_from(self.draw(several.len() as u64)).unwrap()).copied()
    }
}

impl HttpClient for Weather {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let calm = self.0.calm.http_connector(settings, components);
        SharedHttpConnector::new(Passage { calm, weather: self.clone() })
    }
}

#[derive(Debug)]
struct Passage {
    calm: SharedHttpConnector,
    weather: Weather,
}

impl HttpConnector for Passage {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.weather.mishap(&request) {
            None => self.calm.call(request),
            Some(Mishap::Refused(status, code)) => {
                HttpConnectorFuture::ready(Ok(refusal(status, code, "")))
            }
            Some(Mishap::Conflict) => {
                let code = "TransactionCanceledException";
                let reasons =
                    r#","CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict"}]"#;
                HttpConnectorFuture::ready(Ok(refusal(400, code, reasons)))
            }
            Some(Mishap::Broken { done: false }) => HttpConnectorFuture::ready(Err(broken())),
            Some(Mishap::Broken { done: true }) => {
                let doing = self.calm.call(request);
                HttpConnectorFuture::new(async {
                    doing.await?;
                    Err(broken())
                })
            }
            Some(Mishap::Forgotten) => {
                let doing = self.calm.call(request);
                HttpConnectorFuture::new(async {
                    doing.await?;
                    Ok(refusal(500, "InternalServerError", ""))
                })
            }
        }
    }
}

fn refusal(status: u16, code: &str, more: &str) -> HttpResponse {
    let body = format!(
        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"bad weather"{more}}}"#
    );
    HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))
}

fn broken() -> ConnectorError {
    ConnectorError::io(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
}
