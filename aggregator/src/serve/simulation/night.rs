//! What happens in a night, and what is still to be done of it.

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::{
    Block, EpochMillis, Evidence, FunctionKey, IncarnationId, MinuteCounts, Ordinal, Outcome,
    Recorded, Tally, Verdict,
};
use serde_json::{Value, json};

use super::dusk;
use crate::{
    domain::{
        configuration::{Change, Entity, Expects, Kind, Silence},
        notification::Notification,
    },
    evaluate::paced::Record,
    store::{
        Store,
        configuration::By,
        facts::Fact,
        laboratory::{function, incarnation, switch::Dice, tally, verdict},
        schema,
    },
};

const FUNCTIONS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Something to be done by whoever is free.
#[derive(Debug, Clone)]
pub(super) enum Task {
    /// A function says something. Its record is in the stream once it is written, perhaps twice.
    Say(Said),
    Evaluate(Record),
    Sweep,
    /// Time passes.
    Pass(Duration),
}

/// Something that a function says.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) function: FunctionKey,
    pub(super) incarnation: IncarnationId,
    what: What,
    /// When it happened: when somebody was first to say it.
    at: Option<EpochMillis>,
}

#[derive(Debug, Clone, Copy)]
enum What {
    TimeOut { ordinal: u32, evidence: Evidence },
    TakeBack { ordinal: u32 },
    Succeed { revision: u32 },
}

/// What it is as facts are written.
#[derive(Debug)]
pub(super) enum Written {
    Tally(Recorded<Tally>),
    Verdict(Recorded<Verdict>),
}

impl Written {
    pub(super) fn fact(&self) -> Fact<'_> {
        match self {
            Self::Tally(it) => Fact::Tally(it),
            Self::Verdict(it) => Fact::Verdict(it),
        }
    }
}

impl Said {
    pub(super) fn written(&self, now: EpochMillis) -> Written {
        let at = self.at.unwrap_or(now);
        let timed_out = |ordinal| Verdict {
            block: Block::of(at),
            seen: at,
            started: Some(at),
            deadline: Some(at),
            detected: at,
            ..verdict(ordinal, 0)
        };
        match self.what {
            What::TimeOut { ordinal, evidence } => {
                Written::Verdict(Verdict { evidence, ..timed_out(ordinal) }.encode())
            }
            What::TakeBack { ordinal } => {
                let (outcome, evidence) = (Outcome::Success, Evidence::Report);
                let verdict = Verdict { outcome, evidence, revision: 9, ..timed_out(ordinal) };
                Written::Verdict(verdict.encode())
            }
            What::Succeed { revision } => {
                let block = Block::of(at);
                let mut tally = Tally::new(block, tally(revision, 0).profile);
                tally.revision = revision;
                let counts = MinuteCounts { invocations: 1, ..MinuteCounts::default() };
                tally.minutes.insert(block.minute(at), counts);
                tally.completed(Duration::from_millis(20));
                Written::Tally(tally.encode())
            }
        }
    }

    fn record(&self, now: EpochMillis) -> Record {
        let sk = match self.what {
            What::Succeed { .. } => schema::tally_sk(self.incarnation),
            What::TimeOut { ordinal, .. } | What::TakeBack { ordinal } => {
                schema::verdict_sk(self.incarnation, Ordinal(ordinal))
            }
        };
        let block = Block::of(self.at.unwrap_or(now));
        let shard = schema::fact_shard(self.incarnation);
        let pk = schema::facts_pk(&self.function, block, shard);
        Record { sequence: "1".to_owned(), pk, sk, removed: false }
    }
}

/// What is to be done, and who does what.
#[derive(Debug)]
pub(super) struct Night {
    pub(super) now: EpochMillis,
    pub(super) silences: Vec<Silence>,
    /// Whoever never succeeds again.
    dead: Option<&'static str>,
    /// What is still to happen, the next at the end.
    acts: Vec<Task>,
    open: Vec<Task>,
    taken: BTreeMap<usize, Task>,
    dice: Dice,
    revision: u32,
}

impl Night {
    pub(super) fn new(dice: &mut Dice, seed: u64) -> Self {
        let mut night = Self {
            now: dusk(),
            silences: silences(dice),
            dead: dice.once_in(3).then_some(FUNCTIONS[0]),
            acts: Vec::new(),
            open: Vec::new(),
            taken: BTreeMap::new(),
            dice: Dice::new(seed),
            revision: 0,
        };
        let functions = 2 + dice.below(FUNCTIONS.len() - 1);
        let pauses = [0, 0, 1, 5, 12, 40, 130, 400];
        let mut said = Vec::new();
        for ordinal in 0..u32::try_from(6 + dice.below(10)).unwrap() {
            let name = FUNCTIONS[dice.below(functions)];
            match dice.below(8) {
                0..5 => {
                    let suspected = dice.once_in(3);
                    let evidence = if suspected { Evidence::Deadline } else { Evidence::Report };
                    said.push((name, ordinal));
                    night.act(name, What::TimeOut { ordinal, evidence });
                }
                5 if !said.is_empty() => {
                    let (name, ordinal) = said[dice.below(said.len())];
                    night.act(name, What::TakeBack { ordinal });
                }
                _ => night.succeed(name),
            }
            let pause = pauses[dice.below(pauses.len())];
            night.acts.push(Task::Pass(Duration::from_secs(pause)));
            if dice.once_in(2) {
                night.acts.push(Task::Sweep);
            }
        }
        night.acts.reverse();
        night
    }

