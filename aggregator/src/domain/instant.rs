//! Instants as people and APIs write them: RFC 3339 in UTC with milliseconds.

use jiff::{SignedDuration, Timestamp};
use overtime_wire::EpochMillis;

/// `2026-11-24T07:30:00.000Z`. What lies beyond the calendar is held to its ends.
pub fn rfc3339(at: EpochMillis) -> String {
    let limit = if at.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let at = Timestamp::from_millisecond(at.0).unwrap_or(limit);
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Reads RFC 3339 with any offset, or `now`, `now-24h`, `now-90m`. `None` for anything else.
pub fn parse(text: &str, now: EpochMillis) -> Option<EpochMillis> {
    let Some(rest) = text.strip_prefix("now") else {
        return text.parse::<Timestamp>().ok().map(|it| EpochMillis(it.as_millisecond()));
    };
    if rest.is_empty() {
        return Some(now);
    }
    let back: SignedDuration = rest.strip_prefix('-')?.parse().ok()?;
    let back = i64::try_from(back.as_millis()).ok().filter(|it| *it >= 0)?;
    Some(EpochMillis(now.0.saturating_sub(back)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMillis = EpochMillis(1_793_491_200_123);

    #[test]
    fn instants_are_written_in_utc_with_milliseconds() {
        assert_eq!(rfc3339(NOW), "2026-11-01T00:00:00.123Z");
        assert_eq!(rfc3339(EpochMillis(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(EpochMillis(i64::MAX)), "9999-12-30T22:00:00.999Z");
    }

    #[test]
    fn instants_are_read_absolutely_and_from_now() {
        assert_eq!(parse("2026-11-01T01:00:00.123+01:00", NOW), Some(NOW));
        assert_eq!(parse("now", NOW), Some(NOW));
        assert_eq!(parse("now-24h", NOW), Some(EpochMillis(NOW.0 - 86_400_000)));
        assert_eq!(parse("now-90m", NOW), Some(EpochMillis(NOW.0 - 5_400_000)));
        for text in ["", "yesterday", "now+1h", "now--1h", "now-", "2026-10-31", "1793491200"] {
            assert_eq!(parse(text, NOW), None, "{text}");
        }
    }
}
