//! Proof of whose request it is, as AWS asks for it: `SigV4`, over the body, too.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use overtime_wire::EpochMillis;
use tokio::time::timeout;

/// How long whoever has credentials may take to give them.
const CREDENTIALS_WITHIN: Duration = Duration::from_secs(5);

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum NoCredentials {
    #[error("nothing says where credentials are")]
    Nowhere,
    #[error("no credentials in time")]
    Late,
    #[error("{0}")]
    Refused(String),
}

/// What a proof is for.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    pub service: &'a str,
    pub region: &'a str,
    pub at: EpochMillis,
}

/// What is proved: all of it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub method: &'a str,
    pub url: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
}

/// The credentials that the usual AWS settings describe.
pub async fn credentials(config: &SdkConfig) -> Result<Identity, NoCredentials> {
    let provider = config.credentials_provider().ok_or(NoCredentials::Nowhere)?;
    let given = timeout(CREDENTIALS_WITHIN, provider.provide_credentials()).await;
    let given = given.map_err(|_| NoCredentials::Late)?;
    given.map(Identity::from).map_err(|error| NoCredentials::Refused(error.to_string()))
}

/// The headers that prove a request, or why it cannot be proved.
pub fn prove(
    identity: &Identity,
    scope: Scope<'_>,
    asked: Asked<'_>,
) -> Result<Vec<(String, String)>, String> {
    let at: SystemTime = UNIX_EPOCH + scope.at.since(EpochMillis(0));
    let params = v4::SigningParams::builder()
        .identity(identity)
        .region(scope.region)
        .name(scope.service)
        .time(at)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let body = SignableBody::Bytes(asked.body);
    let headers = asked.headers.iter().copied();
    let request = SignableRequest::new(asked.method, asked.url, headers, body);
    let signed = sign(request.map_err(|error| error.to_string())?, &params);
    let (signed, _) = signed.map_err(|error| error.to_string())?.into_parts();
    let headers = signed.into_parts().0.into_iter();
    Ok(headers.map(|it| (it.name().to_owned(), it.value().to_owned())).collect())
}
