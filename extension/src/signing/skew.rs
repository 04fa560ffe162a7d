//! What a 403 says about our clock.
//!
//! AWS refuses a signature that is more than five minutes off its own time, and names that time in the refusal. So the
//! clock is set by it and the request signed once more:
//!
//! ```text
//!   Trusted ──the clocks disagree──▶ Corrected ──they agree after all──▶ Settled
//! ```
//!
//! Each arrow is worth one more signature. The second is there for a clock that was wrong for a moment, as after a thaw:
//! what was learnt then would spoil every signature to come.
//!
//! An environment may be frozen between signing and hearing the answer, and then the answer is old without any clock being
//! wrong. The server spoke somewhere in between, so a clock disagrees only by as much as the server's time lies *outside*
//! of that. A request that was itself held up by the freeze is merely stale, and is signed anew.
//!
//! Sources: AWS's "Troubleshoot Signature Version 4 signing" (`Signature expired: … is now earlier than … (… - 5 min.)`,
//! `Signature not yet current: … is still later than … (… + 5 min.)`); RFC 9110, section 5.6.7, for `Date`.

use std::time::Duration;

use hyper::{HeaderMap, StatusCode, header::DATE};
use overtime_wire::EpochMillis;

use crate::telemetry::instant;

/// Clocks that differ by less agree.
const TOLERANCE_MS: u64 = 60_000;
/// Older than this when the server saw it, a signature may have been too old: AWS says five minutes.
const STALE: Duration = Duration::from_mins(4);
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How far our clock may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    #[default]
    Trusted,
    /// By that much.
    Corrected(Offset),
    /// Trusted again, for good.
    Settled,
}

/// What to add to our time, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset(i64);

/// An answer that is no success.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// By our own clock, as is `now`.
    pub signed_at: EpochMillis,
    /// When the answer was there.
    pub now: EpochMillis,
}

/// What may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    SignAgain,
    Nothing,
}

impl Clock {
    /// Our time as the server would say it.
    pub fn correct(self, now: EpochMillis) -> EpochMillis {
        match self {
            Self::Corrected(Offset(offset)) => EpochMillis(now.0.saturating_add(offset)),
            Self::Trusted | Self::Settled => now,
        }
    }

    /// Learns from a refusal.
    pub fn refused(self, refusal: &Refusal<'_>) -> (Self, Remedy) {
        let seen = (refusal.status == StatusCode::FORBIDDEN)
            .then(|| server_time(refusal.headers, refusal.body))
            .flatten();
        let Some(server) = seen else { return (self, Remedy::Nothing) };
        let offset = outside(server, refusal);
        let agrees = offset.0.unsigned_abs() <= TOLERANCE_MS;
        let stale = server.since(refusal.signed_at) > STALE;
        match self {
            Self::Trusted if !agrees => (Self::Corrected(offset), Remedy::SignAgain),
            Self::Corrected(_) if agrees => (Self::Settled, Remedy::SignAgain),
            Self::Trusted | Self::Settled if agrees && stale => (self, Remedy::SignAgain),
            Self::Trusted | Self::Corrected(_) | Self::Settled => (self, Remedy::Nothing),
        }
    }
}

/// How far the server's time lies before the signature or after its answer.
fn outside(server: EpochMillis, refusal: &Refusal<'_>) -> Offset {
    let (first, last) = (refusal.signed_at.min(refusal.now), refusal.signed_at.max(refusal.now));
    let nearest = server.clamp(first, last);
    Offset(server.0.saturating_sub(nearest.0))
}

/// The judge's own words come before a header that somebody in between may have written.
fn server_time(headers: &HeaderMap, body: &[u8]) -> Option<EpochMillis> {
    let said = String::from_utf8_lossy(body);
    let said = said.split('(').skip(1).find_map(compact);
    said.or_else(|| http_date(headers.get(DATE)?.to_str().ok()?))
}

