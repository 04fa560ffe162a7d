//! What there is to choose, as cookies and addresses write it.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use overtime_wire::EpochMillis;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

/// How often a page is shown anew, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresh {
    Every(u8),
    Off,
}

/// Where the clock is that times are told by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zone {
    zone: TimeZone,
    name: String,
}

impl Theme {
    pub(in crate::console) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// As browsers are told, for their own controls.
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::System => "light dark",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl FromStr for Theme {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|it| it.name() == text);
        found.ok_or("is not system, light or dark")
    }
}

impl Refresh {
    pub(in crate::console) const ALL: [Self; 4] =
        [Self::Every(15), Self::Every(30), Self::Every(60), Self::Off];

    pub(crate) fn seconds(self) -> Option<u8> {
        match self {
            Self::Every(seconds) => Some(seconds),
            Self::Off => None,
        }
    }
}

impl Default for Refresh {
    fn default() -> Self {
        Self::Every(30)
    }
}

impl FromStr for Refresh {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|it| it.to_string() == text);
        found.ok_or("is not 15s, 30s, 60s or off")
    }
}

impl fmt::Display for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(seconds) => write!(f, "{seconds}s"),
            Self::Off => f.write_str("off"),
        }
    }
}

impl Zone {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// An instant there, in the words of `strftime`.
    pub(crate) fn write(&self, at: EpochMillis, pattern: &str) -> String {
        let at = Timestamp::from_millisecond(at.0).unwrap_or_default();
        at.to_zoned_datetime(self.zone.clone()).strftime(pattern).to_string()
    }

    /// An instant as a clock there shows it, `2026-11-02T10:00`, or as RFC 3339 has it.
    pub(crate) fn read(&self, text: &str) -> Option<EpochMillis> {
        let at = if let Ok(at) = text.parse::<Timestamp>() {
            at
        } else {
            let shown: DateTime = text.parse().ok()?;
            shown.to_zoned_datetime(self.zone.clone()).ok()?.timestamp()
        };
        Some(EpochMillis(at.as_millisecond()))
    }

    /// How far its clock is ahead of UTC's then, in milliseconds.
    pub(crate) fn offset_ms(&self, at: EpochMillis) -> i64 {
        let at = Timestamp::from_millisecond(at.0).unwrap_or_default();
        i64::from(self.zone.to_offset(at).seconds()) * 1_000
    }

    /// All that there are.
    pub(in crate::console) fn names() -> Vec<String> {
        let mut names: Vec<_> = jiff::tz::db().available().map(|it| it.to_string()).collect();
        names.sort_unstable();
        names
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, name: "UTC".to_owned() }
    }
}

impl FromStr for Zone {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WHY: &str = "is not a time zone such as UTC or Europe/Berlin";
        if text.eq_ignore_ascii_case("utc") {
            return Ok(Self::default());
        }
        let zone = TimeZone::get(text).map_err(|_| WHY)?;
        let name = zone.iana_name().ok_or(WHY)?.to_owned();
        Ok(Self { zone, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_without_the_machines_help_and_knows_its_summer() {
        let berlin: Zone = "europe/berlin".parse().unwrap();
        let at = |text: &str| {
            let at: Timestamp = text.parse().unwrap();
            berlin.write(EpochMillis(at.as_millisecond()), "%H:%M %Z")
        };
        assert_eq!(berlin.name(), "Europe/Berlin");
        assert_eq!(at("2026-07-01T12:00:00Z"), "14:00 CEST");
        assert_eq!(at("2026-12-01T12:00:00Z"), "13:00 CET");
        assert!(Zone::names().iter().any(|it| it == "Asia/Kolkata"));
        assert!("Mars/Olympus".parse::<Zone>().is_err() && "".parse::<Zone>().is_err());
    }

    #[test]
    fn a_clock_is_read_where_it_hangs() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        let read = |text| berlin.read(text).map(|it| Zone::default().write(it, "%FT%TZ"));
        assert_eq!(read("2026-07-01T12:00").as_deref(), Some("2026-07-01T10:00:00Z"));
        assert_eq!(read("2026-12-01T12:00:30").as_deref(), Some("2026-12-01T11:00:30Z"));
        assert_eq!(read("2026-12-01T12:00:00Z").as_deref(), Some("2026-12-01T12:00:00Z"));
        assert_eq!((read("noon"), read("2026-13-01T12:00")), (None, None));
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        for refresh in Refresh::ALL {
            assert_eq!(refresh.to_string().parse(), Ok(refresh));
        }
        for theme in Theme::ALL {
            assert_eq!(theme.name().parse(), Ok(theme));
        }
    }
}
