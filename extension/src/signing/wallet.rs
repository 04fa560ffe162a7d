//! The role's credentials: given once, or fetched and renewed.
//!
//! ```text
//!   environment ──▶ Given ──▶ always fresh
//!
//!                  filled                5 minutes before expiry
//!   Drawn: Absent ────────▶ Fresh ────────────────────────────────▶ Ageing
//!            ▲ ▲               │ restored           │ filled: Fresh   │
//!            │ └───────────────┘                                      │
//!            └──────────────────── expired, restored ─────────────────┘
//! ```
//!
//! Lambda gives an environment credentials that outlive it. Under SnapStart the environment was made long before it runs, so
//! there is an endpoint to ask instead; credentials that went through a snapshot belong to nobody.
//!
//! Source: AWS's "Compatibility considerations" of SnapStart: container credentials take the place of the access keys.

use std::time::Duration;

use aws_credential_types::Credentials;
use hyper::StatusCode;
use overtime_wire::EpochMillis;

use super::{
    container::{Endpoint, Fetch},
    skew::Refusal,
};

/// How long before their end credentials are renewed.
const MARGIN: Duration = Duration::from_mins(5);
/// How a service of AWS says that a session is over.
const ENDED: &str = "security token included in the request is expired";
/// And how S3 says it, with a 400.
const ENDED_FOR_S3: &str = "<Code>ExpiredToken</Code>";
const NONE: &str = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, and neither is AWS_CONTAINER_CREDENTIALS_FULL_URI: run where Lambda gives the function's role, or set OVERTIME_AUTH to none";

/// Where credentials come from, and those there are.
#[derive(Debug)]
pub enum Wallet {
    /// By the environment, for good.
    Given(Credentials),
    /// From an endpoint, for a while.
    Drawn { endpoint: Endpoint, held: Option<Held> },
}

/// Credentials with an end.
#[derive(Debug)]
pub struct Held {
    pub credentials: Credentials,
    pub expires: EpochMillis,
}

/// What there is to sign with at some instant.
#[derive(Debug)]
pub enum Standing<'a> {
    Fresh(&'a Credentials),
    /// They will do, but new ones are due.
    Ageing(&'a Credentials, Fetch),
    Absent(Fetch),
}

impl Wallet {
    /// Access keys come first, as they do in AWS's own clients.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, &'static str> {
        let value = |name: &str| lookup(name).filter(|it| !it.is_empty());
        if let (Some(id), Some(secret)) =
            (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY"))
        {
            let token = value("AWS_SESSION_TOKEN");
            return Ok(Self::Given(Credentials::new(id, secret, token, None, "environment")));
        }
        let uri = value("AWS_CONTAINER_CREDENTIALS_FULL_URI").ok_or(NONE)?;
        let endpoint = Endpoint::read(&uri, value("AWS_CONTAINER_AUTHORIZATION_TOKEN"))?;
        Ok(Self::Drawn { endpoint, held: None })
    }

    pub fn at(&self, now: EpochMillis) -> Standing<'_> {
        match self {
            Self::Given(credentials) => Standing::Fresh(credentials),
            Self::Drawn { endpoint, held } => match held {
                Some(it) if now < it.expires.minus(MARGIN) => Standing::Fresh(&it.credentials),
                Some(it) if now < it.expires => Standing::Ageing(&it.credentials, endpoint.fetch()),
                Some(_) | None => Standing::Absent(endpoint.fetch()),
            },
        }
    }

    /// Given credentials stay: nobody asked for others.
    pub fn fill(&mut self, new: Held) {
        match self {
            Self::Given(_) => {}
            Self::Drawn { held, .. } => *held = Some(new),
        }
    }

    /// Forgets what can be fetched again, and says whether there was any of it.
    pub fn empty(&mut self) -> bool {
        match self {
            Self::Given(_) => false,
            Self::Drawn { held, .. } => held.take().is_some(),
        }
    }
}

