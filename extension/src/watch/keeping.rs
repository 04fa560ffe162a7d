//! When the journal is read and written.
//!
//! Read once, at the first thing that happens: by then the loop is parked in `/event/next`, and nobody waits for us. A copy
//! of a snapshot begins with its restore, and discards whatever lies there: it is of another life. Written after every turn
//! of the loop, before anything that follows from the turn is sent.

use std::{env, time::Duration};

use overtime_wire::EpochMillis;

use super::Watch;
use crate::{
    entropy,
    fault::{self, Place},
    journal::{
        Contents,
        entry::{Begun, Entry},
        folder::{Finds, Folder, Found},
        writer::Writer,
    },
    notice::Topic,
    sandbox::Outgoing,
};

/// A crash loop tells of itself no more often.
const CRASHES: Duration = Duration::from_mins(1);

/// The journal, once there is one.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    writer: Option<Writer>,
    /// What predecessors left, until it is in our own journal.
    left: Vec<Found>,
    /// When a predecessor last told the aggregator of something.
    told: Option<EpochMillis>,
}

impl Watch {
    pub(super) fn begin_keeping(&mut self, now: EpochMillis) {
        if self.keeping.writer.is_some() || self.sandbox.may_be_copied() {
            return;
        }
        let folder = Folder::under(&env::temp_dir());
        let function = self.sandbox.function_name().to_owned();
        let finds = if self.sandbox.is_copy() {
            folder.clear();
            Finds::default()
        } else {
            folder.read(&function)
        };
        let incarnation = self.incarnation();
        let contents = Contents::of(Begun { incarnation, function });
        self.keeping.writer = Some(Writer::new(folder, contents));
        if finds.ignored > 0 {
            self.sandbox.lose(now, |it| {
                it.ignored_journals = it.ignored_journals.saturating_add(finds.ignored);
            });
        }
        self.inherit(finds.journals, now);
        if self.sandbox.is_nameless_place() {
            let name = entropy::draw::<8>().map(|it| format!("{it:02x}")).concat();
            self.sandbox.name_environment(&name);
        }
        self.begin_storing(incarnation);
    }

    /// What they left is in our own journal before it is removed from theirs.
    fn inherit(&mut self, found: Vec<Found>, now: EpochMillis) {
        if found.is_empty() {
            return;
        }
        for journal in &found {
            self.keeping.told = self.keeping.told.max(journal.contents.told);
            self.sandbox.inherit(journal.contents.clone(), now);
        }
        let incarnation = self.incarnation();
        let mut entries: Vec<_> = self.keeping.told.map(Entry::Told).into_iter().collect();
        entries.extend(self.sandbox.unwritten(incarnation));
        entries.extend(self.sandbox.unsent_tallies(incarnation));
        self.keeping.left = found;
        self.note(entries);
        // The minute since then is theirs and ours.
        self.last_sent = self.keeping.told.unwrap_or(self.last_sent);
    }

    fn note(&mut self, entries: Vec<Entry>) {
        let Some(writer) = &mut self.keeping.writer else { return };
        fault::strike(self.fault, Place::Journal);
        writer.note(entries);
        if writer.is_kept() {
            self.keeping.left.drain(..).for_each(Found::remove);
        }
        if writer.is_blocked() {
            let line = "the temporary directory cannot be written, so what a timeout cuts short is lost: leave some room in /tmp";
            self.notices.say(Topic::Journal, line);
        }
    }

    pub(super) fn note_changes(&mut self) {
        if let (true, Some(incarnation)) = (self.keeping.writer.is_some(), self.incarnation) {
            let entries = self.sandbox.unwritten(incarnation);
            self.note(entries);
        }
    }

    pub(super) fn note_carried(&mut self, outgoing: &Outgoing) {
        self.note_changes();
        let entries = self.sandbox.carried(outgoing);
        self.note(entries);
    }

    pub(super) fn note_delivered(&mut self, outgoing: &Outgoing, now: EpochMillis) {
        self.note(outgoing.delivered(now));
    }

    /// Leaves to the next process what the aggregator does not have.
    pub(super) fn note_leaving(&mut self, now: EpochMillis) {
        self.sandbox.give_up_waiting(now);
        self.leave_storing(now);
        let incarnation = self.incarnation();
        let mut entries = self.sandbox.unwritten(incarnation);
        entries.extend(self.sandbox.unsent_tallies(incarnation));
        // A crash loop is one from its second turn on.
        let is_crash = self.leave.as_ref().is_some_and(super::Leave::is_crash);
        self.note(entries);
        if let Some(writer) = &mut self.keeping.writer {
            let is_told = writer.contents().is_spent();
            if writer.finish(is_crash) || is_told {
                self.keeping.left.drain(..).for_each(Found::remove);
            }
        }
    }

    /// Whether a predecessor ended as we do, and the aggregator has just been told of such ends.
    pub(super) fn is_crash_loop(&self, now: EpochMillis) -> bool {
        let is_crash = self.leave.as_ref().is_some_and(super::Leave::is_crash);
        is_crash && self.keeping.told.is_some_and(|it| now.since(it) < CRASHES)
    }
}
