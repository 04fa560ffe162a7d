//! When a deadline has passed for good.
//!
//! The function may have answered, and an extension may hold the invocation until it times out; the platform says so within
//! moments of the deadline. So a deadline that passed a while ago, while we ran, was met. After a freeze, or where the
//! processor was taken from us, what the platform said may still be unread, and another while is waited.

use std::time::Duration;

use overtime_wire::EpochMillis;

/// Longer than telemetry is buffered, and than a killed runtime usually takes.
const WHILE: Duration = Duration::from_millis(250);
/// Who is later than this at a time that was named has not been running.
const LATE: Duration = Duration::from_millis(100);

/// Remembers what it waits for.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    awaited: Option<(EpochMillis, EpochMillis)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Look again then.
    Again(EpochMillis),
    Passed {
        deadlines_before: EpochMillis,
    },
}

impl Look {
    pub(super) fn again(self) -> Option<EpochMillis> {
        match self {
            Self::Again(at) => Some(at),
            Self::Passed { .. } => None,
        }
    }
}

impl Vigil {
    pub(super) fn look(&mut self, deadline: EpochMillis, now: EpochMillis) -> Look {
        let due = match self.awaited {
            Some((awaited, due)) if awaited == deadline => due,
            _ => deadline.max(now).plus(WHILE),
        };
        if now < due {
            self.awaited = Some((deadline, due));
            Look::Again(due)
        } else if now.since(due) > LATE {
            self.awaited = Some((deadline, now.plus(WHILE)));
            Look::Again(now.plus(WHILE))
        } else {
            Look::Passed { deadlines_before: now }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> EpochMillis {
        EpochMillis(milliseconds)
    }

    #[test]
    fn a_deadline_has_passed_a_while_after_it() {
        let mut vigil = Vigil::default();
        assert_eq!(vigil.look(at(1_000), at(500)), Look::Again(at(1_250)));
        assert_eq!(vigil.look(at(1_000), at(1_249)), Look::Again(at(1_250)));
        assert_eq!(vigil.look(at(1_000), at(1_255)), Look::Passed { deadlines_before: at(1_255) });
    }

    #[test]
    fn after_a_freeze_another_while_is_waited() {
        let mut vigil = Vigil::default();
        vigil.look(at(1_000), at(500));
        assert_eq!(vigil.look(at(1_000), at(60_000)), Look::Again(at(60_250)));
        assert_eq!(
            vigil.look(at(1_000), at(60_250)),
            Look::Passed { deadlines_before: at(60_250) }
        );
    }

    #[test]
    fn an_answer_heard_of_after_the_deadline_begins_the_while() {
        assert_eq!(Vigil::default().look(at(1_000), at(1_020)), Look::Again(at(1_270)));
    }
}
