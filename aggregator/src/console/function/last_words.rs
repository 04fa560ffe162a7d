//! What the function wrote last before its time was up: often the name of whom it waited for.
//!
//! **Invariant.** Pure. Numbers and identifiers are no difference between two lines, and of a timeout whose log is not known nothing is
//! said.

use crate::{api::timeouts::item::Item, domain::words};

/// Most letters of a line.
const LETTERS_MAX: usize = 200;

/// The last line that most of these end with, of equals the latest; nothing where no log is known. Latest first.
pub(super) fn most_often(timeouts: &[Item]) -> Option<String> {
    let lines: Vec<&str> =
        timeouts.iter().filter_map(|it| last_line(it.log_tail.as_deref()?)).collect();
    let alike = |line: &str| lines.iter().filter(|it| shape(it) == shape(line)).count();
    // The last of equals is taken, and the latest is to be it.
    let line = *lines.iter().rev().max_by_key(|it| alike(it))?;
    let said = match (alike(line), lines.len()) {
        (_, 1) => "the one timeout".to_owned(),
        (all, known) if all == known => format!("all {known} of the latest timeouts"),
        (some, known) => format!("{some} of the {known} latest timeouts"),
    };
    Some(format!("“{}”, in {said} whose log is known.", words::cut(line, LETTERS_MAX)))
}

fn last_line(log: &str) -> Option<&str> {
    log.lines().map(str::trim).rfind(|it| !it.is_empty())
}

/// A line without what differs from one time to the next: whole words that hold a digit.
fn shape(line: &str) -> Vec<&str> {
    let has_digit = |word: &str| word.contains(|it: char| it.is_ascii_digit());
    line.split_whitespace().map(|it| if has_digit(it) { "" } else { it }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::viewer::LogTails, domain::timeout::Timeout, store::laboratory};

    fn ended_with(log_tail: &str) -> Item {
        let verdict =
            overtime_wire::Verdict { log_tail: log_tail.to_owned(), ..laboratory::verdict(1, 0) };
        let timeout = Timeout {
            function: laboratory::function("orders"),
            incarnation: laboratory::incarnation(1),
            verdict,
            detected_at: laboratory::at(0),
        };
        Item::of(&timeout, LogTails::Shown)
    }

    #[track_caller]
    fn check(logs: &[&str], expected: Option<&str>) {
        let timeouts: Vec<Item> = logs.iter().map(|it| ended_with(it)).collect();
        assert_eq!(most_often(&timeouts).as_deref(), expected);
    }

    #[test]
    fn lines_that_differ_in_numbers_are_alike() {
        check(&[], None);
        check(&["", " \n "], None);
        check(&["a\nwaiting\n\n"], Some("“waiting”, in the one timeout whose log is known."));
        check(
            &["12:00:05 try 3 of orders", "12:00:01 try 2 of orders"],
            Some("“12:00:05 try 3 of orders”, in all 2 of the latest timeouts whose log is known."),
        );
        check(
            &["odd", "12:00 waiting for db-1", "", "11:59 waiting for db-2"],
            Some("“12:00 waiting for db-1”, in 2 of the 3 latest timeouts whose log is known."),
        );
    }
}
