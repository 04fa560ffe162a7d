//! The endpoint that gives credentials under SnapStart: what to ask it, and what it says.
//!
//! Asking is a description here, a [`Fetch`]; whoever owns the sockets performs it, with a deadline and a limit of its own.
//!
//! **Invariant.** The authorization token goes to this machine or its link-local neighbours and nowhere else, whatever the
//! environment says, for it travels in plain text.
//!
//! Sources: AWS's "Container credential provider" (which hosts may be asked) and the open sandbox supervisor
//! (`http://HOST:PORT/2021-04-23/credentials`; `AccessKeyId`, `SecretAccessKey`, `Token`, `Expiration`).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use aws_credential_types::Credentials;
use hyper::{
    HeaderMap, StatusCode, Uri,
    header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue},
};
use overtime_wire::EpochMillis;

use super::wallet::Held;
use crate::{json::Fields, telemetry::instant};

/// Where container credentials are served inside EKS pods.
const EKS: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23);
/// The shortest life that AWS gives to credentials of a role: theirs, if their end cannot be read.
const SHORTEST_LIFE: Duration = Duration::from_mins(15);
const INVALID: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI is not valid: expected http:// and an address of this machine, as Lambda sets it";
const INVALID_TOKEN: &str =
    "AWS_CONTAINER_AUTHORIZATION_TOKEN is not valid: expected the value that Lambda sets";

/// Where credentials are given out, and what opens the door.
#[derive(Debug, Clone)]
pub struct Endpoint {
    address: SocketAddr,
    path: String,
    headers: HeaderMap,
}

/// A `GET` to perform.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// Plain HTTP; no resolver is needed.
    pub address: SocketAddr,
    /// With its query.
    pub path: String,
    /// All of them, `host` too.
    pub headers: HeaderMap,
}

/// Why an answer holds no credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error("the credential endpoint answered {0}")]
    Refused(StatusCode),
    #[error("the credential endpoint's answer has no {0}")]
    Incomplete(&'static str),
}

impl Endpoint {
    pub fn read(uri: &str, token: Option<String>) -> Result<Self, &'static str> {
        let uri: Uri = uri.parse().map_err(|_| INVALID)?;
        let address = address(&uri).ok_or(INVALID)?;
        let authority = uri.authority().map_or("", |it| it.as_str());
        let path = uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(HOST, HeaderValue::from_str(authority).map_err(|_| INVALID)?);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(token) = token {
            let mut token = HeaderValue::try_from(token).map_err(|_| INVALID_TOKEN)?;
            token.set_sensitive(true);
            headers.insert(AUTHORIZATION, token);
        }
        Ok(Self { address, path, headers })
    }

    pub fn fetch(&self) -> Fetch {
        let Self { address, path, headers } = self.clone();
        Fetch { address, path, headers }
    }
}

/// Whom to ask, if it is somebody who may be asked.
fn address(uri: &Uri) -> Option<SocketAddr> {
    if uri.scheme_str() != Some("http") || uri.authority()?.as_str().contains('@') {
        return None;
    }
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    let address = match host {
        "localhost" => Ipv4Addr::LOCALHOST.into(),
        _ => host.parse().ok()?,
    };
    let is_near = match address {
        IpAddr::V4(it) => it.is_loopback() || it.is_link_local(),
        IpAddr::V6(it) => it.is_loopback() || it == EKS,
    };
    is_near.then(|| SocketAddr::new(address, uri.port_u16().unwrap_or(80)))
}

