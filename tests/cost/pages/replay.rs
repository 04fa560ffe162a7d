//! What a page read, read again bare: the same queries, all at once, and nothing made of them.
//!
//! That is the baseline of a page's time: what the store alone takes on the same machine in the same run.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use aws_sdk_dynamodb::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::BeforeSerializationInterceptorContextRef,
    },
    error::BoxError,
    operation::{
        get_item::{GetItemInput, builders::GetItemInputBuilder},
        query::{QueryInput, builders::QueryInputBuilder},
    },
};
use futures::future::{try_join, try_join_all};

/// Remembers every read that passes through a client.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Reads>>);

/// The reads of a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reads {
    queries: Vec<QueryInput>,
    gets: Vec<GetItemInput>,
}

impl Recorder {
    /// A client like `client`, overheard.
    pub(crate) fn on(&self, client: &Client) -> Client {
        Client::from_conf(client.config().to_builder().interceptor(self.clone()).build())
    }

    /// What was read since the last call.
    pub(crate) fn take(&self) -> Reads {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reads {
    pub(crate) async fn again(&self, client: &Client) -> anyhow::Result<()> {
        let queries = self.queries.iter().map(|it| builder(it).send_with(client));
        let gets = self.gets.iter().map(|it| get(it).send_with(client));
        let queries =
            async { try_join_all(queries).await.context("a query fails when it is repeated") };
        let gets = async { try_join_all(gets).await.context("a read fails when it is repeated") };
        try_join(queries, gets).await?;
        Ok(())
    }
}

fn builder(query: &QueryInput) -> QueryInputBuilder {
    let it = query.clone();
    QueryInput::builder()
        .set_table_name(it.table_name)
        .set_index_name(it.index_name)
        .set_consistent_read(it.consistent_read)
        .set_key_condition_expression(it.key_condition_expression)
        .set_filter_expression(it.filter_expression)
        .set_projection_expression(it.projection_expression)
        .set_expression_attribute_names(it.expression_attribute_names)
        .set_expression_attribute_values(it.expression_attribute_values)
        .set_exclusive_start_key(it.exclusive_start_key)
        .set_scan_index_forward(it.scan_index_forward)
        .set_limit(it.limit)
}

fn get(get: &GetItemInput) -> GetItemInputBuilder {
    let it = get.clone();
    GetItemInput::builder()
        .set_table_name(it.table_name)
        .set_key(it.key)
        .set_consistent_read(it.consistent_read)
        .set_projection_expression(it.projection_expression)
        .set_expression_attribute_names(it.expression_attribute_names)
}

impl Intercept for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input();
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(query) = input.downcast_ref::<QueryInput>() {
            reads.queries.push(query.clone());
        } else if let Some(get) = input.downcast_ref::<GetItemInput>() {
            reads.gets.push(get.clone());
        }
        Ok(())
    }
}
