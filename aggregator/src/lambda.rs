//! `overtime` as a Lambda function: one door, made from the same binary as all the others.
//!
//! Which door is a setting, `OVERTIME_DOOR`, so that one file is deployed five times, each time with the permissions of that door
//! alone:
//!
//! | door | is invoked by | answers |
//! |---|---|---|
//! | `ingest` | its Function URL, with `AWS_IAM` | a response |
//! | `evaluate` | the stream of the facts table, and its own delayed messages | what of the batch failed |
//! | `deliver` | a queue of messages to deliver | what of the batch failed |
//! | `sweep` | a schedule, once a minute | nothing |
//! | `console` | a Function URL or an HTTP API, with an authorizer or a sign-in of its own | a response |
//!
//! **Who may speak.** Ingest and console believe what the event's request context says of its caller, because the Function URL
//! has checked a signature before it wrote that. Whoever may invoke the function directly can write any context they like. So
//! the resource policy must grant `lambda:InvokeFunction` only under the condition `lambda:InvokedViaFunctionUrl`, which
//! AWS evaluates itself: without it, any principal of the organisation could send facts in another account's name. What this
//! module can do alone it does: an event without that context is refused. Where the console asks people itself (`OVERTIME_SIGN_IN`), its
//! Function URL lets everybody through to it, and the context says nothing that is believed.
//!
//! **Time.** Lambda kills what overruns, and nobody hears then what was done. So a door stops a moment before its deadline and
//! says what it has not done: a stream or a queue is answered with it, a request with 503, and a schedule comes again.
//!
//! **Invariant.** No event ends the process. Tables are never made here: infrastructure makes them, and a door has no permission
//! to.

mod batch;
mod config;
mod deliver;
mod evaluate;
mod http;
mod lines;
mod queue;
mod refusals;
mod sweep;
mod web;

use std::{process::ExitCode, time::Duration};

use lambda_runtime::{Context, LambdaEvent, Runtime, service_fn};
use overtime_wire::EpochMillis;
use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument as _;

use self::{
    config::{Config, Settings},
    deliver::Delivering,
    evaluate::Evaluating,
    queue::Queue,
    sweep::Sweeping,
    web::{Pages, WayIn},
};
use crate::{
    clock,
    store::{Store, access},
};

/// Opens the door that `OVERTIME_DOOR` names: what Lambda runs as `bootstrap`.
///
/// The same binary is deployed once for each door. It does this also without being told, wherever it finds
/// `AWS_LAMBDA_RUNTIME_API`, which Lambda sets.
///
/// `ingest` takes batches from a Function URL with `AWS_IAM`. `evaluate` takes the facts table's stream (keys only, with partial
/// batch responses) and its own delayed messages. `deliver` takes a queue of messages and is the only one with channel
/// secrets. `sweep` runs on a schedule of one minute. `console` serves the read API and the pages, behind a Function URL or
/// an HTTP API with an authorizer, or asks people itself who they are: `OVERTIME_SIGN_IN` is `authorizer`, `token` or `oidc`.
///
/// All read `OVERTIME_FACTS_TABLE`, `OVERTIME_STATE_TABLE` and `OVERTIME_LOG`. evaluate, deliver, sweep and console need
/// `OVERTIME_DELIVER_QUEUE_URL`; evaluate needs `OVERTIME_EVALUATE_QUEUE_URL`; evaluate, deliver and sweep put `OVERTIME_CONSOLE_URL` into the
/// messages they write; evaluate and sweep read `OVERTIME_EMF_NAMESPACE` and `OVERTIME_EMF_DIMENSIONS`; deliver reads `OVERTIME_WEBHOOK_URL`, `OVERTIME_WEBHOOK_SECRET` and `OVERTIME_WEBHOOK_ALLOW`, and
/// `OVERTIME_ENVIRONMENT_CHANNEL=on` tells evaluate, sweep and console that it does; deliver reads `OVERTIME_OTLP_ENDPOINT` and
/// `OVERTIME_OTLP_HEADERS`, and `OVERTIME_OTLP=on` tells evaluate and sweep that it does.
#[derive(Debug, clap::Args)]
pub struct Door {}

/// Whether Lambda has started us.
pub fn is_here() -> bool {
    std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some()
}

/// Why an invocation, or the whole door, failed.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
#[error("the invocation's time is over")]
struct OutOfTime;

/// What is kept of an invocation's time to say what was not done.
const FAREWELL: Duration = Duration::from_millis(1_500);
/// How much of that may go into telling others what was done.
const LAST_WORDS: Duration = Duration::from_millis(750);

