//! How to reach an engine on this machine, which asks for a signature and does not read it.

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::{Credentials, HttpClient, SharedCredentialsProvider};
use aws_smithy_http_client::Builder;

use super::{Access, deadlines, retries};

impl Access {
    /// The engine embedded in this process. It asks for a signature and does not read it.
    pub fn embedded(endpoint: &str) -> Self {
        Self::local(endpoint, "local", Builder::new().build_http())
    }

    /// An engine on this machine, by way of `client`. One that keeps accounts apart knows them by `access_key`.
    pub(crate) fn local(
        endpoint: &str,
        access_key: &str,
        client: impl HttpClient + 'static,
    ) -> Self {
        let credentials = Credentials::new(access_key, "local", None, None, "local");
        let config = aws_config::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(client)
            .endpoint_url(endpoint)
            .retry_config(retries())
            .timeout_config(deadlines())
            .build();
        Self::of(&config)
    }
}
