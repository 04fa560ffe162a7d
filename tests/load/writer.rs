//! One of many who send: sandboxes, one after the other, as their network delivers them.
//!
//! A batch may be lost before it is sent, go twice at once, or come again after a later one. One that is not answered with
//! 200 is sent again until it is; what it may have done the first time must not count twice.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::bail;
use overtime_wire::{Batch, EpochMillis};
use reqwest::StatusCode;
use sandbox::{clock, dice::Dice};
use serde::Deserialize;
use tokio::time::sleep;

use crate::{
    fleet::{self, Sandbox, Timing},
    truth::Truth,
};

/// Of a hundred batches so many are lost, go twice, and come again later.
const LOST: u64 = 8;
const TWICE: u64 = 5;
const AGAIN: u64 = 5;
/// How many earlier batches may come again.
const EARLIER: usize = 4;
/// How long a batch is tried.
const TRIES: u32 = 1_200;
const PAUSE: Duration = Duration::from_millis(100);

/// What all writers have done.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    batches: AtomicU32,
    facts: AtomicU32,
    refused: AtomicU32,
    again: AtomicU32,
    unanswered: AtomicU32,
    busy: AtomicU32,
    problems: Mutex<Vec<String>>,
}

impl Progress {
    /// How many were answered with 200, each time that they were.
    pub(crate) fn batches(&self) -> u32 {
        self.batches.load(Ordering::Relaxed)
    }

    /// How many facts of those were accepted.
    pub(crate) fn facts(&self) -> u32 {
        self.facts.load(Ordering::Relaxed)
    }

    /// Answers that were not right.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn problem(&self, problem: String) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = |it: &AtomicU32| it.load(Ordering::Relaxed);
        write!(
            f,
            "{} batches, {} facts accepted, {} refused by name; {} batches doubled or reordered, {} attempts without an answer, {} answered 429 or 503",
            self.batches(),
            self.facts(),
            read(&self.refused),
            read(&self.again),
            read(&self.unanswered),
            read(&self.busy),
        )
    }
}

#[derive(Debug, Deserialize)]
struct Answer {
    accepted: usize,
    refused: Vec<Refusal>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    reason: String,
}

#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) number: u64,
    pub(crate) functions: u64,
    /// Batches in a sandbox's life.
    pub(crate) life: u64,
    pub(crate) dice: Dice,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    pub(crate) progress: Arc<Progress>,
}

impl Writer {
    /// Sends so many batches and says what they told.
    pub(crate) async fn write(mut self, share: u64) -> anyhow::Result<Truth> {
        let mut truth = Truth::default();
        let mut left = share;
        let mut next = self.number;
        while left > 0 {
            // Every function has sandboxes of several writers.
            let function = fleet::function(next % self.functions)?;
            next += 7;
            let sandbox = Sandbox::new(function, now(), &mut self.dice);
            let life = left.min(self.life);
            left -= life;
            truth += self.lead(sandbox, life).await?;
        }
        Ok(truth)
    }

    async fn lead(&mut self, mut sandbox: Sandbox, life: u64) -> anyhow::Result<Truth> {
        let mut earlier: VecDeque<Batch> = VecDeque::new();
        for step in 1..=life {
            sandbox.live(&mut self.dice);
            if step < life && self.dice.percent(LOST) {
                continue;
            }
            let Some(batch) = sandbox.batch(now()) else { continue };
            if self.dice.percent(TWICE) {
                let (one, other) = tokio::join!(
                    self.send(&batch, sandbox.timing),
                    self.send(&batch, sandbox.timing)
                );
                one.and(other)?;
                self.progress.again.fetch_add(1, Ordering::Relaxed);
            } else {
                self.send(&batch, sandbox.timing).await?;
            }
            sandbox.acknowledged();
            if self.dice.percent(AGAIN)
                && let Some(batch) = earlier.pop_front()
            {
                self.send(&batch, sandbox.timing).await?;
                self.progress.again.fetch_add(1, Ordering::Relaxed);
            }
            earlier.push_back(batch);
            if earlier.len() > EARLIER {
                earlier.pop_front();
            }
        }
        Ok(sandbox.told())
    }

    /// Sends a batch until it is taken.
    async fn send(&self, batch: &Batch, timing: Timing) -> anyhow::Result<()> {
        let body = batch.encode();
        for _ in 0..TRIES {
            let request = self.http.post(format!("{}/v1/batches", self.url));
            let request = request.header("content-type", "application/x-protobuf");
            let answer = request.timeout(Duration::from_secs(10)).body(body.clone()).send().await;
            let read = match answer {
                Ok(answer) if answer.status() == StatusCode::OK => answer.json::<Answer>().await,
                Ok(answer)
                    if [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE]
                        .contains(&answer.status()) =>
                {
                    self.progress.busy.fetch_add(1, Ordering::Relaxed);
                    sleep(PAUSE).await;
                    continue;
                }
                Ok(answer) => bail!("answered {}: {}", answer.status(), answer.text().await?),
                Err(error) => Err(error),
            };
            if let Ok(answer) = read {
                self.check(batch, timing, &answer);
                return Ok(());
            }
            self.progress.unanswered.fetch_add(1, Ordering::Relaxed);
            sleep(PAUSE).await;
        }
        bail!("a batch was not taken in {TRIES} attempts")
    }

    /// All facts of a sandbox are of our time, or none is.
    fn check(&self, batch: &Batch, timing: Timing, answer: &Answer) {
        let facts = batch.facts();
        let expected = timing.refusal();
        let refused = if expected.is_some() { facts } else { 0 };
        let right = answer.accepted == facts - refused
            && answer.refused.len() == refused
            && answer.refused.iter().all(|it| Some(it.reason.as_str()) == expected);
        if !right {
            self.progress.problem(format!("{facts} facts, {timing:?}, were answered {answer:?}"));
        }
        self.progress.batches.fetch_add(1, Ordering::Relaxed);
        add(&self.progress.facts, answer.accepted);
        add(&self.progress.refused, refused);
    }
}

fn add(count: &AtomicU32, more: usize) {
    count.fetch_add(u32::try_from(more).unwrap_or(u32::MAX), Ordering::Relaxed);
}

fn now() -> EpochMillis {
    EpochMillis(clock::now().as_millisecond())
}
