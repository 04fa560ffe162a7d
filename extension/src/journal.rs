//! What the next process must know if this one is killed: a small file under the temporary directory.
//!
//! `/tmp` survives the reset of an environment, memory does not. So there is one file for each incarnation, a log of
//! [`Entry`]s, each with a checksum: what is appended stands once the call returns, because the kernel has it; nothing is
//! synced, because a host that is lost takes `/tmp` with it. A kill in the middle of an append leaves a torn end, which is
//! recognised, and then nothing is concluded from what seems to be open. When the file has grown it is written anew
//! beside itself, and renamed.
//!
//! Reading is total: whatever bytes a file has, they become [`Contents`] or [`Unreadable`].
//!
//! **Invariants.** One process writes a file, and holds its lock for as long as it lives; a locked file is nobody else's.
//! A file is at most [`MAX_BYTES`] long. A process that can no longer write its file empties and removes it, and one that
//! panicked says that it is blind from there on: what is open in it is not evidence any more.

mod checksum;
mod disk;
pub mod entry;
pub mod folder;
pub mod writer;

use overtime_wire::{Block, EpochMillis, FactKey, IncarnationId, Recorded, Tally, Verdict};

use entry::{Begun, Entry};

/// Longest file that is written or read.
pub const MAX_BYTES: usize = 64 * 1024;
/// What facts may take of it when it is written anew, so that there is room to append.
const FACTS_MAX: usize = 40 * 1024;
/// Most invocations that are remembered as open: Managed Instances have many.
const OPEN_MAX: usize = 64;

/// What a journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Whose life it tells.
    pub incarnation: IncarnationId,
    /// The function's name; a laptop's temporary directory is shared by many.
    pub function: String,
    /// The environment, in the platform's words or drawn; empty while unknown.
    pub environment: String,
    /// Nobody but this file knows the environment's name.
    pub is_drawn: bool,
    /// When the aggregator was last told of something.
    pub told: Option<EpochMillis>,
    pub counted: Counted,
    pub open: Vec<Open>,
    /// What the aggregator may not have.
    pub facts: Vec<Fact>,
    /// It ends where an entry ends, and its writer saw everything until then.
    pub is_whole: bool,
}

/// An invocation that nobody saw end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// As it would be claimed if nothing more became known.
    pub draft: Verdict,
    /// The writer ran on past its deadline, so it was neither answered nor was the writer killed before.
    pub is_witnessed: bool,
}

/// How many invocations went which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Seen to begin.
    pub opened: u32,
    /// In a fact that was journalled or sent.
    pub settled: u32,
    /// Facts that the journal had no place for.
    pub dropped: u32,
}

/// A fact and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub incarnation: IncarnationId,
    pub said: Said,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Verdict(Recorded<Verdict>),
    Tally(Recorded<Tally>),
}

/// The bytes are no journal of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a journal of this version")]
pub struct Unreadable;

/// Reads a journal, however it came to end.
pub fn decode(bytes: &[u8]) -> Result<Contents, Unreadable> {
    if bytes.len() > MAX_BYTES {
        return Err(Unreadable);
    }
    let mut rest = bytes;
    let Some(Entry::Begun(begun)) = entry::read(&mut rest) else { return Err(Unreadable) };
    let mut contents = Contents::of(begun);
    while !rest.is_empty() {
        let Some(entry) = entry::read(&mut rest) else {
            contents.is_whole = false;
            break;
        };
        contents.apply(entry);
    }
    Ok(contents)
}

impl Contents {
    pub fn of(begun: Begun) -> Self {
        Self {
            incarnation: begun.incarnation,
            function: begun.function,
            environment: String::new(),
            is_drawn: false,
            told: None,
            counted: Counted::default(),
            open: Vec::new(),
            facts: Vec::new(),
            is_whole: true,
        }
    }

