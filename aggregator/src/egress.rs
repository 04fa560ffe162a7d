//! The way out, put together from settings: for `serve` and for the deliver door, which send by the same code.

use std::sync::Arc;

use crate::{
    channels::{
        aws::{Aws, AwsSettings},
        courier::Courier,
        parameters::Parameters,
        secret::{Lookup, Vault},
    },
    clock,
    settings::Outside,
    store::access,
};

/// Everything that a message may be sent by.
pub fn courier(outside: Outside) -> Courier {
    let settings = AwsSettings::new(|| Box::pin(access::environment()));
    let vault = follower(settings.clone()).with_files_in(outside.secrets);
    Courier::new(outside.poster, vault)
        .with_environment(outside.environment)
        .with_aws(Some(Aws::new(settings)))
        .with_collector(outside.collector)
}

/// Follows what the settings refer to.
pub fn vault() -> Vault {
    follower(AwsSettings::new(|| Box::pin(access::environment())))
}

fn follower(settings: AwsSettings) -> Vault {
    let lookup: Lookup = Arc::new(|name: &str| std::env::var(name).ok());
    let parameters = Parameters::new(settings, Arc::clone(&lookup), clock::now);
    if let Err(error) = &parameters {
        let error = error as &dyn std::error::Error;
        tracing::warn!(error, "secrets that lie in AWS cannot be asked for");
    }
    Vault::new(lookup, parameters.ok())
}
