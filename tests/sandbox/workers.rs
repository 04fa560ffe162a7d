//! The workers of a managed instance: how many wait for work, and what is being worked on.
//!
//! ```text
//! /invocation/next ─▶ idle ─engage─▶ engaged ─hand out─▶ at work ─answer─▶ answered ─close─▶ forgotten
//!                                                           └──────── give up ─▶ late: an answer is refused with 410
//! ```
//!
//! Source: RAPID's `invoke/invoke_router.go` and `invoke/runtime_pool.go` for managed instances. Each poll of the runtime is
//! one idle worker; where there is none a request is refused, for another instance to take. Code that has timed out goes on, and
//! its worker comes back when it is done. Invariant: a request is handed out once, and answered at most once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::state::{Answer, Assignment};

/// To the platform this is a client's fault, and none of the function's.
pub(crate) const SHUT_DOWN: &str = "Client.ExecutionEnvironmentShutDown";

#[derive(Debug, Default)]
pub(crate) struct Workers {
    waiting: usize,
    /// Promised to a request that is not handed out yet.
    engaged: usize,
    queue: VecDeque<Assignment>,
    open: BTreeMap<String, Option<Answer>>,
    late: BTreeSet<String>,
    is_closing: bool,
}

/// Why an answer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untaken {
    TooLate,
    Unknown,
}

impl Workers {
    /// A worker asks for something to do.
    pub(crate) fn wait(&mut self) {
        self.waiting += 1;
    }

    /// It has got something, or hung up.
    pub(crate) fn leave(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Keeps an idle worker for a request; `false` where there is none, or the instance is about to end.
    pub(crate) fn engage(&mut self, request_id: &str) -> bool {
        let is_possible = !self.is_closing
            && self.waiting > self.engaged + self.queue.len()
            && !self.open.contains_key(request_id);
        if is_possible {
            self.engaged += 1;
            self.open.insert(request_id.to_owned(), None);
        }
        is_possible
    }

    pub(crate) fn hand_out(&mut self, assignment: Assignment) {
        self.engaged = self.engaged.saturating_sub(1);
        self.queue.push_back(assignment);
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.queue.is_empty()
    }

    pub(crate) fn take(&mut self) -> Option<Assignment> {
        self.queue.pop_front()
    }

    pub(crate) fn answer(&mut self, request_id: &str, answer: Answer) -> Result<(), Untaken> {
        match self.open.get_mut(request_id) {
            Some(place @ None) => {
                *place = Some(answer);
                Ok(())
            }
            None if self.late.remove(request_id) => Err(Untaken::TooLate),
            Some(Some(_)) | None => Err(Untaken::Unknown),
        }
    }

    pub(crate) fn answer_to(&self, request_id: &str) -> Option<&Answer> {
        self.open.get(request_id)?.as_ref()
    }

    /// Its time is up: whatever is said about it from here on comes too late.
    pub(crate) fn give_up(&mut self, request_id: &str) {
        if self.open.remove(request_id).is_some() {
            self.late.insert(request_id.to_owned());
        }
    }

    pub(crate) fn close(&mut self, request_id: &str) {
        self.open.remove(request_id);
    }

    /// The instance is about to end: open requests are broken off, and no other is taken.
    pub(crate) fn break_off(&mut self) {
        self.is_closing = true;
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing
    }

    pub(crate) fn are_idle(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(request_id: &str) -> Assignment {
        Assignment {
            request_id: request_id.to_owned(),
            deadline: crate::clock::now(),
            arn: String::new(),
            trace: String::new(),
            payload: axum::body::Bytes::new(),
        }
    }

    fn answer() -> Answer {
        Answer { at: crate::clock::now(), body: axum::body::Bytes::new(), error_type: None }
    }

    #[test]
    fn as_many_requests_are_open_as_workers_wait() {
        let mut workers = Workers::default();
        assert!(!workers.engage("a"));
        workers.wait();
        workers.wait();
        assert!(workers.engage("a") && !workers.engage("a") && workers.engage("b"));
        assert!(!workers.engage("c"));
        workers.hand_out(assignment("a"));
        assert!(!workers.engage("c"));
        assert_eq!(workers.take().unwrap().request_id, "a");
        workers.leave();
        workers.wait();
        assert!(workers.engage("c"));
    }

    #[test]
    fn an_answer_is_taken_once_and_not_after_the_timeout() {
        let mut workers = Workers::default();
        workers.wait();
        workers.wait();
        assert!(workers.engage("a") && workers.engage("b"));
        assert_eq!(workers.answer("a", answer()), Ok(()));
        assert_eq!(workers.answer("a", answer()), Err(Untaken::Unknown));
        workers.give_up("b");
        assert_eq!(workers.answer("b", answer()), Err(Untaken::TooLate));
        assert_eq!(workers.answer("b", answer()), Err(Untaken::Unknown));
        workers.close("a");
        assert!(workers.are_idle());
    }

    #[test]
    fn an_instance_that_ends_takes_no_more() {
        let mut workers = Workers::default();
        workers.wait();
        workers.break_off();
        assert!(!workers.engage("a"));
    }
}
