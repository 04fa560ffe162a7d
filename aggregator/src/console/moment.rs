//! An instant as pages show it: for people in the zone they chose, for machines in an attribute.

use std::fmt;

use askama::filters::HtmlSafe;
use overtime_wire::EpochMillis;

use super::look::Look;
use crate::domain::instant::rfc3339;

/// An instant, written for both: `<time datetime="…">14:03:22 UTC</time>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Time {
    /// For `<time datetime>`.
    pub(crate) machine: String,
    /// With the date in front when it is not today's.
    pub(crate) people: String,
}

impl Time {
    /// With its zone: where it stands alone.
    pub(crate) fn of(at: EpochMillis, look: &Look) -> Self {
        Self::written(at, look, "%H:%M:%S %Z")
    }

    /// Without: under a heading that names it.
    pub(crate) fn bare(at: EpochMillis, look: &Look) -> Self {
        Self::written(at, look, "%H:%M:%S")
    }

    fn written(at: EpochMillis, look: &Look, pattern: &str) -> Self {
        let day = |at| look.zone.write(at, "%F");
        let date = match (day(at), day(look.now)) {
            (at, now) if at == now => "",
            (at, now) if at.get(..4) == now.get(..4) => "%-d %b, ",
            _ => "%-d %b %Y, ",
        };
        Self { machine: rfc3339(at), people: look.zone.write(at, &format!("{date}{pattern}")) }
    }
}

/// Neither part has anything that HTML would take for its own: both are made of patterns of ours and of names of zones.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, people } = self;
        write!(f, r#"<time datetime="{machine}">{people}</time>"#)
    }
}

impl HtmlSafe for Time {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::look::tests::look;

    #[test]
    fn todays_instants_need_no_date_and_today_is_where_one_looks_from() {
        let utc = look("/", "").unwrap();
        let at = |look: &Look, before: i64| Time::of(EpochMillis(look.now.0 - before), look).people;
        assert_eq!(at(&utc, 0), "00:00:00 UTC");
        assert_eq!(at(&utc, 1_000), "31 Oct, 23:59:59 UTC");
        assert_eq!(at(&utc, 365 * 86_400_000), "1 Nov 2025, 00:00:00 UTC");
        let tokyo = look("/?tz=Asia/Tokyo", "").unwrap();
        assert_eq!(at(&tokyo, 1_000), "08:59:59 JST");
        let html = Time::bare(utc.now, &utc).to_string();
        assert_eq!(html, r#"<time datetime="2026-11-01T00:00:00.000Z">00:00:00</time>"#);
    }
}
