//! The bare `/event/next` loop, and what is started beside it.
//!
//! An extension that does not ask for the next event makes every invocation run into its timeout, and one that ends fails
//! the invocation. So this loop asks again at once, waits for nobody, and does nothing that could panic; the rest
//! of the program runs in tasks, and when one of them dies the loop does not notice.

use std::{
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    clock,
    config::{Config, Faults},
    lambda::Lambda,
    logs::stock::Logs,
    notice::{Notices, Topic},
    runtime_api::{ApiError, Events, ExtensionName, Next, Registration, RuntimeApi},
    sandbox::{Birth, Sandbox},
    telemetry::{
        Hearing,
        listener::{Heard, Listener},
        tap::{self, Streams, Tap, Wish},
    },
    watch::{Input, Watch},
};

/// The longest pause between two attempts to reach the platform.
const PAUSE_MAX: Duration = Duration::from_secs(1);
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const INBOX: usize = 256;
/// Within the two seconds after which we would be killed.
const STAY_MAX: Duration = Duration::from_millis(1_500);

/// What this process is here for.
#[derive(Debug, Clone)]
pub enum Role {
    Report(Box<Config>),
    /// Nobody knows whom to report to, or how: poll, and do nothing.
    Idle,
}

impl Role {
    /// Decides, and tells the operator what is missing.
    pub fn of(config: Result<Config, Faults>, notices: &Notices) -> Self {
        match config {
            Ok(config) => {
                if let Some(faults) = &config.faults {
                    notices.say(Topic::Settings, format!("left at its default: {faults}"));
                }
                Self::Report(Box::new(config))
            }
            Err(faults) => {
                notices.say(Topic::Settings, format!("nothing is reported: {faults}"));
                Self::Idle
            }
        }
    }
}

/// A panic says where it happened, once, and nothing else: the default would print into the customer's log each time.
pub fn quiet_panics(notices: &Arc<Notices>) {
    let notices = Arc::clone(notices);
    panic::set_hook(Box::new(move |panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        let line = format!("an error in this extension at {at}; the function is not affected");
        notices.say(Topic::Fault, line);
    }));
}

/// Serves one environment until SHUTDOWN.
pub async fn run(lambda: Lambda, name: ExtensionName, role: Role, notices: Arc<Notices>) {
    let mut api = RuntimeApi::new(lambda.api.clone());
    let events = if lambda.initialization.is_managed_instances() {
        Events::ShutdownOnly
    } else {
        Events::InvokeAndShutdown
    };
    let mut patience = Patience::default();
    let registration = loop {
        match api.register(&name, events).await {
            Ok(registration) => break registration,
            Err(_) => patience.pause().await,
        }
    };
    let (mut api, beside) = match role {
        Role::Idle => (api, None),
        Role::Report(config) => {
            let address = lambda.api.clone();
            let start = Start { lambda, registration: registration.clone(), config, notices };
            match tokio::spawn(start.beside(api)).await {
                Ok((api, beside)) => (api, Some(beside)),
                Err(_) => (RuntimeApi::new(address), None),
            }
        }
    };
    poll(&mut api, &registration, beside).await;
}

/// What runs beside the loop.
#[derive(Debug)]
struct Beside {
    inbox: mpsc::Sender<Input>,
    watch: JoinHandle<()>,
}

async fn poll(api: &mut RuntimeApi, registration: &Registration, beside: Option<Beside>) {
    let mut patience = Patience::default();
    loop {
        match api.next(&registration.id).await {
            Ok(Next::Shutdown(shutdown)) => {
                let Some(beside) = beside else { return };
                // Where the inbox is full its owner is stuck, and will not be waited for.
                if beside.inbox.try_send(Input::Platform(Next::Shutdown(shutdown))).is_ok() {
                    let _ = timeout(STAY_MAX, beside.watch).await;
                }
                return;
            }
            // Whatever it is, it may come again at once.
            Ok(Next::Unknown) => patience.pause().await,
            Ok(next) => {
                patience = Patience::default();
                if let Some(beside) = &beside {
                    let _ = beside.inbox.try_send(Input::Platform(next));
                }
            }
            Err(ApiError::Unreachable(_) | ApiError::Status(_) | ApiError::NoIdentifier) => {
                patience.pause().await;
            }
        }
    }
}

/// All that is needed to start what runs beside the loop.
struct Start {
    lambda: Lambda,
    registration: Registration,
    config: Box<Config>,
    notices: Arc<Notices>,
}

