//! How whoever calls proves who they are.
//!
//! A token goes to whatever asks for one: a door with sign-in, or a proxy. A Function URL with `AWS_IAM`, which the deployment makes for the
//! console, takes a signature instead: the credentials are those that the AWS CLI would use.

use anyhow::{Context as _, bail};
use aws_smithy_runtime_api::client::identity::Identity;
use reqwest::{
    Request, Url,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};

use crate::{
    channels::proof::{Asked, Scope, credentials, prove},
    clock,
    store::access,
};

/// What a Function URL's signatures are for.
const SERVICE: &str = "lambda";

/// How to prove who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Auth {
    /// `OVERTIME_TOKEN` as a bearer token, where it is set.
    Token,
    /// A signature by the AWS credentials at hand, as a Function URL with `AWS_IAM` asks for.
    Iam,
}

/// What proves who calls.
pub(super) enum Proof {
    None,
    Token(String),
    Signature { identity: Identity, region: String },
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proof(..)")
    }
}

impl Auth {
    /// What there is to prove it with, for requests to `url`.
    pub(super) async fn proof(self, url: &str) -> anyhow::Result<Proof> {
        match self {
            Self::Token => {
                let token = std::env::var("OVERTIME_TOKEN").ok().filter(|it| !it.is_empty());
                Ok(token.map_or(Proof::None, Proof::Token))
            }
            Self::Iam => {
                let config = access::environment().await;
                let home = config.region().map(ToString::to_string);
                let Some(region) = region_of(url).or(home) else {
                    bail!(
                        "AWS_REGION is not set: --url {url} is not a Lambda function URL, so set it to the region of the one behind it"
                    );
                };
                let identity = credentials(&config).await;
                let identity = identity.context("--auth iam finds no AWS credentials")?;
                Ok(Proof::Signature { identity, region })
            }
        }
    }
}

impl Proof {
    /// What would be readable on its way, if the way is not private.
    pub(super) fn secret(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Token(_) => Some("OVERTIME_TOKEN"),
            Self::Signature { .. } => Some("the session's token"),
        }
    }

    /// Puts it into a request that is whole otherwise.
    pub(super) fn give(&self, request: &mut Request) -> anyhow::Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Token(token) => {
                let value = HeaderValue::try_from(format!("Bearer {token}"));
                let mut value = value.context("OVERTIME_TOKEN cannot be sent in a header")?;
                value.set_sensitive(true);
                request.headers_mut().insert(AUTHORIZATION, value);
                Ok(())
            }
            Self::Signature { identity, region } => sign(request, identity, region),
        }
    }
}

fn sign(request: &mut Request, identity: &Identity, region: &str) -> anyhow::Result<()> {
    let headers = request.headers().iter();
    let headers: Vec<_> =
        headers.filter_map(|(name, it)| Some((name.as_str(), it.to_str().ok()?))).collect();
    let asked = Asked {
        method: request.method().as_str(),
        url: request.url().as_str(),
        headers: &headers,
        body: request.body().and_then(|it| it.as_bytes()).unwrap_or_default(),
    };
    let scope = Scope { service: SERVICE, region, at: clock::now() };
    let proof = prove(identity, scope, asked);
    let proof = proof.map_err(|why| anyhow::anyhow!("the request cannot be signed: {why}"))?;
    for (name, value) in proof {
        request.headers_mut().insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    Ok(())
}

/// The region that a Function URL's host names, `ID.lambda-url.REGION.on.…`.
fn region_of(url: &str) -> Option<String> {
    let url: Url = url.parse().ok()?;
    let mut labels = url.host_str()?.split('.').skip(1);
    labels.next().filter(|it| *it == "lambda-url")?;
    let region = labels.next()?;
    labels.next().filter(|it| *it == "on")?;
    Some(region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_url_says_which_region_signs() {
        let region = |url: &str| region_of(url);
        assert_eq!(region("https://a1b2.lambda-url.eu-west-1.on.aws/").unwrap(), "eu-west-1");
        let china = "https://a1b2.lambda-url.cn-north-1.on.amazonwebservices.com.cn";
        assert_eq!(region(china).unwrap(), "cn-north-1");
        for url in ["https://overtime.example", "https://lambda-url.eu-west-1.on.aws", "o"] {
            assert_eq!(region(url), None, "{url}");
        }
    }
}
