//! An instant as the page shows it: for people in UTC, for machines in an attribute.

use jiff::Timestamp;
use overtime_wire::EpochMillis;

use crate::domain::instant::rfc3339;

/// An instant, written for both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// For `<time datetime>`.
    pub(super) machine: String,
    /// `14:03:22 UTC`, with the date in front when it is not today's.
    pub(super) people: String,
}

impl Moment {
    pub(super) fn of(at: EpochMillis, now: EpochMillis) -> Self {
        let today = format("%F", at) == format("%F", now);
        let people = format(if today { "%H:%M:%S UTC" } else { "%-d %b, %H:%M:%S UTC" }, at);
        Self { machine: rfc3339(at), people }
    }
}

/// `14:00` of an hour since 1970.
pub(super) fn hour(hour: u32) -> String {
    format("%H:00", EpochMillis(i64::from(hour) * 3_600_000))
}

fn format(pattern: &str, at: EpochMillis) -> String {
    Timestamp::from_millisecond(at.0).unwrap_or_default().strftime(pattern).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn todays_instants_need_no_date() {
        let now = EpochMillis(1_793_491_200_000);
        assert_eq!(Moment::of(now, now).people, "00:00:00 UTC");
        assert_eq!(Moment::of(EpochMillis(now.0 - 1_000), now).people, "31 Oct, 23:59:59 UTC");
        assert_eq!(hour(498_192), "00:00");
    }
}
