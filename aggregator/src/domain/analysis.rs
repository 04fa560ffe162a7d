//! Why a function times out, as far as what is kept can tell.
//!
//! Each analysis looks for one pattern that has been seen to cause timeouts, or to make them worse: a new version, an
//! environment that never gets through its initialisation, requests that are tried again and again, memory that runs short. It answers
//! with what it found and the evidence for it, with the news that it looked and found nothing, or with what it lacked to tell.
//!
//! **Invariant.** A pure function of what was read. No analysis guesses: where numbers are small or something was not read, the
//! answer is [`Conclusion::Unknown`], and it says why.

mod change;
mod cold_start;
mod doom_loop;
mod memory;
mod retries;
mod right_size;
mod shares;
mod silence;
pub mod spent;
#[cfg(test)]
mod story;
mod time_of_week;
pub mod told;

use overtime_wire::Counts;
use serde::{Deserialize, Serialize};

use crate::domain::{
    history::History,
    hour::{Hour, StandingHour},
    timeout::Timeout,
};

/// What is known of a function over some time.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Its timeouts, oldest deadline first.
    pub timeouts: &'a [Timeout],
    /// Whether these are all that there were.
    pub complete: bool,
    /// Its hours, oldest first. They may reach further back than the timeouts do, which begin `since` then.
    pub hours: &'a [StandingHour],
    pub since: Hour,
    /// How it was set up over time, if that is known.
    pub history: Option<&'a History>,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It began with a new version, or with another setting.
    Change,
    /// Environments time out again and again, each time while they initialise inside an invocation.
    DoomLoop,
    /// Cold starts time out more often than others.
    ColdStart,
    /// Memory was nearly or wholly used up.
    Memory,
    /// The same requests time out again and again.
    Retries,
    /// The function had been silent before its time was up, or had been busy to the end.
    Silence,
    /// It happens at the same time of the day or of the week.
    TimeOfWeek,
    /// The timeout is too close to what invocations take, or far above it.
    RightSize,
}

/// What an analysis came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    Found(Finding),
    /// It was looked for, and there was enough to look at.
    NotFound,
    /// Why it cannot be told.
    Unknown(&'static str),
}

/// Something that explains timeouts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub confidence: Confidence,
    /// In one sentence.
    pub says: String,
    /// What it rests on, each a sentence with its numbers.
    pub evidence: Vec<String>,
    /// What may help.
    pub advice: &'static str,
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// It fits, and other things would fit as well.
    Low,
    /// It fits better than chance does, and nothing seen speaks against it.
    Medium,
    /// The numbers leave hardly anything else.
    High,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Change,
        Self::DoomLoop,
        Self::ColdStart,
        Self::Memory,
        Self::Retries,
        Self::Silence,
        Self::TimeOfWeek,
        Self::RightSize,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::DoomLoop => "doom_loop",
            Self::ColdStart => "cold_start",
            Self::Memory => "memory",
            Self::Retries => "retries",
            Self::Silence => "silence",
            Self::TimeOfWeek => "time_of_week",
            Self::RightSize => "right_size",
        }
    }

    fn conclude(self, seen: &Seen<'_>) -> Conclusion {
        match self {
            Self::Change => change::conclude(seen),
            Self::DoomLoop => doom_loop::conclude(seen),
            Self::ColdStart => cold_start::conclude(seen),
            Self::Memory => memory::conclude(seen),
            Self::Retries => retries::conclude(seen),
            Self::Silence => silence::conclude(seen),
            Self::TimeOfWeek => time_of_week::conclude(seen),
            Self::RightSize => right_size::conclude(seen),
        }
    }
}

impl Confidence {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl Conclusion {
    pub fn finding(&self) -> Option<&Finding> {
        match self {
            Self::Found(finding) => Some(finding),
            Self::NotFound | Self::Unknown(_) => None,
        }
    }
}

/// What every analysis comes to, in the order in which people should read it.
pub fn conclusions(seen: &Seen<'_>) -> Vec<(Kind, Conclusion)> {
    Kind::ALL.into_iter().map(|kind| (kind, kind.conclude(seen))).collect()
}

impl Seen<'_> {
    /// What was counted in the time that the timeouts are of.
    fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        let within = self.hours.iter().filter(|it| it.hour >= self.since);
        within.for_each(|it| sum += it.view.counts.0);
        sum
    }
}

/// `1 timeout`, `3 timeouts`.
fn number(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// How many there are, as counts are kept.
fn count<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{story::Story, *};

    /// The demonstration's promise: each of these is found by its own analysis and by no other.
    #[test]
    fn each_story_is_found_by_its_own_analysis_alone() {
        let stories = [
            (Story::bad_deploy(), vec![Kind::Change]),
            (Story::doom_loop(), vec![Kind::DoomLoop]),
            (Story::cold_starts(), vec![Kind::ColdStart]),
            (Story::short_of_memory(), vec![Kind::Memory]),
            (Story::poison(), vec![Kind::Retries]),
            (Story::blocked(), vec![Kind::Silence]),
            (Story::every_night(), vec![Kind::TimeOfWeek]),
            (Story::deploy_within_an_hour(["1", "2"]), vec![Kind::Change]),
            (Story::oversized(), vec![Kind::RightSize]),
            (Story::bad_luck(), vec![]),
        ];
        for (story, expected) in stories {
            let found: Vec<Kind> = conclusions(&story.seen())
                .into_iter()
                .filter(|(_, it)| it.finding().is_some())
                .map(|(kind, _)| kind)
                .collect();
            assert_eq!(found, expected, "{}", story.name);
        }
    }

    #[test]
    fn of_nothing_nothing_is_claimed() {
        let nothing = Seen {
            timeouts: &[],
            complete: true,
            hours: &[],
            since: Hour::default(),
            history: None,
        };
        for (kind, conclusion) in conclusions(&nothing) {
            assert!(conclusion.finding().is_none(), "{kind:?}");
        }
    }
}
