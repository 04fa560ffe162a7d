//! What a function's environments are asked to do, and the batches that come of it.

use std::time::Duration;

use overtime_extension::runtime_api::Reason;
use overtime_wire::{EpochMillis, FunctionKey};

use crate::sender::{End, KEPT, Sender, Sent, TIMEOUT};

/// Between a timeout and the next invocation of the same environment.
const PAUSE: Duration = Duration::from_mins(1);

/// How a function is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// So many environments that stay, each invoked once in `every`.
    Steady { environments: u32, every: Duration },
    /// A new environment once in `every`, for one invocation and never again.
    SingleShot { every: Duration },
}

/// The traffic of one function, going on.
#[derive(Debug)]
pub(crate) struct Source {
    function: FunctionKey,
    traffic: Traffic,
    /// Each with the time of its next invocation.
    steady: Vec<(Sender, EpochMillis)>,
    /// Single shots that are kept until their end.
    kept: Vec<(Sender, EpochMillis)>,
    next_shot: EpochMillis,
    started: u64,
}

/// What a stretch of time brought.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    pub(crate) invocations: u64,
    /// In order of time.
    pub(crate) batches: Vec<Sent>,
}

impl Source {
    pub(crate) fn new(function: &FunctionKey, traffic: Traffic, from: EpochMillis) -> Self {
        let mut source = Self {
            function: function.clone(),
            traffic,
            steady: Vec::new(),
            kept: Vec::new(),
            next_shot: from,
            started: 0,
        };
        if let Traffic::Steady { environments, every } = traffic {
            for number in 0..environments {
                // Not all at the same moment.
                let first = from.plus(every * number / environments.max(1));
                let sender = source.start(first);
                source.steady.push((sender, first));
            }
        }
        source
    }

    fn start(&mut self, at: EpochMillis) -> Sender {
        self.started += 1;
        Sender::start(&self.function, self.started, at)
    }

    /// Goes on until `until`. `thinned` leaves out what comes faster: enough where only history is to be made.
    pub(crate) fn go_on(&mut self, until: EpochMillis, thinned: Duration) -> Brought {
        let mut brought = Brought::default();
        match self.traffic {
            Traffic::Steady { every, .. } => {
                let pace = every.max(thinned);
                for (sender, next) in &mut self.steady {
                    while *next < until {
                        sender.invoke(*next, took(brought.invocations, every), End::Success);
                        brought.invocations += 1;
                        *next = next.plus(pace);
                    }
                    brought.batches.extend(sender.take());
                }
            }
            Traffic::SingleShot { every } => self.shoot(until, every, &mut brought),
        }
        brought.batches.sort_by_key(|it| it.at);
        brought
    }

    /// The first environment's next invocation runs into the function's timeout: the environment is reset, and a process
    /// that follows the first goes on with it.
    pub(crate) fn time_out(&mut self) -> Brought {
        let mut brought = Brought::default();
        let Some((_, at)) = self.steady.first() else { return brought };
        let at = *at;
        let successor = self.start(at);
        if let Some((sender, next)) = self.steady.first_mut() {
            sender.invoke(at, TIMEOUT, End::Timeout);
            sender.shut_down(at.plus(TIMEOUT), Reason::Timeout);
            brought.invocations += 1;
            brought.batches = std::mem::replace(sender, successor.following()).take();
            *next = at.plus(PAUSE);
        }
        brought
    }

    fn shoot(&mut self, until: EpochMillis, every: Duration, brought: &mut Brought) {
        while self.next_shot < until {
            let at = self.next_shot;
            let mut sender = self.start(at);
            sender.invoke(at, took(self.started, every), End::Success);
            brought.invocations += 1;
            self.kept.push((sender, at.plus(KEPT)));
            self.next_shot = at.plus(every);
        }
        for (sender, end) in self.kept.extract_if(.., |(_, end)| *end < until) {
            let mut sender = sender;
            sender.shut_down(end, Reason::Other);
            brought.batches.extend(sender.take());
        }
    }
}

/// Durations that spread over the sketch as a function's do: most short, a tail, and always below the pace.
fn took(number: u64, every: Duration) -> Duration {
    let spread = number.wrapping_mul(2_654_435_761) % 1_000;
    let millis = match spread {
        0..=899 => 20 + spread / 30,
        900..=989 => 60 + (spread - 900) * 3,
        _ => 600 + (spread - 990) * 80,
    };
    Duration::from_millis(millis).min(every * 9 / 10)
}