/// `20261101T000000Z`, at the beginning of a text.
fn compact(text: &str) -> Option<EpochMillis> {
    let (day, time) = text.get(..16)?.strip_suffix('Z')?.split_once('T')?;
    let (year, month, day) = (day.get(..4)?, day.get(4..6)?, day.get(6..)?);
    let (hour, minute, second) = (time.get(..2)?, time.get(2..4)?, time.get(4..)?);
    instant::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

/// `Sun, 01 Nov 2026 00:00:00 GMT`; the forms that RFC 9110 calls obsolete are not sent by AWS.
fn http_date(text: &str) -> Option<EpochMillis> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, day, month, year, time, "GMT"] = words[..] else { return None };
    let month = MONTHS.iter().position(|it| *it == month)? + 1;
    instant::parse(&format!("{year}-{month}-{day}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_793_491_200_000;
    const MINUTE: i64 = 60_000;

    /// A refusal heard at once, at `NOW`, by a server whose clock says so many minutes more.
    fn refused(clock: Clock, minutes: i64) -> (Clock, Remedy) {
        refused_after(clock, 0, minutes)
    }

    /// Signed that many minutes before.
    fn refused_after(clock: Clock, ago: i64, minutes: i64) -> (Clock, Remedy) {
        let body = match minutes {
            0 => "(20261101T000000Z - 5 min.)",
            2 => "(20261101T000200Z - 5 min.)",
            10 => "(20261101T001000Z - 5 min.)",
            -10 => "(20261031T235000Z + 5 min.)",
            _ => "",
        };
        clock.refused(&Refusal {
            status: StatusCode::FORBIDDEN,
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
            signed_at: EpochMillis(NOW - ago * MINUTE),
            now: EpochMillis(NOW),
        })
    }

    #[test]
    fn a_wrong_clock_is_set_once() {
        for minutes in [-10, 2, 10] {
            let (clock, remedy) = refused(Clock::Trusted, minutes);
            assert_eq!(clock, Clock::Corrected(Offset(minutes * MINUTE)));
            assert_eq!(remedy, Remedy::SignAgain);
            assert_eq!(clock.correct(EpochMillis(NOW)).0, NOW + minutes * MINUTE);
            assert_eq!(refused(clock, minutes), (clock, Remedy::Nothing));
        }
    }

    #[test]
    fn a_clock_that_was_wrong_for_a_moment_is_trusted_again() {
        let (clock, _) = refused(Clock::Trusted, 10);
        let (clock, remedy) = refused(clock, 0);
        assert_eq!((clock, remedy), (Clock::Settled, Remedy::SignAgain));
        assert_eq!(clock.correct(EpochMillis(NOW)).0, NOW);
        for minutes in [-10, 0, 10] {
            assert_eq!(refused(clock, minutes), (Clock::Settled, Remedy::Nothing));
        }
    }

    #[test]
    fn a_right_clock_is_left_alone() {
        assert_eq!(refused(Clock::Trusted, 0), (Clock::Trusted, Remedy::Nothing));
    }

    #[test]
    fn a_freeze_is_no_skew() {
        let kept = (Clock::Trusted, Remedy::Nothing);
        assert_eq!(refused_after(Clock::Trusted, 11, -10), kept, "the answer waited for us");
        let stale = (Clock::Trusted, Remedy::SignAgain);
        assert_eq!(refused_after(Clock::Trusted, 30, 0), stale, "the request waited with us");
        assert_eq!(refused_after(Clock::Trusted, 3, 0), kept);
    }

    #[test]
    fn only_a_403_that_tells_the_time_teaches() {
        let mut refusal = Refusal {
            status: StatusCode::FORBIDDEN,
            headers: &HeaderMap::new(),
            body: br#"{"Message":"Forbidden (really)"}"#,
            signed_at: EpochMillis(NOW),
            now: EpochMillis(NOW),
        };
        let kept = (Clock::Trusted, Remedy::Nothing);
        assert_eq!(Clock::Trusted.refused(&refusal), kept);
        let dated = [(DATE, "Sun, 01 Nov 2026 00:07:00 GMT".parse().unwrap())];
        let dated = dated.into_iter().collect();
        refusal.headers = &dated;
        let corrected = Clock::Corrected(Offset(7 * MINUTE));
        assert_eq!(Clock::Trusted.refused(&refusal), (corrected, Remedy::SignAgain));
        refusal.status = StatusCode::BAD_REQUEST;
        assert_eq!(Clock::Trusted.refused(&refusal), kept);
    }

    #[test]
    fn the_time_is_found_where_aws_writes_it() {
        let body = br#"{"message":"Signature expired: 20160928T174419Z is now earlier than 20160928T174724Z (20160928T175224Z - 5 min.)"}"#;
        let dated = [(DATE, "Wed, 28 Sep 2016 17:52:23 GMT".parse().unwrap())];
        let dated: HeaderMap = dated.into_iter().collect();
        assert_eq!(server_time(&dated, body), Some(EpochMillis(1_475_085_144_000)));
        assert_eq!(server_time(&dated, b""), Some(EpochMillis(1_475_085_143_000)));
        assert_eq!(server_time(&HeaderMap::new(), body), Some(EpochMillis(1_475_085_144_000)));
        for text in ["", "Wed, 28 Sep 2016 17:52:23", "Wed, 28 Sip 2016 17:52:23 GMT", "x y z"] {
            assert_eq!(http_date(text), None, "{text}");
        }
        for text in ["20160928T175224", "2016-928T175224Z", "20160928T1752240", "é"] {
            assert_eq!(compact(text), None, "{text}");
        }
    }

    proptest! {
        /// However often it is refused, a process signs only twice more on account of its clock.
        #[test]
        fn lessons_end(answers in prop::collection::vec(prop::sample::select(vec![-10, 0, 2, 10]), 0..20)) {
            let (mut clock, mut signatures) = (Clock::Trusted, 0);
            for minutes in answers {
                let (next, remedy) = refused(clock, minutes);
                signatures += u32::from(remedy == Remedy::SignAgain);
                clock = next;
            }
            prop_assert!(signatures <= 2);
        }

        #[test]
        fn no_answer_is_too_strange(
            body in prop::collection::vec(any::<u8>(), 0..64),
            date in "[ -~]{0,40}",
            times in any::<(i64, i64)>(),
        ) {
            let headers: HeaderMap = [(DATE, date.parse().unwrap())].into_iter().collect();
            let (clock, _) = Clock::Trusted.refused(&Refusal {
                status: StatusCode::FORBIDDEN,
                headers: &headers,
                body: &body,
                signed_at: EpochMillis(times.0),
                now: EpochMillis(times.1),
            });
            clock.correct(EpochMillis(i64::MAX));
        }
    }
}
