//! What charts and pages say of counts and durations.

use std::time::Duration;

use crate::{
    console::figures::{grouped, megabytes},
    domain::words,
};

/// `1 timeout`, `1,204 timeouts`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count))
}

/// Milliseconds as people say them, with what is below one.
pub(crate) fn millis(ms: f64) -> String {
    let duration = duration(ms);
    if ms < 9.95 {
        let tenths = format!("{ms:.1}");
        return format!("{} ms", tenths.trim_end_matches(".0"));
    }
    words::duration(duration)
}

pub(crate) fn duration(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default()
}

/// `python 3.13` of `python:3.13.v40`: the patch of the runtime is noise here.
pub(crate) fn runtime(text: &str) -> String {
    let mut parts = text.split(':');
    match (parts.next(), parts.next()) {
        (Some(language), Some(version)) => {
            format!("{language} {}", version.split(".v").next().unwrap_or(version))
        }
        _ => text.to_owned(),
    }
}

/// Memory as Lambda calls it, of bytes.
pub(crate) fn memory(bytes: u64) -> String {
    megabytes(u32::try_from(bytes / (1024 * 1024)).unwrap_or(u32::MAX))
}

/// A number of milliseconds that somebody configured.
pub(crate) fn setting(ms: u64) -> String {
    words::duration(Duration::from_millis(ms))
}

/// A text as the beginning of a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |it| it.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_durations_are_said_as_people_say_them() {
        assert_eq!(
            [0, 1, 1_204].map(|it| counted(it, "timeout")),
            ["0 timeouts", "1 timeout", "1,204 timeouts"]
        );
        assert_eq!(
            [0.0, 0.42, 9.0, 12.6, 2_500.0, 90_000.0].map(millis),
            ["0 ms", "0.4 ms", "9 ms", "12 ms", "2.5 s", "1 min 30 s"]
        );
        assert_eq!(sentence("who knows"), "Who knows");
        assert_eq!([runtime("python:3.13.v40"), runtime("provided")], ["python 3.13", "provided"]);
        assert_eq!([memory(128 << 20), memory(2 << 30)], ["128 MB", "2 GB"]);
        assert_eq!(setting(2_500), "2.5 s");
    }
}