    fn succeed(&mut self, name: &str) {
        self.revision += 1;
        self.act(name, What::Succeed { revision: self.revision });
    }

    fn act(&mut self, name: &str, what: What) {
        let said = Said { function: function(name), incarnation: incarnation(1), what, at: None };
        self.acts.push(Task::Say(said));
    }

    /// All that is configured: each kind of alert there is.
    pub(super) fn configuration(&self) -> Vec<Entity> {
        let subscription = |id: &str, more: Value| {
            let mut whole = json!({"id": id, "name": id, "condition": {"any_timeout": {}},
                "group_wait": "10s", "group_interval": "1m", "repeat_interval": "20m",
                "resolve": {"after": "2m", "expire_after": "3h"}, "channels": ["pager"]});
            for (name, value) in more.as_object().unwrap() {
                whole[name] = value.clone();
            }
            (Kind::Subscription, whole)
        };
        let pager = json!({"id": "pager", "name": "Pager",
            "kind": {"eventbridge": {"bus": "default"}}});
        let them = [
            subscription("each", json!({})),
            subscription("now", json!({"group_wait": "0s"})),
            subscription("region", json!({"group_by": ["account", "region"]})),
            subscription("storm", json!({"condition": {"fleet_incident": {"functions": 2}}})),
            (Kind::Channel, pager),
        ];
        let read = |(kind, value): (Kind, Value)| kind.read(&value, Some(dusk())).unwrap();
        let silences = self.silences.iter().cloned().map(Entity::Silence);
        them.into_iter().map(read).chain(silences).collect()
    }

    pub(super) fn is_work(&self) -> bool {
        !self.open.is_empty() || !self.acts.is_empty()
    }

    /// A task for a process, and what time it is then. Some of what is to come happens while something else is being done.
    pub(super) fn take(&mut self, process: usize) -> Option<(Task, EpochMillis)> {
        if self.open.is_empty() || self.dice.once_in(3) {
            self.open.extend(self.acts.pop());
        }
        let at = (!self.open.is_empty()).then(|| self.dice.below(self.open.len()))?;
        let mut task = self.open.swap_remove(at);
        match &mut task {
            Task::Say(said) => said.at = said.at.or(Some(self.now)),
            Task::Pass(pause) => self.now = self.now.plus(std::mem::take(pause)),
            Task::Evaluate(_) | Task::Sweep => {}
        }
        self.taken.insert(process, task.clone());
        Some((task, self.now))
    }

    /// The task is done, or comes again.
    pub(super) fn put_back(&mut self, process: usize, failed: bool) {
        let Some(task) = self.taken.remove(&process) else { return };
        if failed {
            self.open.push(task);
        } else if let Task::Say(said) = task {
            let copies = 1 + usize::from(self.dice.once_in(3));
            let record = Task::Evaluate(said.record(self.now));
            self.open.extend(std::iter::repeat_n(record, copies));
        }
    }

    /// A sweep a while later, when nobody does anything else any more.
    pub(super) fn sweep(&mut self) {
        self.now = self.now.plus(Duration::from_mins(10));
        self.acts.push(Task::Sweep);
    }

    /// Nothing times out any more, what can succeed does, and sweeps come by.
    pub(super) fn quiet_hour(&mut self) {
        let dead = self.dead;
        for name in FUNCTIONS.into_iter().filter(|it| Some(*it) != dead) {
            self.succeed(name);
        }
        for _ in 0..6 {
            self.acts.push(Task::Pass(Duration::from_mins(10)));
            self.acts.push(Task::Sweep);
        }
        self.acts.reverse();
    }
}

fn silences(dice: &mut Dice) -> Vec<Silence> {
    let matchers = [
        json!({"functions": ["a"]}),
        json!({"subscriptions": ["each", "storm"]}),
        json!({"functions": ["*"]}),
    ];
    let mut silences = Vec::new();
    for (number, matchers) in matchers.into_iter().enumerate() {
        let starts = Duration::from_secs(30 + 30 * dice.below(20) as u64);
        let lasts = Duration::from_secs(60 + 60 * dice.below(15) as u64);
        let starts = dusk().plus(starts);
        let silence = json!({"id": format!("silence-{number}"), "matchers": matchers,
            "starts_at": Notification::moment(starts),
            "ends_at": Notification::moment(starts.plus(lasts)), "comment": "deploying"});
        let Ok(Entity::Silence(silence)) = Kind::Silence.read(&silence, Some(dusk())) else {
            panic!("{silence}")
        };
        if dice.once_in(3) {
            silences.push(silence);
        }
    }
    silences
}

/// Configures this and nothing else.
pub(super) async fn configure(store: &Store, entities: &[Entity]) {
    store.ensure_defaults(dusk()).await.unwrap();
    let defaults = store.configuration_now().await.unwrap();
    let gone = defaults.subscriptions.iter().map(|it| Change {
        kind: Kind::Subscription,
        id: it.value.id.clone(),
        to: None,
        expects: Expects::Anything,
    });
    let there = entities.iter().map(|it| Change {
        kind: it.kind(),
        id: it.id().clone(),
        to: Some(it.clone()),
        expects: Expects::Nothing,
    });
    let changes: Vec<_> = gone.chain(there).collect();
    store.change(&changes, None, By { author: "me", at: dusk() }).await.unwrap();
}
