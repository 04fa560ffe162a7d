//! The facts table's stream, as the blocks of functions that changed.
//!
//! Only keys come through it, and only their meaning leaves this module. Records are per item and in order; a shard may be
//! closed and followed by others; a place in one may be forgotten by the time somebody asks for it. Deletions say nothing
//! new — facts are only ever deleted because their time has come — and are passed over, though they move the place on.
//!
//! **Invariant.** Whatever a record holds, reading goes on: one that is not ours is counted as skipped, not as an error.

use std::time::Duration;

use aws_sdk_dynamodbstreams::{
    Client,
    error::SdkError,
    types::{OperationType, Record, ShardIteratorType},
};
use overtime_wire::{Block, EpochMillis, FunctionKey};

use crate::{
    domain::fact::Part,
    store::{
        Store, StoreError,
        item::failed,
        schema::{
            self,
            attribute::{PK, SK},
        },
    },
};

/// Of more shards than this nobody asks how far they have been followed.
const LAG_SHARDS_MAX: usize = 16;

/// The stream of the facts table.
#[derive(Debug, Clone)]
pub struct Changes {
    streams: Client,
    /// The stream's own name: a table that is made anew has another.
    pub stream: String,
}

/// A part of the stream, in order within itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    pub id: String,
    /// The shard that this one goes on from; that one comes first.
    pub parent: Option<String>,
}

/// Where to read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// From the oldest record that is kept.
    Oldest,
    After(&'a str),
}

/// A token for reading on. It expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Iterator(String);

/// One record's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub sequence: String,
    /// `None` for a record that means nothing to us: a deletion, or a key that we do not write.
    pub changed: Option<(FunctionKey, Block, Part)>,
}

/// What a read brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Perhaps nothing yet; `next` is gone when the shard is closed and read to its end.
    Changes { changes: Vec<Change>, next: Option<Iterator> },
    /// The iterator is too old, or its place is forgotten: ask for a new one.
    Lost,
}

impl Store {
    /// The stream of the facts table.
    pub async fn changes(&self, streams: Client) -> Result<Changes, StoreError> {
        let described = self.dynamo.describe_table().table_name(self.facts_table()).send().await;
        let table = described.map_err(failed)?.table;
        let stream =
            table.and_then(|it| it.latest_stream_arn).ok_or_else(|| StoreError::Corrupt {
                key: self.facts_table().to_owned(),
                problem: "it has no stream".to_owned(),
            })?;
        Ok(Changes { streams, stream })
    }
}

impl Changes {
    /// Every shard there is, parents before children.
    pub async fn shards(&self) -> Result<Vec<Shard>, StoreError> {
        let mut shards = Vec::new();
        let mut last = None;
        loop {
            let describe = self.streams.describe_stream().stream_arn(&self.stream);
            let described = describe.set_exclusive_start_shard_id(last).send().await;
            let Some(stream) = described.map_err(failed)?.stream_description else { break };
            shards.extend(
                stream
                    .shards
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|it| Some(Shard { id: it.shard_id?, parent: it.parent_shard_id })),
            );
            last = stream.last_evaluated_shard_id;
            if last.is_none() {
                break;
            }
        }
        Ok(shards)
    }

    /// The record up to which a stream of one shard is done with; `None` when it has others, or nothing is done yet.
    pub async fn done_with(&self, store: &Store) -> Result<Option<String>, StoreError> {
        match self.shards().await?.as_slice() {
            [shard] => store.checkpoint(&self.stream, &shard.id).await,
            _ => Ok(None),
        }
    }

    /// How long ago the earliest change was made that is not done with; zero when everything is done. `None` when that cannot
    /// be said: nobody keeps checkpoints, a place is forgotten, or there are more shards than one asks.
    pub async fn lag(
        &self,
        store: &Store,
        now: EpochMillis,
    ) -> Result<Option<Duration>, StoreError> {
        let shards = self.shards().await?;
        if shards.is_empty() || shards.len() > LAG_SHARDS_MAX {
            return Ok(None);
        }
        let mut longest = Duration::ZERO;
        for shard in &shards {
            let checkpoint = store.checkpoint(&self.stream, &shard.id).await?;
            let place = checkpoint.as_deref().map_or(Place::Oldest, Place::After);
            let iterator = self.iterator(&shard.id, place).await?;
            let Some(iterator) = iterator else { return Ok(None) };
            let get = self.streams.get_records().shard_iterator(&iterator.0).limit(1);
            let records = get.send().await.map_err(failed)?.records.unwrap_or_default();
            let Some(record) = records.first() else { continue };
            let made = record.dynamodb().and_then(|it| it.approximate_creation_date_time());
            let Some(made) = made.and_then(|it| it.to_millis().ok()) else { return Ok(None) };
            longest = longest.max(now.since(EpochMillis(made)));
        }
        Ok(Some(longest))
    }

    /// A token for reading a shard from a place; `None` when that place is forgotten, or the shard is.
    pub async fn iterator(
        &self,
        shard: &str,
        place: Place<'_>,
    ) -> Result<Option<Iterator>, StoreError> {
        let get = self.streams.get_shard_iterator().stream_arn(&self.stream).shard_id(shard);
        let get = match place {
            Place::Oldest => get.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Place::After(sequence) => get
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .sequence_number(sequence),
        };
        match get.send().await {
            Ok(got) => Ok(got.shard_iterator.map(Iterator)),
            Err(SdkError::ServiceError(error))
                if error.err().is_trimmed_data_access_exception()
                    || error.err().is_resource_not_found_exception() =>
            {
                Ok(None)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// The records from there on, at most a thousand.
    pub async fn read(&self, from: &Iterator) -> Result<Read, StoreError> {
        match self.streams.get_records().shard_iterator(&from.0).send().await {
            Ok(got) => Ok(Read::Changes {
                changes: got.records.unwrap_or_default().iter().filter_map(change).collect(),
                next: got.next_shard_iterator.map(Iterator),
            }),
            Err(SdkError::ServiceError(error))
                if error.err().is_expired_iterator_exception()
                    || error.err().is_trimmed_data_access_exception() =>
            {
                Ok(Read::Lost)
            }
            Err(error) => Err(failed(error)),
        }
    }
}

/// `None` for a record without a place, which no stream has.
fn change(record: &Record) -> Option<Change> {
    let body = record.dynamodb()?;
    let sequence = body.sequence_number()?.to_owned();
    let text = |name: &str| body.keys()?.get(name)?.as_s().ok();
    let deleted = record.event_name() == Some(&OperationType::Remove);
    let changed = (!deleted).then(|| schema::changed(text(PK)?, text(SK)?)).flatten();
    Some(Change { sequence, changed })
}
