//! When the platform says something happened.
//!
//! Records carry ISO 8601 in UTC with milliseconds, but AWS's own examples contain a colon before them and emulators write
//! microseconds. An instant is a courtesy here, never a key, so what cannot be read is simply unknown.

use overtime_wire::EpochMillis;

/// Reads `2026-11-01T00:00:00.123Z` and its relatives; `None` for anything else.
pub fn parse(text: &str) -> Option<EpochMillis> {
    let (date, time) = text.split_once(['T', ' '])?;
    let mut date = date.split('-').map(number);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let clock = time.find(['Z', '+', '-']).map_or(time, |at| &time[..at]);
    let offset = offset_minutes(&time[clock.len()..])?;
    let mut clock = clock.split([':', '.']);
    let (hour, minute) = (number(clock.next()?)?, number(clock.next()?)?);
    let second = number(clock.next()?)?;
    let milliseconds = clock.next().map_or(Some(0), fraction)?;
    let real = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60
        && date.next().is_none()
        && clock.next().is_none();
    let minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset;
    real.then_some(EpochMillis((minutes * 60 + second) * 1000 + milliseconds))
}

fn number(digits: &str) -> Option<i64> {
    let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// Milliseconds of a decimal fraction of any length.
fn fraction(digits: &str) -> Option<i64> {
    let plain = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    let scaled = digits.bytes().chain([b'0', b'0']).take(3);
    plain.then(|| scaled.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// `Z`, nothing, or `±hh:mm`.
fn offset_minutes(zone: &str) -> Option<i64> {
    if zone.is_empty() || zone == "Z" {
        return Some(0);
    }
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let minutes = number(hours)?.min(24) * 60 + number(minutes)?.min(59);
    Some(if zone.starts_with('-') { -minutes } else { minutes })
}

/// The Gregorian calendar, counted in years that begin in March so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days_of_months = (153 * month + 2) / 5;
    365 * year + year / 4 - year / 100 + year / 400 + days_of_months + day - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, milliseconds: Option<i64>) {
        assert_eq!(parse(text), milliseconds.map(EpochMillis), "{text}");
    }

    #[test]
    fn what_the_platform_and_its_imitators_write_is_read() {
        check("1970-01-01T00:00:00.000Z", Some(0));
        check("2000-02-29T12:00:00Z", Some(951_825_600_000));
        check("2026-11-01T00:00:00.1Z", Some(1_793_491_200_100));
        check("2026-11-01T00:00:00.123456789Z", Some(1_793_491_200_123));
        check("2026-11-01T00:00:00:521Z", Some(1_793_491_200_521));
        check("2026-11-01T01:00:00.000+01:00", Some(1_793_491_200_000));
        check("2026-10-31T22:30:00.000-01:30", Some(1_793_491_200_000));
        check("2026-11-01 00:00:00.000", Some(1_793_491_200_000));
        check("2026-11-01T23:59:60Z", Some(1_793_577_600_000));
    }

    #[test]
    fn anything_else_is_unknown() {
        for text in [
            "",
            "now",
            "2026-11-01",
            "99999-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999Z",
            "2026-13-01T00:00:00Z",
            "2026-11-01T00:00:00.Z",
            "2026-11-01T00:00Z",
            "é-11-01T00:00:00Z",
            "2026-11-01T00:00:00+é",
        ] {
            check(text, None);
        }
    }
}
