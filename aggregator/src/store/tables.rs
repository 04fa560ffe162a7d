//! Making the two tables where there are none yet.
//!
//! On AWS, infrastructure makes them; this is for the embedded engine and for any other DynamoDB that `serve` is pointed at.
//!
//! **Invariant.** A table that is there is left as it is.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::SdkError,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
        Projection, ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType,
        TableStatus, TimeToLiveSpecification,
    },
};

use crate::store::{
    Store, StoreError,
    item::failed,
    schema::{
        BY_DEADLINE, BY_DUE, BY_FUNCTION,
        attribute::{DAY, DUE, EXPIRES, FUNCTION_DAY, PK, PLACE, QUEUE, SK},
    },
};

type BuildError = aws_sdk_dynamodb::error::BuildError;

impl Store {
    /// Makes the tables that are missing and waits until they can be used.
    pub async fn ensure_tables(&self) -> Result<(), StoreError> {
        if !self.is_there(self.facts_table()).await? {
            self.create_facts().await?;
        }
        if !self.is_there(self.state_table()).await? {
            self.create_state().await?;
        }
        for table in [self.facts_table(), self.state_table()] {
            while !self.is_there(table).await? {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            self.expire(table).await?;
        }
        Ok(())
    }

    async fn is_there(&self, table: &str) -> Result<bool, StoreError> {
        match self.dynamo.describe_table().table_name(table).send().await {
            Ok(described) => Ok(described
                .table()
                .is_some_and(|it| it.table_status() == Some(&TableStatus::Active))),
            Err(SdkError::ServiceError(error)) if error.err().is_resource_not_found_exception() => {
                Ok(false)
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn create_facts(&self) -> Result<(), StoreError> {
        let stream = StreamSpecification::builder()
            .stream_enabled(true)
            .stream_view_type(StreamViewType::KeysOnly)
            .build()
            .map_err(unbuildable)?;
        let create = self
            .dynamo
            .create_table()
            .table_name(self.facts_table())
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(Some(keys(PK, SK)?))
            .set_attribute_definitions(Some(texts(&[PK, SK])?))
            .stream_specification(stream);
        settled(create.send().await)
    }

    async fn create_state(&self) -> Result<(), StoreError> {
        let mut attributes = texts(&[PK, SK, DAY, FUNCTION_DAY, PLACE, QUEUE])?;
        attributes.push(attribute(DUE, ScalarAttributeType::N)?);
        let create = self
            .dynamo
            .create_table()
            .table_name(self.state_table())
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(Some(keys(PK, SK)?))
            .set_attribute_definitions(Some(attributes))
            .global_secondary_indexes(index(BY_DEADLINE, (DAY, PLACE), ProjectionType::All)?)
            .global_secondary_indexes(index(
                BY_FUNCTION,
                (FUNCTION_DAY, PLACE),
                ProjectionType::All,
            )?)
            .global_secondary_indexes(index(BY_DUE, (QUEUE, DUE), ProjectionType::KeysOnly)?);
        settled(create.send().await)
    }

    async fn expire(&self, table: &str) -> Result<(), StoreError> {
        let now = self.dynamo.describe_time_to_live().table_name(table).send().await;
        let described = now.map_err(failed)?;
        let set = described.time_to_live_description().and_then(|it| it.attribute_name());
        if set.is_some() {
            return Ok(());
        }
        let expiry = TimeToLiveSpecification::builder()
            .enabled(true)
            .attribute_name(EXPIRES)
            .build()
            .map_err(unbuildable)?;
        let update = self.dynamo.update_time_to_live().table_name(table);
        update.time_to_live_specification(expiry).send().await.map_err(failed)?;
        Ok(())
    }
}

/// A table that somebody else is just making is as good as one that was made.
fn settled<T>(
    result: Result<
        T,
        SdkError<
            aws_sdk_dynamodb::operation::create_table::CreateTableError,
            aws_sdk_dynamodb::config::http::HttpResponse,
        >,
    >,
) -> Result<(), StoreError> {
    match result {
        Ok(_) => Ok(()),
        Err(SdkError::ServiceError(error)) if error.err().is_resource_in_use_exception() => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

fn texts(names: &[&str]) -> Result<Vec<AttributeDefinition>, StoreError> {
    names.iter().map(|name| attribute(name, ScalarAttributeType::S)).collect()
}

fn attribute(name: &str, kind: ScalarAttributeType) -> Result<AttributeDefinition, StoreError> {
    AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(kind)
        .build()
        .map_err(unbuildable)
}

fn keys(hash: &str, range: &str) -> Result<Vec<KeySchemaElement>, StoreError> {
    [(hash, KeyType::Hash), (range, KeyType::Range)]
        .into_iter()
        .map(|(name, kind)| KeySchemaElement::builder().attribute_name(name).key_type(kind).build())
        .collect::<Result<_, _>>()
        .map_err(unbuildable)
}

fn index(
    name: &str,
    (hash, range): (&str, &str),
    projected: ProjectionType,
) -> Result<GlobalSecondaryIndex, StoreError> {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(keys(hash, range)?))
        .projection(Projection::builder().projection_type(projected).build())
        .build()
        .map_err(unbuildable)
}

fn unbuildable(error: BuildError) -> StoreError {
    StoreError::Refused(Box::new(error))
}
