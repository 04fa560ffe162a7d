//! What goes to an OpenTelemetry receiver: made when it is sent, of what is known by then.
//!
//! A function's meter is advanced by what its hours say, told, and written down as told. Whoever dies in between tells the same again, or
//! more, which is harmless: what is told are sums since a moment, and not what came to them. An entry that finds nothing that was
//! not told already has nothing to do, so those that piled up behind a receiver that was away cost it nothing.
//!
//! **Invariant.** Nothing is written down as told before the receiver has taken it.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use overtime_wire::{EpochMillis, FunctionKey};
use tokio::time::Instant;

use super::{Deliverer, Verdict, letter::Letter};
use crate::{
    chance,
    channels::{otlp::Told, post::Attempt},
    domain::{
        delivery::{Next, Reply, next, record::Record},
        hour::Hour,
        otlp::{
            Signal,
            answer::{self, Partial},
            errand::{Errand, Named},
            meter::Meter,
            metrics, trace,
        },
    },
    store::{
        Consistency, StoreError,
        outbox::entry::{Claim, Ending, Settlement},
        timeouts::tails::TimeoutKey,
    },
};

/// How many functions are read, or written down, at the same time.
const AT_ONCE: usize = 16;

/// What an errand has come to.
enum Found {
    Message {
        signal: Signal,
        bytes: Vec<u8>,
        meters: Vec<(FunctionKey, Meter)>,
    },
    Nothing(&'static str),
    /// It is too early.
    NotYet(&'static str),
}

impl Deliverer {
    /// Tells what a claim is about.
    pub(super) async fn tell(
        &self,
        (claim, letter): (&Claim, &Letter),
        now: EpochMillis,
    ) -> Result<Verdict, StoreError> {
        let suppressed =
            |reason: &str| Verdict::from(Ending::Suppressed { at: now, reason: reason.to_owned() });
        if !self.courier.has_collector() {
            return Ok(suppressed("no receiver: OVERTIME_OTLP_ENDPOINT is not set"));
        }
        let found = match Errand::read(&letter.data) {
            Some(Errand::Metrics { functions }) => self.points(&functions, now).await?,
            Some(errand @ Errand::Trace { .. }) => self.spans(&errand).await?,
            None => {
                let problem = "message is unreadable".to_owned();
                return Ok(Ending::Dead { at: now, problem }.into());
            }
        };
        let began = Instant::now();
        let (told, meters) = match found {
            Found::Nothing(reason) => return Ok(suppressed(reason)),
            Found::NotYet(why) => (Attempt::unanswered(why).into(), Vec::new()),
            Found::Message { signal, bytes, meters } => {
                let told = self.courier.tell((signal, &bytes), now).await;
                self.count((&claim.id, signal), &told);
                (told, meters)
            }
        };
        let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let verdict = self.weigh(claim, told.attempt, (now, latency_ms));
        if matches!(verdict.settlement.ending, Ending::Delivered { .. }) {
            let written = meters.iter().map(|(function, it)| self.store.put_meter(function, it));
            let written: Vec<_> = written.collect();
            let written = stream::iter(written).buffer_unordered(AT_ONCE);
            written.try_for_each(|_| async { Ok(()) }).await?;
        }
        Ok(verdict)
    }

    /// What of these functions was not told yet.
    async fn points(&self, named: &[Named], now: EpochMillis) -> Result<Found, StoreError> {
        let functions: Vec<FunctionKey> = named.iter().filter_map(Named::function).collect();
        let advanced: Vec<_> =
            functions.into_iter().map(|function| self.advanced(function, now)).collect();
        let advanced = stream::iter(advanced).buffered(AT_ONCE);
        let advanced: Vec<Option<_>> = advanced.try_collect().await?;
        let meters: Vec<(FunctionKey, Meter)> = advanced.into_iter().flatten().collect();
        if meters.is_empty() {
            return Ok(Found::Nothing("all of it was told already"));
        }
        let bytes = metrics::written(meters.iter().map(|(function, it)| (function, it)), now);
        Ok(Found::Message { signal: Signal::Metrics, bytes, meters })
    }

    async fn advanced(
        &self,
        function: FunctionKey,
        now: EpochMillis,
    ) -> Result<Option<(FunctionKey, Meter)>, StoreError> {
        let before = self.store.meter(&function).await?;
        let newest = Hour::of(now.plus(overtime_wire::CLOCK_TOLERANCE));
        let hours = (Meter::reads_from(before.as_ref(), now), newest);
        let hours = self.store.hours(&function, hours, Consistency::Strong).await?;
        Ok(Meter::advance(before.as_ref(), &hours).map(|meter| (function, meter)))
    }

    async fn spans(&self, errand: &Errand) -> Result<Found, StoreError> {
        let Some((function, block, incarnation, ordinal)) = errand.timeout() else {
            return Ok(Found::Nothing("it names no timeout"));
        };
        let key = TimeoutKey { function, block, incarnation, ordinal };
        Ok(match self.store.timeout(&key).await? {
            None => Found::NotYet("the timeout is not on the list yet"),
            Some(timeout) if !timeout.is_listed() => Found::Nothing("the timeout was taken back"),
            Some(timeout) => {
                let bytes = trace::written(&timeout);
                Found::Message { signal: Signal::Traces, bytes, meters: Vec::new() }
            }
        })
    }

    /// What the receiver did not take though it took the rest is lost, and must not be lost in silence.
    fn count(&self, (id, signal): (&str, Signal), told: &Told) {
        let Some(Partial { rejected, message }) = &told.partial else { return };
        self.throughput.not_taken(signal, *rejected);
        let signal = signal.as_str();
        tracing::warn!(
            delivery.id = id,
            signal,
            rejected,
            message,
            "the OpenTelemetry receiver did not take everything"
        );
    }

    fn weigh(
        &self,
        claim: &Claim,
        attempt: Attempt,
        (began, latency_ms): (EpochMillis, u64),
    ) -> Verdict {
        let status = match attempt.reply {
            Reply::Status { code, .. } => Some(code),
            Reply::Forbidden | Reply::None => None,
        };
        let record = Some(Record::new(began, status, latency_ms, &attempt.account));
        let (id, problem, now) = (&claim.id, attempt.account, (self.clock)());
        let made = claim.attempts.saturating_add(1);
        let outcome = answer::classify(attempt.reply);
        let ending = match next(made, outcome, now, chance::share(chance::draw())) {
            Next::Delivered => Ending::Delivered { at: now, pin: None },
            Next::Again { at } => {
                let wait_s = at.since(now).as_secs();
                tracing::warn!(delivery.id = id, attempt = made, wait_s, problem, "not told yet");
                Ending::Retry { due: at, problem }
            }
            Next::Dead(death) => {
                let problem = format!("{}: {problem}", death.as_str());
                tracing::error!(delivery.id = id, problem, "telling was given up");
                Ending::Dead { at: now, problem }
            }
        };
        Verdict { settlement: Settlement { ending, record }, put_in: Vec::new() }
    }
}
