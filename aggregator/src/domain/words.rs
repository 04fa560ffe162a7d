//! What happened, in words that alerts and pages share.

use std::time::Duration;

use overtime_wire::{Cause, Evidence};

/// What was running when the time was up.
pub fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Handler => "the function's own code was still running",
        Cause::Init => "the function was still initialising",
        Cause::Extension => "the function had answered, but an extension held the invocation",
        Cause::OutOfMemory => "the function had run out of memory",
        Cause::Unknown => "what was running is not known",
    }
}

/// How we know.
pub fn evidence(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Report => "Lambda's report says so",
        Evidence::RuntimeDone => "Lambda said so when the runtime was done",
        Evidence::Shutdown => "Lambda shut the environment down for a timeout",
        Evidence::Deadline => "the extension watched the deadline pass",
        Evidence::Recovered => "the next process found the invocation still open",
    }
}

/// At most so many letters of a text, which shows that something is missing.
pub fn cut(text: &str, letters_max: usize) -> String {
    if text.chars().count() <= letters_max {
        return text.to_owned();
    }
    let Some(room) = letters_max.checked_sub(1) else { return String::new() };
    text.chars().take(room).chain(['…']).collect()
}

/// `950 ms`, `3 s`, `2.5 s`, `15 min`, `1 h 30 min`.
pub fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis < 1_000 {
        return format!("{millis} ms");
    }
    if millis < 60_000 {
        let tenths = (millis % 1_000) / 100;
        let seconds = millis / 1_000;
        return if tenths == 0 { format!("{seconds} s") } else { format!("{seconds}.{tenths} s") };
    }
    let (minutes, seconds) = (millis / 60_000, (millis / 1_000) % 60);
    match (minutes / 60, minutes % 60) {
        (0, _) if seconds == 0 => format!("{minutes} min"),
        (0, _) => format!("{minutes} min {seconds} s"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_as_people_say_them() {
        let said: Vec<_> = [0, 950, 1_000, 2_560, 60_000, 61_500, 900_000, 5_400_000, 7_200_000]
            .map(|it| duration(Duration::from_millis(it)))
            .into();
        let expected =
            ["0 ms", "950 ms", "1 s", "2.5 s", "1 min", "1 min 1 s", "15 min", "1 h 30 min", "2 h"];
        assert_eq!(said, expected);
    }

    #[test]
    fn what_is_cut_shows_it() {
        let of = |letters_max| cut("größer", letters_max);
        assert_eq!([of(7), of(6), of(5)], ["größer", "größer", "größ…"]);
        assert_eq!([of(1), of(0)], ["…", ""]);
    }
}
