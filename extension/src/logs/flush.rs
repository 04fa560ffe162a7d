//! When an object goes.
//!
//! What is full goes at once, and what is not when its first line has waited for an interval, or at SHUTDOWN. A verdict, or
//! whatever else there is to tell the aggregator at that moment, goes first. At SHUTDOWN the platform still posts what the last
//! invocation wrote, so that is listened for before the last object is closed.
//!
//! **Invariant.** [`decide`] is a pure function; the clock is data.

use std::time::Duration;

use overtime_wire::EpochMillis;

/// What there is to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holdings {
    pub are_sealed: bool,
    pub are_open: bool,
    /// Since when something waits that is worth a request.
    pub oldest: Option<EpochMillis>,
}

/// Everything the decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Situation {
    pub now: EpochMillis,
    pub holdings: Holdings,
    pub moment: Moment,
    pub line: Line,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Running,
    /// SHUTDOWN was received, and the last lines may still be under way until then.
    Listening {
        until: EpochMillis,
    },
    Leaving,
}

/// The way to the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Free,
    /// Something that is more urgent goes first, or a request is under way; its end will be heard of.
    Held,
    /// The last attempts failed.
    Resting {
        until: EpochMillis,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Nothing to do until something happens, or until then.
    Wait {
        until: Option<EpochMillis>,
    },
    Send {
        seal: bool,
    },
}

impl Holdings {
    pub fn are_empty(&self) -> bool {
        !self.are_sealed && !self.are_open
    }
}

pub fn decide(interval: Duration, at: &Situation) -> Flush {
    let held = &at.holdings;
    if held.are_empty() {
        return Flush::Wait { until: None };
    }
    match at.line {
        Line::Held => return Flush::Wait { until: None },
        Line::Resting { until } if at.now < until => return Flush::Wait { until: Some(until) },
        Line::Free | Line::Resting { .. } => {}
    }
    match at.moment {
        Moment::Listening { until } if at.now < until => Flush::Wait { until: Some(until) },
        Moment::Listening { .. } | Moment::Leaving => Flush::Send { seal: true },
        Moment::Running if held.are_sealed => Flush::Send { seal: false },
        Moment::Running => match held.oldest.map(|it| it.plus(interval)) {
            Some(due) if due <= at.now => Flush::Send { seal: true },
            until => Flush::Wait { until },
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: EpochMillis = EpochMillis(1_793_491_200_000);
    const MINUTE: Duration = Duration::from_mins(1);

    fn at(seconds: u64) -> EpochMillis {
        START.plus(Duration::from_secs(seconds))
    }

    fn situation(seconds: u64) -> Situation {
        Situation {
            now: at(seconds),
            holdings: Holdings { are_sealed: false, are_open: true, oldest: Some(START) },
            moment: Moment::Running,
            line: Line::Free,
        }
    }

    #[test]
    fn lines_are_gathered_for_an_interval_and_full_objects_are_not() {
        let mut it = situation(59);
        assert_eq!(decide(MINUTE, &it), Flush::Wait { until: Some(at(60)) });
        assert_eq!(decide(Duration::ZERO, &it), Flush::Send { seal: true });
        it.now = at(60);
        assert_eq!(decide(MINUTE, &it), Flush::Send { seal: true });
        it.now = at(1);
        it.holdings.are_sealed = true;
        assert_eq!(decide(MINUTE, &it), Flush::Send { seal: false });
    }

    #[test]
    fn our_own_words_are_no_reason_to_send() {
        let mut it = situation(100_000);
        it.holdings.oldest = None;
        assert_eq!(decide(MINUTE, &it), Flush::Wait { until: None });
        it.moment = Moment::Leaving;
        assert_eq!(decide(MINUTE, &it), Flush::Send { seal: true });
    }

    #[test]
    fn a_verdict_goes_first_and_a_failure_rests() {
        let mut it = situation(60);
        it.line = Line::Held;
        assert_eq!(decide(MINUTE, &it), Flush::Wait { until: None });
        it.line = Line::Resting { until: at(61) };
        assert_eq!(decide(MINUTE, &it), Flush::Wait { until: Some(at(61)) });
        it.now = at(61);
        assert_eq!(decide(MINUTE, &it), Flush::Send { seal: true });
    }

    #[test]
    fn on_the_way_out_the_last_lines_are_listened_for() {
        let mut it = situation(1);
        it.moment = Moment::Listening { until: at(2) };
        assert_eq!(decide(MINUTE, &it), Flush::Wait { until: Some(at(2)) });
        it.now = at(2);
        assert_eq!(decide(MINUTE, &it), Flush::Send { seal: true });
        it.holdings = Holdings::default();
        assert_eq!(decide(MINUTE, &it), Flush::Wait { until: None });
    }

    proptest! {
        /// Waiting until the time that was named changes the decision, so nobody wakes up for nothing.
        #[test]
        fn a_named_time_is_a_time_to_send(
            seconds in 0u64..200, rest in 0u64..200, listen in 0u64..200, interval in 0u64..100, which in 0u8..3,
        ) {
            let mut it = situation(seconds);
            it.line = if which == 1 { Line::Resting { until: at(rest) } } else { Line::Free };
            it.moment = if which == 2 { Moment::Listening { until: at(listen) } } else { Moment::Running };
            for _ in 0..2 {
                if let Flush::Wait { until: Some(until) } = decide(Duration::from_secs(interval), &it) {
                    prop_assert!(until > it.now);
                    it.now = until;
                }
            }
            prop_assert_eq!(decide(Duration::from_secs(interval), &it), Flush::Send { seal: true });
        }
    }
}