/// Whether a refusal says that the credentials' time is over.
pub fn have_ended(refusal: &Refusal<'_>) -> bool {
    let named = refusal.headers.get("x-amzn-errortype").and_then(|it| it.to_str().ok());
    let says = |words: &str| refusal.body.windows(words.len()).any(|it| it == words.as_bytes());
    match refusal.status {
        StatusCode::FORBIDDEN => {
            named.is_some_and(|it| it.starts_with("ExpiredToken")) || says(ENDED)
        }
        StatusCode::BAD_REQUEST => says(ENDED_FOR_S3),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::*;

    const ENDPOINT: (&str, &str) =
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9001/2021-04-23/credentials");
    const ID: (&str, &str) = ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
    const SECRET: (&str, &str) = ("AWS_SECRET_ACCESS_KEY", "hunter2");

    fn wallet(settings: &[(&str, &str)]) -> Result<Wallet, &'static str> {
        Wallet::read(|name| {
            settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn standing(wallet: &Wallet, now: i64) -> &'static str {
        match wallet.at(EpochMillis(now)) {
            Standing::Fresh(_) => "fresh",
            Standing::Ageing(..) => "ageing",
            Standing::Absent(_) => "absent",
        }
    }

    fn until(expires: i64) -> Held {
        let credentials = Credentials::new("id", "secret", None, None, "test");
        Held { credentials, expires: EpochMillis(expires) }
    }

    #[test]
    fn given_credentials_come_first_and_never_end() {
        let mut wallet = wallet(&[ID, SECRET, ENDPOINT]).unwrap();
        assert_eq!(standing(&wallet, i64::MAX), "fresh");
        wallet.fill(until(0));
        assert!(!wallet.empty());
        assert_eq!(standing(&wallet, i64::MIN), "fresh");
    }

    #[test]
    fn fetched_credentials_are_renewed_in_time() {
        let mut wallet = wallet(&[ID, ("AWS_SECRET_ACCESS_KEY", ""), ENDPOINT]).unwrap();
        assert_eq!(standing(&wallet, 0), "absent");
        wallet.fill(until(1_000_000));
        let seen = [0, 699_999, 700_000, 999_999, 1_000_000].map(|now| standing(&wallet, now));
        assert_eq!(seen, ["fresh", "fresh", "ageing", "ageing", "absent"]);
        wallet.fill(until(2_000_000));
        assert_eq!(standing(&wallet, 1_000_000), "fresh");
        assert!(wallet.empty());
        assert_eq!(standing(&wallet, 0), "absent");
        assert!(!wallet.empty());
    }

    #[test]
    fn the_end_of_a_session_is_told_from_other_refusals() {
        let ended = |status: u16, kind: &str, body: &str| {
            let headers: HeaderMap = [("x-amzn-errortype".parse().unwrap(), kind.parse().unwrap())]
                .into_iter()
                .collect();
            have_ended(&Refusal {
                status: StatusCode::from_u16(status).unwrap(),
                headers: &headers,
                body: body.as_bytes(),
                signed_at: EpochMillis(0),
                now: EpochMillis(0),
            })
        };
        let words = r#"{"message":"The security token included in the request is expired"}"#;
        assert!(ended(403, "ExpiredTokenException", ""));
        assert!(ended(403, "", words));
        assert!(!ended(400, "ExpiredTokenException", words));
        assert!(ended(400, "", "<Error><Code>ExpiredToken</Code><Message>…</Message></Error>"));
        assert!(!ended(403, "", "<Error><Code>ExpiredToken</Code></Error>"));
        let invalid = r#"{"message":"The security token included in the request is invalid."}"#;
        assert!(!ended(403, "UnrecognizedClientException", invalid));
    }

    #[test]
    fn without_credentials_somebody_is_told_what_to_set() {
        assert_eq!(wallet(&[]).unwrap_err(), NONE);
        assert_eq!(wallet(&[ID]).unwrap_err(), NONE);
        assert!(wallet(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "nonsense")]).is_err());
    }

    #[test]
    fn secrets_do_not_show() {
        let token = ("AWS_SESSION_TOKEN", "hunter3");
        let password = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hunter4");
        for settings in [&[ID, SECRET, token][..], &[ENDPOINT, password]] {
            let seen = format!("{:?}", wallet(settings).unwrap());
            assert!(!seen.contains("hunter"), "{seen}");
        }
    }
}