/// Reads the endpoint's answer.
pub fn read(status: StatusCode, body: &[u8], now: EpochMillis) -> Result<Held, FetchError> {
    if !status.is_success() {
        return Err(FetchError::Refused(status));
    }
    let text = String::from_utf8_lossy(body);
    let fields = Fields::parse(&text).ok_or(FetchError::Incomplete("JSON object"))?;
    let id = fields.text("AccessKeyId").ok_or(FetchError::Incomplete("AccessKeyId"))?;
    let secret = fields.text("SecretAccessKey").ok_or(FetchError::Incomplete("SecretAccessKey"))?;
    let token = fields.text("Token").ok_or(FetchError::Incomplete("Token"))?;
    let expires = fields.text("Expiration").and_then(|it| instant::parse(&it));
    Ok(Held {
        credentials: Credentials::new(id, secret, Some(token.into_owned()), None, "container"),
        expires: expires.unwrap_or_else(|| now.plus(SHORTEST_LIFE)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

    #[track_caller]
    fn check(body: &str, expected: Result<i64, &'static str>) {
        let seen = read(StatusCode::OK, body.as_bytes(), NOW).map(|it| it.expires.0);
        assert_eq!(seen, expected.map_err(FetchError::Incomplete), "{body}");
    }

    #[test]
    fn the_endpoint_is_asked_with_its_token() {
        let uri = "http://localhost:9001/2021-04-23/credentials?a=b";
        let fetch = Endpoint::read(uri, Some("hunter2".to_owned())).unwrap().fetch();
        assert_eq!(fetch.address, "127.0.0.1:9001".parse().unwrap());
        assert_eq!(fetch.path, "/2021-04-23/credentials?a=b");
        assert_eq!(fetch.headers[HOST], "localhost:9001");
        assert_eq!(fetch.headers[AUTHORIZATION], "hunter2");
        assert!(!format!("{fetch:?}").contains("hunter2"));
        let bare = Endpoint::read("http://[::1]", None).unwrap().fetch();
        assert_eq!((bare.address, &*bare.path), ("[::1]:80".parse().unwrap(), "/"));
        assert!(!bare.headers.contains_key(AUTHORIZATION));
    }

    #[test]
    fn the_token_goes_nowhere_else() {
        for uri in
            ["http://169.254.170.2/x", "http://169.254.100.1:9001/x", "http://[fd00:ec2::23]/x"]
        {
            assert!(Endpoint::read(uri, None).is_ok(), "{uri}");
        }
        for uri in [
            "",
            "/x",
            "localhost",
            "https://127.0.0.1/x",
            "http://example.com/x",
            "http://10.0.0.1/x",
            "http://localhost@example.com/x",
            "http://user@127.0.0.1/x",
            "http://[fd00::1]/x",
            "ftp://127.0.0.1/x",
        ] {
            assert_eq!(Endpoint::read(uri, None).unwrap_err(), INVALID, "{uri}");
        }
        let broken = Endpoint::read("http://127.0.0.1", Some("a\nb".to_owned()));
        assert_eq!(broken.unwrap_err(), INVALID_TOKEN);
    }

    #[test]
    fn credentials_are_read_with_their_end() {
        let answer = |expiration: &str| {
            format!(
                r#"{{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":{expiration}}}"#
            )
        };
        check(&answer(r#""2026-11-01T00:30:00Z""#), Ok(NOW.0 + 1_800_000));
        check(&answer(r#""2026-11-01T01:30:00.5+01:00""#), Ok(NOW.0 + 1_800_500));
        check(&answer(r#""soon""#), Ok(NOW.0 + 900_000));
        check(&answer("null"), Ok(NOW.0 + 900_000));
    }

    #[test]
    fn an_answer_without_credentials_says_what_is_missing() {
        check("", Err("JSON object"));
        check("[]", Err("JSON object"));
        check("{}", Err("AccessKeyId"));
        check(r#"{"AccessKeyId":"a","SecretAccessKey":""}"#, Err("SecretAccessKey"));
        check(r#"{"AccessKeyId":"a","SecretAccessKey":"b","Token":7}"#, Err("Token"));
        let refused = read(StatusCode::NOT_FOUND, b"{}", NOW).unwrap_err();
        assert_eq!(refused, FetchError::Refused(StatusCode::NOT_FOUND));
    }
}