impl Start {
    /// Opens the tap and starts the watch. Gives the connection back, for the loop to go on with.
    async fn beside(self, mut api: RuntimeApi) -> (RuntimeApi, Beside) {
        let listener = Listener::bind().await.ok();
        let tap = match &listener {
            Some(listener) => {
                let (id, kind) = (&self.registration.id, &self.lambda.initialization);
                let (streams, is_all) = (self.streams(), self.config.logs.is_some());
                let wish = Wish { destination: &listener.destination, streams, is_all };
                tap::open(&mut api, id, wish, kind).await
            }
            None => Tap::Closed(None),
        };
        if let Tap::Closed(status) = tap {
            let status = status.map(|it| format!(" ({it})")).unwrap_or_default();
            let line = format!(
                "the platform sends no telemetry here{status}; timeouts are told from its events alone"
            );
            self.notices.say(Topic::NoTelemetry, line);
        }
        let sandbox = Sandbox::new(self.birth(tap == Tap::Open));
        let logs = self.logs();
        let hearing = Hearing { tail: self.config.log_tail, is_shared: logs.is_some() };
        let watch = Watch::new(sandbox, &self.config, self.notices);
        let watch = watch.storing(logs.clone(), &self.config);
        let overflow = watch.overflow();
        let (inbox, outbox) = mpsc::channel(INBOX);
        if let Some(listener) = listener {
            let inbox = inbox.clone();
            tokio::spawn(listener.serve(hearing, move |heard| match heard {
                Heard::Decoded(decoded) => hand_over(&inbox, &overflow, decoded),
                Heard::Body(body) => read_logs(logs.as_ref(), &inbox, body),
            }));
        }
        (api, Beside { inbox, watch: tokio::spawn(watch.run(outbox)) })
    }

    fn streams(&self) -> Streams {
        let stored = self.config.logs.as_ref().map(|it| it.wanted).unwrap_or_default();
        Streams {
            function: self.config.log_tail.are_wanted() || stored.function,
            extension: stored.extension,
        }
    }

    fn logs(&self) -> Option<Logs> {
        let wanted = self.config.logs.as_ref()?.wanted;
        let is_concurrent = self.lambda.initialization.is_managed_instances();
        Some(Logs::new(wanted, self.lambda.version.clone(), is_concurrent))
    }

    fn birth(&self, hears_telemetry: bool) -> Birth {
        let mut lambda = self.lambda.clone();
        let said = |now: &mut String, said: &String| {
            if now.is_empty() {
                now.clone_from(said);
            }
        };
        said(&mut lambda.function, &self.registration.function);
        said(&mut lambda.version, &self.registration.version);
        Birth {
            at: clock::now(),
            lambda,
            account: self.registration.account.clone(),
            tags: self.config.tags.clone(),
            near_timeout: self.config.near_timeout,
            log_tail: self.config.log_tail,
            log_redaction: self.config.log_redaction,
            hears_telemetry,
        }
    }
}

/// A panic in reading costs the body it happened in. Whoever stores is told where there is something to do, unless it has enough.
fn read_logs(logs: Option<&Logs>, inbox: &mpsc::Sender<Input>, body: &[u8]) {
    let Some(logs) = logs else { return };
    match catch_unwind(AssertUnwindSafe(|| logs.hear(body, clock::now()))) {
        Ok(true) => drop(inbox.try_send(Input::Logs)),
        Ok(false) => {}
        Err(_) => logs.stumbled(),
    }
}

/// Never waits: the platform is waiting for the listener.
fn hand_over(
    inbox: &mpsc::Sender<Input>,
    overflow: &AtomicU32,
    decoded: crate::telemetry::Decoded,
) {
    if decoded.records.is_empty() && decoded.unreadable == 0 {
        return;
    }
    if let Err(
        TrySendError::Full(Input::Telemetry(lost)) | TrySendError::Closed(Input::Telemetry(lost)),
    ) = inbox.try_send(Input::Telemetry(decoded))
    {
        let records = u32::try_from(lost.records.len()).unwrap_or(u32::MAX);
        overflow.fetch_add(records.saturating_add(lost.unreadable), Ordering::Relaxed);
    }
}

/// Pauses that grow, for a platform that does not answer.
#[derive(Debug, Default)]
struct Patience {
    failures: u32,
}

impl Patience {
    async fn pause(&mut self) {
        let pause = PAUSE_FIRST.saturating_mul(1 << self.failures.min(10)).min(PAUSE_MAX);
        self.failures += 1;
        sleep(pause).await;
    }
}
