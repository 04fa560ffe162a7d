//! What a front end is to be: whose function it leads to, and who may call it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::authority::{Authority, NotMade};
use crate::spec::{Credentials, Spec};

/// The first label of the Function URL's host.
const URL_ID: &str = "abcdefghijklmnopqrstuvwxyz012345";

#[derive(Debug, Clone)]
pub struct Plan {
    /// The account and the region of the function behind the URL.
    pub account: String,
    pub region: String,
    pub upstream: Upstream,
    pub callers: Vec<Caller>,
    pub tls: bool,
    /// How far its clock is ahead of this machine's, or behind it.
    pub ahead: Duration,
    pub behind: Duration,
}

/// Where requests with a good signature go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// To a plain HTTP server at this base URL, with the event's request context in the header
    /// `x-amzn-request-context`, as the AWS Lambda Web Adapter does it.
    Requests(String),
    /// As an event, posted to this URL, whose answer is a handler's: payload format 2.0.
    Events(String),
}

/// A role's session: what it signs with, and what AWS knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub credentials: Credentials,
    pub account: String,
    pub role: String,
    pub session: String,
    /// The organisation the account is in, if any.
    pub organisation: Option<String>,
    /// Its policies, and the function's, let it invoke the URL.
    pub is_allowed: bool,
    /// The session token's time is over.
    pub is_expired: bool,
}

impl Plan {
    pub fn to(upstream: Upstream) -> Self {
        Self {
            account: "999988887777".to_owned(),
            region: "eu-west-1".to_owned(),
            upstream,
            callers: Vec::new(),
            tls: false,
            ahead: Duration::ZERO,
            behind: Duration::ZERO,
        }
    }

    #[must_use]
    pub fn caller(mut self, caller: Caller) -> Self {
        self.callers.push(caller);
        self
    }

    #[must_use]
    pub fn over_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// The host that a Function URL of this plan would have on AWS.
    pub fn host(&self) -> String {
        format!("{URL_ID}.lambda-url.{}.on.aws", self.region)
    }

    pub(super) fn authority(&self) -> Result<Authority, NotMade> {
        Authority::certifying(&[&self.host(), "localhost", "127.0.0.1"])
    }

    pub(super) fn to_json(&self) -> Value {
        let (target, passes) = match &self.upstream {
            Upstream::Requests(base) => (base, "request"),
            Upstream::Events(url) => (url, "event"),
        };
        let callers = self.callers.iter();
        let callers = callers.map(|it| (it.credentials.access_key.clone(), it.to_json()));
        json!({
            "account": self.account,
            "region": self.region,
            "host": self.host(),
            "url_id": URL_ID,
            "upstream": target,
            "passes": passes,
            "tls": self.tls,
            "clock_offset_s": self.ahead.as_secs_f64() - self.behind.as_secs_f64(),
            "callers": callers.collect::<serde_json::Map<String, Value>>(),
        })
    }
}

impl Caller {
    /// The execution role of an emulated function.
    pub fn of(spec: &Spec) -> Self {
        Self {
            credentials: spec.credentials.clone(),
            account: spec.function.account.clone(),
            role: format!("{}-role", spec.function.name),
            session: spec.function.name.clone(),
            organisation: Some("o-a1b2c3d4e5".to_owned()),
            is_allowed: true,
            is_expired: false,
        }
    }

    /// The ARN of the session, as `requestContext.authorizer.iam.userArn` has it.
    pub fn arn(&self) -> String {
        let Self { account, role, session, .. } = self;
        format!("arn:aws:sts::{account}:assumed-role/{role}/{session}")
    }

    fn to_json(&self) -> Value {
        // Role ids begin with AROA; the session's name follows in the ids of its sessions.
        let id = format!("AROAEXAMPLEEXAMPLE000:{}", self.session);
        json!({
            "secret": self.credentials.secret,
            "session_token": self.credentials.session_token,
            "account": self.account,
            "user_arn": self.arn(),
            "user_id": id,
            "organisation": self.organisation,
            "is_allowed": self.is_allowed,
            "is_expired": self.is_expired,
        })
    }
}
