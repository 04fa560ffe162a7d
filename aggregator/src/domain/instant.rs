//! Instants as people and APIs write them: RFC 3339 in UTC with milliseconds.

use std::time::Duration;

use jiff::Timestamp;
use overtime_wire::EpochMillis;

/// `2026-11-24T07:30:00.000Z`. What lies beyond the calendar is held to its ends.
pub fn rfc3339(at: EpochMillis) -> String {
    let limit = if at.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let at = Timestamp::from_millisecond(at.0).unwrap_or(limit);
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// An instant as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    At(EpochMillis),
    /// So long before now.
    Ago(Duration),
}

impl When {
    /// Reads RFC 3339 with any offset, or `now`, `now-90s`, `now-15m`, `now-24h`, `now-7d`. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let Some(rest) = text.strip_prefix("now") else {
            let at = text.parse::<Timestamp>().ok()?;
            return Some(Self::At(EpochMillis(at.as_millisecond())));
        };
        if rest.is_empty() {
            return Some(Self::Ago(Duration::ZERO));
        }
        let unit = rest.chars().next_back()?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        let digits = rest.strip_prefix('-')?.strip_suffix(unit)?;
        let plain = (1..=9).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
        let number: u64 = digits.parse().ok().filter(|_| plain)?;
        Some(Self::Ago(Duration::from_secs(number * seconds)))
    }

    pub fn resolve(self, now: EpochMillis) -> EpochMillis {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.minus(ago),
        }
    }
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
        let parse = |text| When::parse(text).map(|it| it.resolve(NOW));
        assert_eq!(parse("2026-11-01T01:00:00.123+01:00"), Some(NOW));
        assert_eq!(parse("now"), Some(NOW));
        for (text, back_ms) in
            [("now-24h", 86_400_000), ("now-90m", 5_400_000), ("now-7d", 604_800_000)]
        {
            assert_eq!(parse(text), Some(EpochMillis(NOW.0 - back_ms)), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "now+1h",
            "now--1h",
            "now-",
            "now-h",
            "now-1",
            "now-+1h",
            "now-1é",
            "now-1234567890s",
            "2026-10-31",
            "1793491200",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
