//! A store of its own for every measurement: the embedded engine in a folder that goes with it, metered.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use overtime::{
    domain::configuration::{Change, Expects, Kind},
    store::{
        Store,
        access::Access,
        configuration::By,
        embedded::Engine,
        schema::{FACTS, STATE},
    },
};
use overtime_wire::EpochMillis;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    meter::{Meter, item_bytes},
    usage::STORED_OVERHEAD_BYTES,
};

/// A store, and what must live as long as it.
#[derive(Debug)]
pub(crate) struct Stand {
    pub(crate) store: Store,
    /// What the store goes through.
    pub(crate) client: Client,
    pub(crate) meter: Meter,
    unmetered: Client,
    _engine: Engine,
    /// Goes with us, unless somebody keeps it.
    _folder: Option<TempDir>,
}

/// Items of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kept {
    pub(crate) items: usize,
    /// As stored, with DynamoDB's overhead.
    pub(crate) bytes: usize,
}

impl Stand {
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("there is no place for a store")?;
        let stand = Self::open_in(folder.path()).await?;
        Ok(Self { _folder: Some(folder), ..stand })
    }

    /// A store in a folder that somebody keeps.
    pub(crate) async fn open_in(folder: &Path) -> anyhow::Result<Self> {
        let engine = Engine::start(folder)?;
        let unmetered = Access::embedded(&engine.endpoint()).dynamo;
        let meter = Meter::default();
        let client = meter.on(&unmetered);
        let store = Store::new(client.clone());
        store.ensure_tables().await?;
        meter.take();
        Ok(Self { store, client, meter, unmetered, _engine: engine, _folder: None })
    }

    /// What is there after the first start and the first channel that somebody makes: the three default subscriptions, and the channel
    /// that they name.
    pub(crate) async fn subscribe(&self, now: EpochMillis) -> anyhow::Result<()> {
        self.store.ensure_defaults(now).await?;
        let channel = json!({
            "id": "default",
            "name": "Whoever is on call",
            "kind": { "webhook": { "url": "https://hooks.example.com/overtime", "secret": "ssm:/overtime/hook" } },
        });
        let to = Kind::Channel.read(&channel, None);
        let to = to.map_err(|why| anyhow::anyhow!("the channel is none: {why:?}"))?;
        let (kind, id) = (Kind::Channel, "default".parse()?);
        let change = Change { kind, id, to: Some(to), expects: Expects::Nothing };
        self.store.change(&[change], None, By { author: "cost", at: now }).await?;
        self.meter.take();
        Ok(())
    }

    /// Everything that is stored, by table and by what a partition key of the state table begins with.
    pub(crate) async fn census(&self) -> anyhow::Result<BTreeMap<String, Kept>> {
        let mut census = BTreeMap::<String, Kept>::new();
        for table in [FACTS, STATE] {
            let mut items = self.unmetered.scan().table_name(table).into_paginator().items().send();
            while let Some(item) = items.next().await {
                let item = item?;
                let pk = item.get("pk").and_then(|it| it.as_s().ok()).map_or("", String::as_str);
                let kind = match table {
                    FACTS => FACTS,
                    _ => pk.split('#').next().unwrap_or_default(),
                };
                let kept = census.entry(kind.to_owned()).or_default();
                kept.items += 1;
                kept.bytes += item_bytes(&item) + STORED_OVERHEAD_BYTES;
            }
        }
        Ok(census)
    }
}