/// Takes events until Lambda ends the process.
pub fn main() -> ExitCode {
    let lookup = |name: &str| std::env::var(name).ok();
    let config = match Config::read(lookup) {
        Ok(config) => config,
        Err(faults) => return refuse(&faults),
    };
    if !is_here() {
        return refuse(
            &"AWS_LAMBDA_RUNTIME_API is not set: a door opens only on Lambda; `overtime serve` opens all on this machine",
        );
    }
    lines::start(config.settings.door(), config.log.clone());
    // One event at a time on a fraction of a processor: more threads would only take turns, and start later.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(Failure::from).and_then(|it| it.block_on(run(config)));
    if let Err(error) = ended {
        tracing::error!(error = &*error as &dyn std::error::Error, "the door is closed");
    }
    // It never ends but by failing; Lambda starts another.
    ExitCode::FAILURE
}

#[expect(clippy::print_stderr, reason = "before there is a log, and where people look")]
fn refuse(why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("overtime: {why}");
    ExitCode::FAILURE
}

async fn run(config: Config) -> Result<(), Failure> {
    let door = &Open::of(config).await?;
    let take = async |event: LambdaEvent<Value>| door.invoke(event).await;
    Runtime::new(service_fn(take)).run().await
}

/// A door, open.
#[derive(Debug)]
enum Open {
    Ingest(WayIn),
    Evaluate(Box<Evaluating>),
    Deliver(Box<Delivering>),
    Sweep(Box<Sweeping>),
    Console(Pages),
}

impl Open {
    async fn of(config: Config) -> Result<Self, Failure> {
        let aws = access::environment().await;
        let store = Store::new(access::Access::of(&aws).dynamo)
            .in_tables(config.tables)
            .keeping(config.retention)
            .with_environment(config.environment)
            .with_receiver(config.receiver);
        let queue = |url: String| Queue::new(&aws, url);
        Ok(match config.settings {
            Settings::Ingest => Self::Ingest(WayIn::new(store)),
            Settings::Evaluate { deliver, evaluate, console, emission } => {
                let queues = (queue(deliver), queue(evaluate));
                let evaluating = Evaluating::new(store, console, queues);
                Self::Evaluate(Box::new(evaluating.emitting(emission)))
            }
            Settings::Deliver { outside, deliver, console } => {
                Self::Deliver(Box::new(Delivering::new(store, *outside, console, queue(deliver))))
            }
            Settings::Sweep { deliver, console, emission } => {
                let sweeping = Sweeping::new(store, console, queue(deliver));
                Self::Sweep(Box::new(sweeping.emitting(emission)))
            }
            Settings::Console { base, sign_in, portal, deliver } => {
                let (pages, ringing) = ((base, portal), (store, queue(deliver)));
                Self::Console(Pages::new(ringing, pages, *sign_in)?)
            }
        })
    }

    async fn invoke(&self, event: LambdaEvent<Value>) -> Result<Value, Failure> {
        let LambdaEvent { payload, context } = event;
        // At the highest level, so that whatever is logged has it.
        let span = tracing::error_span!("invocation", requestId = context.request_id);
        let until = time_left(&context, clock::now());
        async {
            let taken = Box::pin(self.take(payload, until)).await;
            if let Err(error) = &taken {
                tracing::error!(error = &**error as &dyn std::error::Error, "the event failed");
            }
            taken
        }
        .instrument(span)
        .await
    }

    async fn take(&self, event: Value, until: Instant) -> Result<Value, Failure> {
        match self {
            Self::Ingest(way_in) => Ok(way_in.take(event, until).await),
            Self::Evaluate(evaluating) => evaluating.take(event, until).await,
            Self::Deliver(delivering) => delivering.take(event, until).await,
            Self::Sweep(sweeping) => Box::pin(sweeping.take(until)).await,
            Self::Console(pages) => Ok(pages.take(event, until).await),
        }
    }
}

/// Until when there is time for work. A function with a short timeout works for half of it.
fn time_left(context: &Context, now: EpochMillis) -> Instant {
    let deadline = EpochMillis(i64::try_from(context.deadline).unwrap_or(i64::MAX));
    let left = deadline.since(now);
    Instant::now() + left.saturating_sub(FAREWELL.min(left / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `left_ms` are for work.
    #[track_caller]
    fn check(left_ms: i64, expected_ms: u64) {
        let now = EpochMillis(1_793_491_200_000);
        let mut context = Context::default();
        context.deadline = u64::try_from(now.0 + left_ms).unwrap();
        let before = Instant::now();
        let until = time_left(&context, now);
        let expected = Duration::from_millis(expected_ms);
        assert!((before + expected..=Instant::now() + expected).contains(&until), "{left_ms}");
    }

    #[test]
    fn a_door_stops_before_its_deadline_and_never_before_it_began() {
        check(60_000, 58_500);
        check(3_000, 1_500);
        check(1_000, 500);
        check(0, 0);
        check(-5_000, 0);
    }
}
