//! Topics and buses of AWS, by their SDKs.
//!
//! An ARN says in which region its topic or bus is, and that region is asked; a bus that is only named is in our own.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_config::{Region, SdkConfig, retry::RetryConfig};
use aws_sdk_eventbridge::{
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    primitives::DateTime,
    types::PutEventsRequestEntry,
};
use aws_sdk_sns::types::MessageAttributeValue;
use futures::future::BoxFuture;
use tokio::sync::OnceCell;

use super::{
    eventbridge::{self, DETAIL_TYPE, Entry, SOURCE},
    post::Attempt,
    sns::Message,
};
use crate::domain::delivery::Reply;

/// What the usual AWS settings describe, read when it is first needed: on a laptop that may take seconds, and nobody may need it.
#[derive(Clone)]
pub struct AwsSettings {
    load: fn() -> BoxFuture<'static, SdkConfig>,
    loaded: Arc<OnceCell<SdkConfig>>,
}

impl AwsSettings {
    pub fn new(load: fn() -> BoxFuture<'static, SdkConfig>) -> Self {
        Self { load, loaded: Arc::default() }
    }

    /// Settings that are known already.
    pub fn known(config: SdkConfig) -> Self {
        let settings = Self::new(|| Box::pin(async { SdkConfig::builder().build() }));
        // Nobody else has it yet, so it cannot be set.
        let _ = settings.loaded.set(config);
        settings
    }

    pub(super) async fn get(&self) -> &SdkConfig {
        self.loaded.get_or_init(self.load).await
    }
}

impl fmt::Debug for AwsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsSettings(..)")
    }
}

/// Clients of each region that something was sent to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Aws {
    settings: AwsSettings,
    topics: Arc<Mutex<HashMap<String, aws_sdk_sns::Client>>>,
    buses: Arc<Mutex<HashMap<String, aws_sdk_eventbridge::Client>>>,
}

impl Aws {
    pub fn new(settings: AwsSettings) -> Self {
        Self { settings, topics: Arc::default(), buses: Arc::default() }
    }

    pub(super) async fn publish(&self, topic: &str, message: &Message) -> Attempt {
        let region = topic.split(':').nth(3).unwrap_or_default();
        let config = self.settings.get().await;
        let client =
            cached(&self.topics, region, || aws_sdk_sns::Client::new(&towards(config, region)));
        let mut publish = client
            .publish()
            .topic_arn(topic)
            .subject(&message.subject)
            .message_structure("json")
            .message(&message.body);
        for (name, value) in &message.attributes {
            let attribute =
                MessageAttributeValue::builder().data_type("String").string_value(value);
            match attribute.build() {
                Ok(it) => publish = publish.message_attributes(*name, it),
                Err(why) => return Attempt::refused(why),
            }
        }
        if std::path::Path::new(topic).extension().is_some_and(|it| it == "fifo") {
            publish = publish
                .message_group_id(&message.group)
                .message_deduplication_id(&message.deduplication);
        }
        match publish.send().await {
            Ok(sent) => taken(sent.message_id()),
            Err(error) => failed(error),
        }
    }

    pub(super) async fn put(&self, bus: &str, entry: &Entry) -> Attempt {
        let named = bus.strip_prefix("arn:").and_then(|it| it.split(':').nth(2)).map(str::to_owned);
        let config = self.settings.get().await;
        let own = || config.region().map(ToString::to_string);
        let Some(region) = named.or_else(own) else { return super::courier::no_aws() };
        let client = cached(&self.buses, &region, || {
            aws_sdk_eventbridge::Client::new(&towards(config, &region))
        });
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(bus)
            .source(SOURCE)
            .detail_type(DETAIL_TYPE)
            .time(DateTime::from_millis(entry.at.0))
            .detail(&entry.detail)
            .set_resources(Some(entry.resources.clone()));
        let sent = match client.put_events().entries(entry.build()).send().await {
            Ok(sent) => sent,
            Err(error) => return failed(error),
        };
        let answer = sent.entries().first();
        let code = answer.and_then(|it| it.error_code());
        match (sent.failed_entry_count(), code) {
            (0, None) => taken(answer.and_then(|it| it.event_id())),
            (_, code) => {
                let code = code.unwrap_or("InternalFailure");
                let why = answer.and_then(|it| it.error_message()).unwrap_or_default();
                Attempt { reply: eventbridge::refusal(code), account: format!("{code}: {why}") }
            }
        }
    }
}

/// The same settings for another region. The schedule tries again; the SDK does so only for what passes at once.
fn towards(config: &SdkConfig, region: &str) -> SdkConfig {
    let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(50));
    let config = config.clone().into_builder().region(Region::new(region.to_owned()));
    config.retry_config(retries).build()
}

fn cached<C: Clone>(held: &Mutex<HashMap<String, C>>, region: &str, make: impl FnOnce() -> C) -> C {
    match held.lock() {
        Ok(mut held) => held.entry(region.to_owned()).or_insert_with(make).clone(),
        Err(_) => make(),
    }
}

fn taken(id: Option<&str>) -> Attempt {
    let account = format!("200 OK: {}", id.unwrap_or_default());
    Attempt { reply: Reply::Status { code: 200, retry_after: None }, account }
}

/// What a failed call means: what AWS refuses stays refused, but for what it is only too busy for.
fn failed<E>(
    error: SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>,
) -> Attempt
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    const BUSY: [&str; 6] = [
        "InternalError",
        "InternalException",
        "KMSThrottling",
        "ServiceUnavailable",
        "Throttled",
        "Throttling",
    ];
    let status = error.raw_response().map(|it| it.status().as_u16());
    let code = error.as_service_error().and_then(|it| it.code()).unwrap_or_default().to_owned();
    let busy = BUSY.iter().any(|it| code.starts_with(it))
        || status.is_some_and(|it| it >= 500 || it == 429);
    let understood = error.as_service_error().is_some();
    let account = DisplayErrorContext(error).to_string();
    match (understood, busy) {
        (true, false) => Attempt::refused(account),
        (true, true) => {
            let code = status.filter(|it| *it >= 429).unwrap_or(503);
            Attempt { reply: Reply::Status { code, retry_after: None }, account }
        }
        (false, _) => Attempt::unanswered(account),
    }
}
