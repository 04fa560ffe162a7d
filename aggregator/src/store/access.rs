//! How to reach a DynamoDB: the one in this process, or one that the usual AWS settings describe.
//!
//! **Invariant.** Every call has a deadline, so nothing above waits for a table that has gone away.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

/// The two clients of one DynamoDB.
#[derive(Debug, Clone)]
pub struct Access {
    pub dynamo: aws_sdk_dynamodb::Client,
    #[cfg(feature = "embedded")]
    pub streams: aws_sdk_dynamodbstreams::Client,
}

impl Access {
    /// The engine embedded in this process. It asks for a signature and does not read it.
    #[cfg(feature = "embedded")]
    pub fn embedded(endpoint: &str) -> Self {
        let credentials =
            aws_sdk_dynamodb::config::Credentials::new("local", "local", None, None, "embedded");
        let config = aws_config::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(
                credentials,
            ))
            .http_client(Builder::new().build_http())
            .endpoint_url(endpoint)
            .retry_config(retries())
            .timeout_config(deadlines())
            .build();
        Self::of(&config)
    }

    /// Whatever the environment describes, at another address.
    pub async fn remote(endpoint: &str) -> Self {
        let config = environment().await.into_builder().endpoint_url(endpoint).build();
        Self::of(&config)
    }

    pub fn of(config: &aws_config::SdkConfig) -> Self {
        Self {
            dynamo: aws_sdk_dynamodb::Client::new(config),
            #[cfg(feature = "embedded")]
            streams: aws_sdk_dynamodbstreams::Client::new(config),
        }
    }
}

/// What the usual AWS settings describe: credentials, region, and addresses of services that are not the real ones.
pub async fn environment() -> aws_config::SdkConfig {
    let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(https)
        .retry_config(retries())
        .timeout_config(deadlines())
        .load()
        .await
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50))
}

fn deadlines() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(6))
        .build()
}
