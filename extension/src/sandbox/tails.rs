//! The ends of the requests' logs, where they are asked for.
//!
//! Lines rarely say whose they are, but come in order with the records that do: what follows a request's `start` is its, and
//! what follows an init's is the init's. On Managed Instances requests run beside each other, so there a line that
//! does not say whose it is belongs to nobody.
//!
//! **Invariant.** At most `RECENT` requests are remembered, and none where nothing is asked for.

use std::collections::VecDeque;

use overtime_wire::{EpochMillis, Outcome, RequestId, Verdict};

use crate::log::{Line, Lines, Redaction, tail::Tail};

const RECENT: usize = 2;
const RECENT_CONCURRENT: usize = 64;

#[derive(Debug)]
pub(super) struct Tails {
    lines: Lines,
    redaction: Redaction,
    is_concurrent: bool,
    /// Latest last. Without a request it is an init's.
    recent: VecDeque<(Option<RequestId>, Tail)>,
}

impl Tails {
    pub(super) fn new(lines: Lines, is_concurrent: bool) -> Self {
        Self { lines, redaction: Redaction::On, is_concurrent, recent: VecDeque::new() }
    }

    pub(super) fn showing(self, redaction: Redaction) -> Self {
        Self { redaction, ..self }
    }

    /// A copy of a snapshot has nothing of what was before.
    pub(super) fn forget(&mut self) {
        self.recent.clear();
    }

    /// A request has started, or an init; whoever is told so twice calls this once.
    pub(super) fn begin(&mut self, request: Option<&RequestId>) {
        let is_known = self.recent.iter().any(|(whose, _)| whose.as_ref() == request);
        if !self.lines.are_wanted() || (self.is_concurrent && is_known) {
            return;
        }
        self.recent.retain(|(whose, _)| whose.as_ref() != request);
        self.recent.push_back((request.cloned(), Tail::new(self.redaction)));
        let most = if self.is_concurrent { RECENT_CONCURRENT } else { RECENT };
        while self.recent.len() > most {
            self.recent.pop_front();
        }
    }

    pub(super) fn add(&mut self, line: Line, now: EpochMillis) {
        let named = line.request.as_ref();
        let is_known =
            self.recent.iter().any(|(whose, _)| named.is_some() && whose.as_ref() == named);
        let whose = match named {
            Some(_) if is_known || self.is_concurrent => named.cloned(),
            None if self.is_concurrent => return,
            _ => self.recent.back().and_then(|(whose, _)| whose.clone()),
        };
        if !self.recent.iter().any(|it| it.0 == whose) {
            self.begin(whose.as_ref());
        }
        if let Some((_, tail)) = self.recent.iter_mut().find(|it| it.0 == whose) {
            tail.add(line, self.lines, now);
        }
    }

    /// Adds the end of its log to a verdict that is due, if it is one whose log is of interest.
    pub(super) fn add_to(&self, verdict: &mut Verdict, held_init: bool) {
        match verdict.outcome {
            Outcome::Timeout | Outcome::OutOfMemory => {}
            Outcome::Success => return,
        }
        let of = |request: Option<&RequestId>| {
            self.recent
                .iter()
                .rfind(|(whose, tail)| whose.as_ref() == request && tail.last.is_some())
        };
        let request = verdict.request.as_ref();
        let own = request.and_then(|it| of(Some(it)));
        let Some((_, tail)) = own.or_else(|| of(None).filter(|_| held_init)) else { return };
        verdict.log_tail = tail.text();
        verdict.last_log = tail.last;
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::script::{play, sandbox};
    use super::*;
    use crate::log::Part;

    /// Plays a script with three lines of log, and tells its verdicts.
    #[track_caller]
    fn check(script: &str, expected: Expect) {
        expected.assert_eq(&play(&mut sandbox("on-demand", true), script).lines);
    }

    #[test]
    fn a_timeout_carries_the_end_of_its_own_log() {
        check(
            "0    invoke a 3
             0.01 start a
             0.02 log of a
             0.03 done a success 5
             5    invoke b 3
             5.01 report a success 10
             5.01 start b
             5.02 log one
             5.03 log two
             5.04 log password=hunter2
             5.05 log four
             8.01 done b timeout 3000",
            expect![[r"
                #1.0 b: timeout, cause handler, by runtime_done took 3s of 3s, last said 5.05s in: two | password=*** | four
            "]],
        );
    }

    #[test]
    fn a_better_verdict_keeps_it_and_a_line_alone_makes_none() {
        check(
            "0    invoke a 3
             0.01 start a
             0.02 log loading
             3.01 shutdown timeout
             3.02 log too late to matter
             3.03 done a timeout 3000
             3.04 start b
             3.05 report a timeout 3000",
            expect![[r"
                #0.0 a: timeout, cause handler, by shutdown of 3s, last said 0.02s in: loading
                #0.1 a: timeout, cause handler, by runtime_done took 3s of 3s, last said 3.02s in: loading | too late to matter
                #0.2 a: timeout, cause handler, by report took 3s of 3s, last said 3.02s in: loading | too late to matter
            "]],
        );
    }

    #[test]
    fn what_an_init_says_is_told_with_the_init_and_with_the_invocation_it_overran() {
        check(
            "0     init-start init
             0.1   log connecting
             10    init-done init timeout 10000
             10.01 init-start invoke
             10.02 log connecting again
             13.01 done a timeout 0
             13.02 shutdown timeout",
            expect![[r"
                #0.0 init ?: timeout, cause init, by runtime_done of 0ns, last said 0.1s in: connecting
                #1.0 a: timeout, cause init, by runtime_done took 0ns of 0ns, last said 10.02s in: connecting again
            "]],
        );
    }

    #[test]
    fn where_requests_run_beside_each_other_only_lines_that_say_so_are_theirs() {
        let mut tails = Tails::new(Lines(3), true);
        let [a, b] = ["a", "b"].map(RequestId::parse);
        tails.begin(a.as_ref());
        tails.begin(b.as_ref());
        for (request, text) in
            [(&a, "of a"), (&b, "of b"), (&None, "of nobody"), (&a, "of a again")]
        {
            let line = Line {
                at: None,
                request: request.clone(),
                text: text.to_owned(),
                part: Part::Whole,
            };
            tails.add(line, EpochMillis(1));
        }
        let said: Vec<_> = tails.recent.iter().map(|(_, tail)| tail.text()).collect();
        assert_eq!(said, ["of a\nof a again", "of b"]);
    }

    #[test]
    fn where_nothing_is_asked_for_nothing_is_kept() {
        let mut tails = Tails::new(Lines::NONE, false);
        tails.begin(RequestId::parse("a").as_ref());
        assert_eq!(tails.recent.capacity(), 0);
    }

    #[test]
    fn few_are_remembered() {
        for (is_concurrent, most) in [(false, RECENT), (true, RECENT_CONCURRENT)] {
            let mut tails = Tails::new(Lines(100), is_concurrent);
            for request in 0..1_000 {
                tails.begin(RequestId::parse(&request.to_string()).as_ref());
            }
            assert_eq!(tails.recent.len(), most);
        }
    }
}
