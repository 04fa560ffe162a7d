//! What an object is called.
//!
//! By function and by the hour in which its lines were written, as Hive and Athena read partitions out of a path, and below
//! that by the process that gathered it and how many it had gathered before. So whoever sends it, and however often, it is
//! one object.

use std::fmt::Write as _;

use overtime_wire::{EpochMillis, FunctionKey, IncarnationId};

const HOUR_MS: i64 = 3_600_000;

/// An hour, counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hour(pub(super) i64);

/// One object of a function's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) hour: Hour,
    pub(super) by: IncarnationId,
    pub(super) number: u32,
}

impl Hour {
    pub(super) fn of(at: EpochMillis) -> Self {
        Self(at.0.div_euclid(HOUR_MS).max(0))
    }

    /// Year, month and day, by the Gregorian calendar: years begin in March, so that the leap day comes last.
    fn date(self) -> (i64, i64, i64) {
        let days = self.0.div_euclid(24) + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let (day, year) = (day - (153 * month + 2) / 5 + 1, year + era * 400);
        if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
    }
}

/// As the platform writes an instant.
pub(super) fn instant(at: EpochMillis) -> String {
    let hour = Hour::of(at);
    let (year, month, day) = hour.date();
    let rest = at.0.rem_euclid(HOUR_MS);
    let (minute, second, milli) = (rest / 60_000, rest / 1_000 % 60, rest % 1_000);
    let of_day = hour.0.rem_euclid(24);
    format!("{year:04}-{month:02}-{day:02}T{of_day:02}:{minute:02}:{second:02}.{milli:03}Z")
}

impl Name {
    /// The object's key.
    pub(super) fn key(&self, prefix: &str, function: &FunctionKey) -> String {
        let (year, month, day) = self.hour.date();
        let FunctionKey { account, region, name } = function;
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!(
            "{prefix}{slash}account={account}/region={region}/function={name}/date={year:04}-{month:02}-{day:02}/hour={:02}/{}-{:06}.json.gz",
            self.hour.0.rem_euclid(24),
            self.by,
            self.number
        )
    }
}

/// As a request line has it: all but what RFC 3986 calls unreserved is encoded, and slashes stay.
pub(super) fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len() + 32);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::telemetry;

    #[test]
    fn an_object_lies_in_its_function_and_hour() {
        let function = FunctionKey {
            account: "000000000042".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            name: "orders".parse().unwrap(),
        };
        let at = EpochMillis(1_793_491_200_000 - 1);
        let name = Name { hour: Hour::of(at), by: IncarnationId(*b"sixteen bytes id"), number: 7 };
        let partitions =
            "account=000000000042/region=eu-west-1/function=orders/date=2026-10-31/hour=23";
        let file = "7369787465656e206279746573206964-000007.json.gz";
        assert_eq!(name.key("", &function), format!("{partitions}/{file}"));
        assert_eq!(name.key("of/us", &function), format!("of/us/{partitions}/{file}"));
        assert_eq!(encoded("/a=b/c d~é"), "/a%3Db/c%20d~%C3%A9");
    }

    proptest! {
        #[test]
        fn instants_are_written_as_they_are_read(at in 0i64..253_402_300_799_999) {
            let written = instant(EpochMillis(at));
            prop_assert_eq!(telemetry::instant::parse(&written), Some(EpochMillis(at)));
        }
    }
}
