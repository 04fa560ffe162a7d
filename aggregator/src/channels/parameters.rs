//! Secrets that lie in AWS: parameters of Systems Manager, and Secrets Manager.
//!
//! Each is one signed request with a JSON body, so the two do without their SDKs, of which the one for Systems Manager alone takes longer
//! to build than all the others here together. Endpoints are AWS's own and never part of a channel, so they may be in a private network, as those of a VPC
//! are: the [`guard`](super::guard) is not asked.

use std::time::Duration;

use aws_config::SdkConfig;
use overtime_wire::EpochMillis;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::{
    aws::AwsSettings,
    proof::{Asked, NoCredentials, Scope, credentials, prove},
    secret::{Lookup, SecretError},
};
use crate::{
    channels::post::{NoClient, unguarded},
    domain::{configuration::SecretRef, region},
};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks AWS. Cheap to clone.
#[derive(Clone)]
pub struct Parameters {
    settings: AwsSettings,
    client: Client,
    lookup: Lookup,
    clock: fn() -> EpochMillis,
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parameters(..)")
    }
}

/// What is asked of whom.
struct Ask {
    service: &'static str,
    target: &'static str,
    body: Value,
    region: String,
    /// Where the answer has the text.
    field: &'static str,
}

impl Parameters {
    /// `lookup` finds addresses that are not AWS's own: `AWS_ENDPOINT_URL_SSM` and `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub fn new(
        settings: AwsSettings,
        lookup: Lookup,
        clock: fn() -> EpochMillis,
    ) -> Result<Self, NoClient> {
        Ok(Self { settings, client: unguarded(TIMEOUT)?, lookup, clock })
    }

    pub(super) async fn fetch(&self, reference: &SecretRef) -> Result<String, SecretError> {
        let name = reference.to_string();
        let config = self.settings.get().await;
        let home = config.region().map(ToString::to_string);
        let (ask, key) = match reference {
            SecretRef::Parameter(parameter) => (parameter_of(parameter, home), None),
            SecretRef::Managed { secret, key } => (secret_of(secret, home), key.as_deref()),
            SecretRef::Variable(_) | SecretRef::File(_) => return Err(SecretError::NoAws(name)),
        };
        let ask = ask.ok_or_else(|| SecretError::NoAws(name.clone()))?;
        let answer = self.ask(config, &ask, &name).await?;
        let text = answer.pointer(ask.field).and_then(Value::as_str);
        let text = text.ok_or_else(|| SecretError::Key(name.clone()))?;
        match key {
            None => Ok(text.to_owned()),
            Some(key) => {
                let object: Value = serde_json::from_str(text).unwrap_or_default();
                object[key].as_str().map(str::to_owned).ok_or(SecretError::Key(name))
            }
        }
    }

    async fn ask(&self, config: &SdkConfig, ask: &Ask, name: &str) -> Result<Value, SecretError> {
        let unavailable = |why: String| SecretError::Unavailable(name.to_owned(), why);
        let identity = credentials(config).await.map_err(|why| match why {
            NoCredentials::Nowhere => SecretError::NoAws(name.to_owned()),
            NoCredentials::Late | NoCredentials::Refused(_) => unavailable(why.to_string()),
        })?;
        let body = ask.body.to_string();
        let url = self.endpoint(config, ask);
        let headers =
            [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", ask.target)];
        let scope = Scope { service: ask.service, region: &ask.region, at: (self.clock)() };
        let asked = Asked { method: "POST", url: &url, headers: &headers, body: body.as_bytes() };
        let signature = prove(&identity, scope, asked).map_err(unavailable)?;
        let mut request = self.client.post(&url).body(body);
        let signature = signature.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in headers.into_iter().chain(signature) {
            request = request.header(name, value);
        }
        let answer =
            request.send().await.map_err(|error| unavailable(error.without_url().to_string()))?;
        let status = answer.status();
        let answer =
            answer.bytes().await.map_err(|error| unavailable(error.without_url().to_string()))?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        let code = answer["__type"].as_str().unwrap_or_default();
        let code = code.rsplit('#').next().unwrap_or_default();
        let why = format!("{status} {code}").trim().to_owned();
        if passes(status, code) {
            Err(unavailable(why))
        } else {
            Err(SecretError::Refused(name.to_owned(), why))
        }
    }

    fn endpoint(&self, config: &SdkConfig, ask: &Ask) -> String {
        let variable = match ask.service {
            "ssm" => "AWS_ENDPOINT_URL_SSM",
            _ => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        };
        let other = (self.lookup)(variable).or_else(|| config.endpoint_url().map(str::to_owned));
        let (service, region) = (ask.service, &ask.region);
        let suffix = if region::partition(region) == "aws-cn" {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        let own = || format!("https://{service}.{region}.{suffix}");
        format!("{}/", other.unwrap_or_else(own).trim_end_matches('/'))
    }
}

fn parameter_of(name: &str, home: Option<String>) -> Option<Ask> {
    Some(Ask {
        service: "ssm",
        target: "AmazonSSM.GetParameter",
        body: json!({ "Name": name, "WithDecryption": true }),
        region: home?,
        field: "/Parameter/Value",
    })
}

/// An ARN says where the secret is.
fn secret_of(secret: &str, home: Option<String>) -> Option<Ask> {
    let named = secret.strip_prefix("arn:").and_then(|it| it.split(':').nth(2));
    Some(Ask {
        service: "secretsmanager",
        target: "secretsmanager.GetSecretValue",
        body: json!({ "SecretId": secret }),
        region: named.filter(|it| !it.is_empty()).map(str::to_owned).or(home)?,
        field: "/SecretString",
    })
}

/// Whether a refusal is one that passes.
fn passes(status: StatusCode, code: &str) -> bool {
    const BUSY: [&str; 3] = ["ThrottlingException", "TooManyUpdates", "RequestLimitExceeded"];
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || BUSY.contains(&code)
}
