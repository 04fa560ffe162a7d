//! An aggregator that takes everything and remembers it, in the order in which it was told.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Json, Router, body::Bytes, extract::State, routing::post};
use overtime_wire::{Batch, IncarnationId, Ordinal, Recorded, Tally, Verdict};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::emulator::stage::eventually;

type Heard = Arc<Mutex<Vec<Batch>>>;

pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    pub(crate) url: String,
    heard: Heard,
    server: JoinHandle<()>,
}

impl Recorder {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Heard::default();
        let router = Router::new().route("/v1/batches", post(take)).with_state(Arc::clone(&heard));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, url: format!("http://{address}"), heard, server }
    }

    /// Every verdict as it was sent, the same again left out.
    pub(crate) fn verdicts(&self) -> Vec<Verdict> {
        let mut verdicts: Vec<Verdict> = Vec::new();
        for batch in self.heard.lock().unwrap().iter() {
            let sent = batch.incarnations.iter().flat_map(|it| &it.verdicts);
            for verdict in sent.map(|it| &it.fact) {
                if !verdicts.contains(verdict) {
                    verdicts.push(verdict.clone());
                }
            }
        }
        verdicts
    }

    /// Waits for so many verdicts.
    pub(crate) async fn until(&self, count: usize) {
        eventually("it is told", || self.verdicts().len() >= count).await;
    }

    /// What stands of each, once all are merged.
    pub(crate) fn standing(&self) -> BTreeMap<(IncarnationId, Ordinal), Verdict> {
        let mut standing: BTreeMap<_, Recorded<Verdict>> = BTreeMap::new();
        for batch in self.heard.lock().unwrap().iter() {
            for incarnation in &batch.incarnations {
                for verdict in &incarnation.verdicts {
                    let key = (incarnation.id, verdict.fact.ordinal);
                    let merged = match standing.remove(&key) {
                        Some(known) => known.merge(verdict.clone()),
                        None => verdict.clone(),
                    };
                    standing.insert(key, merged);
                }
            }
        }
        standing.into_iter().map(|(key, it)| (key, it.fact)).collect()
    }

    /// Those in tallies and those with a verdict.
    pub(crate) fn invocations(&self) -> usize {
        let mut tallies: BTreeMap<_, Recorded<Tally>> = BTreeMap::new();
        for batch in self.heard.lock().unwrap().iter() {
            for incarnation in &batch.incarnations {
                for tally in &incarnation.tallies {
                    let key = (incarnation.id, tally.fact.block);
                    let merged = match tallies.remove(&key) {
                        Some(known) => known.merge(tally.clone()),
                        None => tally.clone(),
                    };
                    tallies.insert(key, merged);
                }
            }
        }
        let minutes = tallies.values().flat_map(|it| it.fact.minutes.values());
        let counted: u32 = minutes.map(|it| it.invocations).sum();
        usize::try_from(counted).unwrap() + self.standing().len()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(heard): State<Heard>, body: Bytes) -> Json<Value> {
    let batch = Batch::decode(&body).unwrap();
    let accepted = batch.facts();
    heard.lock().unwrap().push(batch);
    Json(json!({ "accepted": accepted, "refused": [] }))
}
