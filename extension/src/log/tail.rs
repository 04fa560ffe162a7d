//! The last lines of one request.
//!
//! **Invariant.** Holds at most as many lines as were asked for and `TOTAL_HELD_MAX` bytes of them, the newest.

use std::collections::VecDeque;

use overtime_wire::{EpochMillis, Verdict};

use super::{HELD_MAX, LINE_MAX, Line, Lines, Part, Redaction, cut, redact::redact};

const TOTAL_HELD_MAX: usize = 2 * Verdict::LOG_TAIL_MAX;
const ELLIPSIS: &str = "…";

/// Lines, oldest first.
#[derive(Debug, Default)]
pub struct Tail {
    lines: VecDeque<Line>,
    bytes: usize,
    redaction: Redaction,
    /// When the last line was written.
    pub last: Option<EpochMillis>,
}

impl Tail {
    pub fn new(redaction: Redaction) -> Self {
        Self { redaction, ..Self::default() }
    }

    /// Adds a line that came at `now`, unless it is one that was told before: the platform posts again what was not acknowledged.
    pub fn add(&mut self, line: Line, most: Lines, now: EpochMillis) {
        if line.at.is_some() && self.lines.iter().any(|it| *it == line) {
            return;
        }
        self.last = self.last.max(Some(line.at.unwrap_or(now)));
        match (line.part, self.lines.back_mut()) {
            (Part::Continues, Some(begun)) if begun.part == Part::Begins => {
                let room = HELD_MAX.saturating_sub(begun.text.len());
                let more = cut(&line.text, room);
                begun.text.push_str(more);
                begun.part = Part::Whole;
                self.bytes += more.len();
            }
            _ => {
                self.bytes += line.text.len();
                self.lines.push_back(line);
            }
        }
        self.shed(most);
    }

    fn shed(&mut self, most: Lines) {
        while self.lines.len() > most.0.into() || self.bytes > TOTAL_HELD_MAX {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.text.len();
        }
    }

    /// As an operator may see it: secrets redacted where that is wanted, long lines cut, and as many of the last as fit.
    pub fn text(&self) -> String {
        let mut shown = VecDeque::new();
        let mut room = Verdict::LOG_TAIL_MAX;
        for line in self.lines.iter().rev() {
            let line = self.presentable(&line.text);
            let Some(left) = room.checked_sub(line.len() + usize::from(!shown.is_empty())) else {
                break;
            };
            room = left;
            shown.push_front(line);
        }
        Vec::from(shown).join("\n")
    }

    fn presentable(&self, text: &str) -> String {
        let text = match self.redaction {
            Redaction::On => redact(text.trim_end()),
            Redaction::Off => text.trim_end().to_owned(),
        };
        if text.len() <= LINE_MAX {
            return text;
        }
        let mut text = cut(&text, LINE_MAX - ELLIPSIS.len()).to_owned();
        text.push_str(ELLIPSIS);
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn line(at: i64, text: &str, part: Part) -> Line {
        Line { at: Some(EpochMillis(at)), request: None, text: text.to_owned(), part }
    }

    fn tail(lines: impl IntoIterator<Item = Line>, most: u8) -> Tail {
        let mut tail = Tail::default();
        for line in lines {
            tail.add(line, Lines(most), EpochMillis(99));
        }
        tail
    }

    #[test]
    fn secrets_are_shown_only_where_that_was_asked_for() {
        let shown = |redaction| {
            let mut tail = Tail::new(redaction);
            tail.add(line(1, "password=hunter2", Part::Whole), Lines(1), EpochMillis(0));
            tail.text()
        };
        assert!(!shown(Redaction::On).contains("hunter2"));
        assert_eq!(shown(Redaction::Off), "password=hunter2");
    }

    #[test]
    fn the_last_lines_are_kept_and_the_moment_of_the_last() {
        let tail = tail((0..9).map(|it| line(it, &format!("line {it}\n"), Part::Whole)), 3);
        assert_eq!(
            (tail.text().as_str(), tail.last),
            ("line 6\nline 7\nline 8", Some(EpochMillis(8)))
        );
    }

    #[test]
    fn a_line_told_twice_is_kept_once() {
        let lines = ["a", "b"].map(|it| line(1, it, Part::Whole));
        assert_eq!(tail([lines.clone(), lines].concat(), 10).text(), "a\nb");
    }

    #[test]
    fn halves_are_joined_and_a_lonely_half_is_kept() {
        let halves = [line(1, "AA", Part::Begins), line(1, "BB", Part::Continues)];
        assert_eq!(tail(halves.clone(), 10).text(), "AABB");
        assert_eq!(tail(halves[..1].iter().cloned(), 10).text(), "AA");
        assert_eq!(tail(halves[1..].iter().cloned(), 10).text(), "BB");
        let parted = [halves[0].clone(), line(2, "x", Part::Whole), halves[1].clone()];
        assert_eq!(tail(parted, 10).text(), "AA\nx\nBB");
    }

    #[test]
    fn a_secret_at_the_cut_is_seen_before_the_line_is_cut() {
        let text = format!("{}AKIAIOSFODNN7EXAMPLE and more{}", "é ".repeat(338), "z".repeat(900));
        let shown = tail([line(1, &text, Part::Whole)], 10).text();
        assert!(shown.len() <= LINE_MAX && shown.ends_with('…'), "{shown}");
        assert!(!shown.contains("AKIA"), "{shown}");
    }

    proptest! {
        #[test]
        fn whatever_is_said_stays_within_bounds(
            lines in vec((0i64..20, "[a-z é]{0,200}", 0u8..3), 0..40),
            most in 1u8..=100,
        ) {
            let part = |it| [Part::Whole, Part::Begins, Part::Continues][usize::from(it)];
            let lines = lines.iter().map(|(at, text, it)| line(*at, cut(text, HELD_MAX), part(*it)));
            let tail = tail(lines, most);
            prop_assert!(tail.lines.len() <= most.into());
            prop_assert_eq!(tail.bytes, tail.lines.iter().map(|it| it.text.len()).sum::<usize>());
            prop_assert!(tail.bytes <= TOTAL_HELD_MAX);
            prop_assert!(tail.text().len() <= Verdict::LOG_TAIL_MAX);
        }
    }
}
