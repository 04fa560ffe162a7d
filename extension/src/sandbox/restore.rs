//! Snapshots: one process that goes on in many environments.
//!
//! Source: AWS's "Improving startup performance with Lambda SnapStart". When a version is published the process is started,
//! asks for its first event, and is copied; every environment is a copy, with the same memory, and a clock that has jumped.
//! Whatever was learned before belongs to the environment that was copied and is told by none of the copies. The first sign
//! of a restore is the platform's record of it or the first invocation, whichever is heard of first.

use overtime_wire::Phase;

use super::{
    Event, Record, Sandbox, init::Init, ledger::Census, phases::Told, tallies::Tallies,
    verdicts::Verdicts, watchman::Watchman, window::Window,
};
use crate::{lambda::Initialization, telemetry::record::InitStart};

/// What is known of copies of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Snapshot {
    Never,
    /// It may be copied at any time, and may already have been.
    Expected,
    Restored,
}

impl Snapshot {
    pub(super) fn of(initialization: &Initialization) -> Self {
        if initialization.is_snapshot() { Self::Expected } else { Self::Never }
    }
}

impl Sandbox {
    /// How many restores this process has been through. Another life is another incarnation.
    pub fn life(&self) -> u32 {
        self.life
    }

    /// Whether a copy of this process may yet begin a life of its own: then nothing is sent, because all copies would.
    pub fn may_be_copied(&self) -> bool {
        self.snapshot == Snapshot::Expected
    }

    /// Forgets what the copied environment knew, where an event is the first of a copy.
    pub(super) fn notice_restore(&mut self, event: &Event) {
        let is_first = match self.snapshot {
            Snapshot::Never => false,
            Snapshot::Expected => tells_of_a_restore(event),
            // A second copy of a copy is not known to happen, but has another name if it does.
            Snapshot::Restored => self.is_of_another_environment(event),
        };
        if is_first {
            self.begin_anew();
        }
    }

    fn is_of_another_environment(&self, event: &Event) -> bool {
        let Event::Record(Record::InitStart(InitStart {
            phase: Phase::Restore, environment, ..
        })) = event
        else {
            return false;
        };
        let known = &self.me.environment;
        !known.is_empty() && !environment.is_empty() && known != environment
    }

    fn begin_anew(&mut self) {
        self.snapshot = Snapshot::Restored;
        self.life += 1;
        self.me.environment.clear();
        self.init = Init::default();
        self.told = Told::default();
        self.window = Window::new(self.window.is_concurrent);
        self.watchman = Watchman::default();
        self.tallies = Tallies::default();
        self.verdicts = Verdicts::default();
        self.tails.forget();
        self.inherited.forget();
        self.noted.forget();
        self.census = Census::default();
        self.is_named_by_us = false;
        self.next_ordinal = 0;
        self.has_failed = false;
        self.has_unseen_timeout = false;
        self.troubled = None;
    }
}

fn tells_of_a_restore(event: &Event) -> bool {
    match event {
        Event::Invoke(_) => true,
        Event::Shutdown(_) => false,
        Event::Record(record) => match record {
            Record::InitStart(it) => it.phase == Phase::Restore,
            Record::InitEnd(it) => it.phase == Some(Phase::Restore),
            Record::Start(_) | Record::RuntimeDone(_) | Record::Report(_) => true,
            Record::Resubscribed | Record::Dropped(_) | Record::Fault(_) | Record::Log(_) => false,
        },
    }
}