    /// Takes in one entry. The same entry twice changes nothing more.
    pub fn apply(&mut self, entry: Entry) {
        match entry {
            // A second beginning is not written by us.
            Entry::Begun(_) | Entry::Blind => self.is_whole = false,
            Entry::Environment { name, is_drawn } => {
                // What has no name, nobody has named.
                self.is_drawn = is_drawn && !name.is_empty();
                self.environment = name;
            }
            Entry::Told(at) => self.told = Some(at),
            Entry::Counted(it) => {
                self.counted = Counted { dropped: it.dropped.max(self.counted.dropped), ..it };
            }
            Entry::Opened(draft) => self.opened(draft),
            Entry::Witnessed(ordinal) => {
                for it in self.open.iter_mut().filter(|it| it.draft.ordinal == ordinal) {
                    it.is_witnessed = true;
                }
            }
            Entry::Closed(ordinal) => self.open.retain(|it| it.draft.ordinal != ordinal),
            Entry::Fact(fact) => self.put(fact),
            Entry::Delivered { key, rank } => {
                self.facts.retain(|it| it.key() != key || it.rank() > rank);
            }
        }
    }

    fn opened(&mut self, draft: Verdict) {
        let known = self.open.iter_mut().find(|it| it.draft.ordinal == draft.ordinal);
        if let Some(known) = known {
            known.draft = draft;
            return;
        }
        self.counted.opened = self.counted.opened.saturating_add(1);
        if self.open.len() == OPEN_MAX {
            self.open.remove(0);
        }
        self.open.push(Open { draft, is_witnessed: false });
    }

    fn put(&mut self, fact: Fact) {
        match self.facts.iter_mut().find(|it| it.key() == fact.key()) {
            Some(known) if known.rank() <= fact.rank() => *known = fact,
            Some(_) => {}
            None => self.facts.push(fact),
        }
    }

    /// Whether it has nothing to tell that is not told, and no name that only it knows.
    pub fn is_spent(&self) -> bool {
        let Counted { opened, settled, dropped } = self.counted;
        let is_told = self.facts.is_empty() && self.open.is_empty();
        is_told && !self.is_drawn && opened <= settled && dropped == 0
    }

    /// Lets the oldest facts go until the rest fits.
    pub fn trim(&mut self) {
        let mut bytes = 0;
        let fits = |it: &&Fact| {
            bytes += it.bytes().len() + entry::FACT_OVERHEAD;
            bytes <= FACTS_MAX
        };
        let kept = self.facts.iter().rev().take_while(fits).count();
        let gone = self.facts.len() - kept;
        self.facts.drain(..gone);
        let gone = u32::try_from(gone).unwrap_or(u32::MAX);
        self.counted.dropped = self.counted.dropped.saturating_add(gone);
    }

    /// The entries that a file with these contents begins with.
    pub fn entries(&self) -> Vec<Entry> {
        let (incarnation, function) = (self.incarnation, self.function.clone());
        let mut entries = vec![Entry::Begun(Begun { incarnation, function })];
        if !self.environment.is_empty() {
            let (name, is_drawn) = (self.environment.clone(), self.is_drawn);
            entries.push(Entry::Environment { name, is_drawn });
        }
        entries.extend(self.told.map(Entry::Told));
        entries.extend(self.facts.iter().cloned().map(Entry::Fact));
        for Open { draft, is_witnessed } in &self.open {
            entries.push(Entry::Opened(draft.clone()));
            entries.extend(is_witnessed.then_some(Entry::Witnessed(draft.ordinal)));
        }
        // After the open ones, which count themselves.
        entries.push(Entry::Counted(self.counted));
        if !self.is_whole {
            entries.push(Entry::Blind);
        }
        entries
    }
}

impl Fact {
    pub fn key(&self) -> FactKey {
        let incarnation = self.incarnation;
        match &self.said {
            Said::Verdict(it) => {
                let (block, ordinal) = (it.fact.block, it.fact.ordinal);
                FactKey::Verdict { block, incarnation, ordinal }
            }
            Said::Tally(it) => FactKey::Tally { block: it.fact.block, incarnation },
        }
    }

    pub fn block(&self) -> Block {
        match &self.said {
            Said::Verdict(it) => it.fact.block,
            Said::Tally(it) => it.fact.block,
        }
    }

    /// As a number that orders as ranks do.
    pub fn rank(&self) -> u64 {
        match &self.said {
            Said::Verdict(it) => it.rank.number(),
            Said::Tally(it) => it.rank.number(),
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.said {
            Said::Verdict(it) => &it.bytes,
            Said::Tally(it) => &it.bytes,
        }
    }
}

#[cfg(test)]
mod tests;
