//! Attributes, and whom they are about.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
};
use overtime_wire::{EpochMillis, FunctionKey};

use crate::domain::region::partition;

/// The conventions that names of attributes and metrics are from.
pub(super) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.37.0";

pub(super) fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

pub(super) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

pub(super) fn whole(key: &str, value: impl TryInto<i64>) -> KeyValue {
    attribute(key, Value::IntValue(value.try_into().unwrap_or(i64::MAX)))
}

pub(super) fn truth(key: &str, value: bool) -> KeyValue {
    attribute(key, Value::BoolValue(value))
}

/// The function, as everything that is told of it names it. What changes with a deployment is not in here: it would begin every
/// series anew.
pub(super) fn resource(function: &FunctionKey) -> Resource {
    let FunctionKey { account, region, name } = function;
    let attributes = vec![
        text("cloud.provider", "aws"),
        text("cloud.platform", "aws_lambda"),
        text("cloud.account.id", account.to_string()),
        text("cloud.region", region.as_str()),
        text("cloud.resource_id", arn(function)),
        text("faas.name", name.as_str()),
        text("service.name", name.as_str()),
    ];
    Resource { attributes, ..Resource::default() }
}

pub(super) fn arn(function: &FunctionKey) -> String {
    let FunctionKey { account, region, name } = function;
    format!("arn:{}:lambda:{region}:{account}:function:{name}", partition(region.as_str()))
}

/// Who tells it.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "overtime".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

/// What is before 1970 is at its beginning.
pub(super) fn nanos(at: EpochMillis) -> u64 {
    u64::try_from(at.0).unwrap_or(0).saturating_mul(1_000_000)
}
