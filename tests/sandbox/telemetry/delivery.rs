//! The task that brings records to one subscriber.
//!
//! It sends what is due, repeats what was not taken with a growing pause, and after the last
//! attempt drops the batch and says so in a `platform.logsDropped`. AWS documents the retry but
//! not its schedule; ours is below. While the environment is frozen it sends nothing, and a POST
//! that was under way hangs until the thaw, as a socket to a stopped process does.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::buffer::{Batch, Buffer};
use super::post::{Line, Refused};
use super::record::{Category, Kind, Record, logs_dropped};
use super::request::Request;
use super::{Ledger, Message};
use crate::clock;

const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(5);

const OVERFLOWN: &str = "Some logs were dropped because the downstream consumer is slower than the \
                         logs production rate";

pub(super) async fn run(
    request: Request,
    messages: mpsc::UnboundedReceiver<Message>,
    frozen: watch::Receiver<bool>,
    ledger: Ledger,
) {
    let buffer = Buffer::new(request.limits);
    let hears_platform = request.types.contains(&Category::Platform);
    let line = Line::to(request.target);
    Delivery { buffer, line, messages, frozen, ledger, hears_platform }.run().await;
}

struct Delivery {
    buffer: Buffer,
    line: Line,
    messages: mpsc::UnboundedReceiver<Message>,
    frozen: watch::Receiver<bool>,
    ledger: Ledger,
    hears_platform: bool,
}

/// What wakes the task.
enum Wake {
    Message(Message),
    Due,
    Frozen,
    Closed,
}

impl Delivery {
    async fn run(mut self) {
        loop {
            match self.wake().await {
                Wake::Message(Message::Record(record)) => self.keep(&record),
                Wake::Message(Message::Flush(done)) => self.flush(done).await,
                Wake::Due => self.send().await,
                Wake::Frozen => self.sit_out_the_freeze().await,
                Wake::Closed => return,
            }
        }
    }

    async fn wake(&mut self) -> Wake {
        let due = self.buffer.due();
        let waits = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            frozen = self.frozen.wait_for(|frozen| *frozen) => match frozen {
                Ok(_) => Wake::Frozen,
                Err(_) => Wake::Closed,
            },
            message = self.messages.recv() => message.map_or(Wake::Closed, Wake::Message),
            () = waits => Wake::Due,
        }
    }

    fn keep(&mut self, record: &Record) {
        self.buffer.push(record.to_json().to_string(), Instant::now());
    }

    /// Records that are told meanwhile stay in the inbox, with their clock not yet running.
    async fn sit_out_the_freeze(&mut self) {
        let since = Instant::now();
        // An error means that the environment is gone; the next wake will notice.
        let _ = self.frozen.wait_for(|frozen| !*frozen).await;
        self.buffer.freeze(since.elapsed());
    }

    async fn flush(&mut self, done: oneshot::Sender<()>) {
        while self.buffer.due().is_some() {
            self.send().await;
        }
        // Nobody waits any more: that is their choice.
        let _ = done.send(());
    }

    async fn send(&mut self) {
        if let Some(dropped) = self.buffer.take_dropped() {
            self.confess(logs_dropped(dropped.records, dropped.bytes, OVERFLOWN));
        }
        let Some(batch) = self.buffer.take() else { return };
        if let Err(refused) = self.attempt(&batch).await {
            let reason = format!("could not send events: {refused}");
            self.confess(logs_dropped(batch.records, batch.body.len(), &reason));
        }
    }

    async fn attempt(&mut self, batch: &Batch) -> Result<(), Refused> {
        let mut pause = FIRST_PAUSE;
        let mut last = Refused::Silence;
        for attempt in 1..=ATTEMPTS {
            let body = Bytes::copy_from_slice(batch.body.as_bytes());
            let frozen = self.frozen.clone();
            match patiently(frozen, self.line.post(body)).await {
                Ok(()) => return Ok(()),
                Err(refused) => last = refused,
            }
            if attempt < ATTEMPTS {
                sleep(pause).await;
                pause *= 2;
                let _ = self.frozen.wait_for(|frozen| !*frozen).await;
            }
        }
        Err(last)
    }

    fn confess(&mut self, body: serde_json::Value) {
        let record = Record { time: clock::now(), kind: Kind::LogsDropped, body };
        if self.hears_platform {
            self.keep(&record);
        }
        self.ledger.append(Arc::new(record));
    }
}

/// A stopped process cannot answer, so its silence counts only while it runs.
async fn patiently(
    mut frozen: watch::Receiver<bool>,
    post: impl Future<Output = Result<(), Refused>>,
) -> Result<(), Refused> {
    let mut post = std::pin::pin!(post);
    loop {
        if let Ok(answer) = timeout(PATIENCE, &mut post).await {
            return answer;
        }
        if !*frozen.borrow_and_update() {
            return Err(Refused::Silence);
        }
    }
}
