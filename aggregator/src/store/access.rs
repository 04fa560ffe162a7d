//! How to reach a DynamoDB: the one in this process, or one that the usual AWS settings describe.
//!
//! What fails in passing — throttling, faults of the other side, no answer — is tried again with growing, random pauses
//! until the call's deadline, and only then said: to DynamoDB "too much at once" is an ordinary answer, and most of what it
//! refuses goes through a moment later.
//!
//! **Invariant.** Every call has a deadline, so nothing above waits for a table that has gone away.

#[cfg(feature = "embedded")]
mod local;

use std::time::Duration;

use aws_config::{BehaviorVersion, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

/// How long one call may take, with all that it is tried.
pub const CALL_WITHIN: Duration = Duration::from_millis(4_500);
/// How long one attempt may take.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(3);
/// More than fit into [`CALL_WITHIN`]: time is what ends it.
const ATTEMPTS_MAX: u32 = 40;
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const PAUSE_MAX: Duration = Duration::from_millis(400);
/// The SDK also rations retries, ten of these for one after a fault. Its own five hundred are gone in a moment when a
/// thousand facts are written at once; what bounds ours is their deadline, and how many facts are written at once.
const RETRY_TOKENS: usize = 50_000;
/// So many come back each second.
const RETRY_TOKENS_REFILL: f32 = 5_000.0;

/// The two clients of one DynamoDB.
#[derive(Debug, Clone)]
pub struct Access {
    pub dynamo: aws_sdk_dynamodb::Client,
    #[cfg(feature = "embedded")]
    pub streams: aws_sdk_dynamodbstreams::Client,
}

impl Access {
    /// Whatever the environment describes, at another address.
    pub async fn remote(endpoint: &str) -> Self {
        let config = environment().await.into_builder().endpoint_url(endpoint).build();
        Self::of(&config)
    }

    pub fn of(config: &aws_config::SdkConfig) -> Self {
        let dynamo = aws_sdk_dynamodb::config::Builder::from(config).retry_partition(ration());
        Self {
            dynamo: aws_sdk_dynamodb::Client::from_conf(dynamo.build()),
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
    RetryConfig::standard()
        .with_max_attempts(ATTEMPTS_MAX)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(PAUSE_MAX)
}

fn ration() -> RetryPartition {
    let tokens = TokenBucket::builder().capacity(RETRY_TOKENS).refill_rate(RETRY_TOKENS_REFILL);
    RetryPartition::custom("tables").token_bucket(tokens.build()).build()
}

fn deadlines() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(ATTEMPT_WITHIN)
        .operation_timeout(CALL_WITHIN)
        .build()
}
