//! Items as the store makes them, without the table: for filling a store faster than one conditional write at a time.
//!
//! The store's own methods are called on a client that goes nowhere: what they were about to put is kept, and the call ends
//! there. What is written afterwards, many items at a time, is what they would have written.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use aws_sdk_dynamodb::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::BeforeSerializationInterceptorContextMut,
    },
    error::BoxError,
    operation::put_item::PutItemInput,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use overtime::store::{Store, schema::STATE};

/// As many as `BatchWriteItem` takes.
const AT_ONCE: usize = 25;
/// How many of those are under way at the same time.
const WRITERS: usize = 4;

/// Keeps what is put into it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tray(Arc<Mutex<Vec<HashMap<String, AttributeValue>>>>);

impl Tray {
    /// A store whose puts end here; it can do nothing else.
    pub(crate) fn store(&self, like: &Client) -> Store {
        let config = like.config().to_builder().interceptor(self.clone());
        Store::new(Client::from_conf(config.build()))
    }

    /// Writes everything that was put, and says how many items that were.
    pub(crate) async fn empty_into(&self, client: &Client) -> anyhow::Result<usize> {
        let items = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let count = items.len();
        let mut requests = Vec::with_capacity(count);
        for item in items {
            let put = PutRequest::builder().set_item(Some(item)).build()?;
            requests.push(WriteRequest::builder().put_request(put).build());
        }
        let chunks: Vec<_> = requests.chunks(AT_ONCE).map(<[_]>::to_vec).collect();
        stream::iter(chunks.into_iter().map(|chunk| write(client, chunk)))
            .buffer_unordered(WRITERS)
            .try_for_each(|()| async { Ok(()) })
            .await?;
        Ok(count)
    }
}

async fn write(client: &Client, chunk: Vec<WriteRequest>) -> anyhow::Result<()> {
    let written = client.batch_write_item().request_items(STATE, chunk).send().await;
    let left = written.context("the store takes no items")?.unprocessed_items;
    anyhow::ensure!(left.is_none_or(|it| it.is_empty()), "the store left items unwritten");
    Ok(())
}

impl Intercept for Tray {
    fn name(&self) -> &'static str {
        "tray"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(item) =
            context.input_mut().downcast_mut::<PutItemInput>().and_then(|it| it.item.take())
        {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(item);
        }
        Err("kept on the tray".into())
    }
}
