//! The invocations that can still change, or that a late record may still be about.
//!
//! One at a time is open on demand, many on Managed Instances; the rest are kept so that a record delivered twice is known.
//! What falls out of the window is handed back, so that nobody loses it unseen.

use std::collections::VecDeque;

use overtime_wire::{Ordinal, RequestId};

use super::{invocation::Invocation, watchman::Watched};

const RECENT: usize = 32;
const RECENT_CONCURRENT: usize = 256;

/// Recent invocations, oldest first.
#[derive(Debug)]
pub(super) struct Window {
    invocations: VecDeque<Invocation>,
    /// Managed Instances: several invocations are open at once, and none proves anything about another.
    pub(super) is_concurrent: bool,
    /// Whether there ever was one.
    pub(super) was_invoked: bool,
}

impl Window {
    pub(super) fn new(is_concurrent: bool) -> Self {
        Self { invocations: VecDeque::new(), is_concurrent, was_invoked: false }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Invocation> {
        self.invocations.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Invocation> {
        self.invocations.iter_mut()
    }

    /// Adds one, and returns the oldest if there is no place for it any more.
    pub(super) fn push(&mut self, invocation: Invocation) -> Option<Invocation> {
        self.was_invoked = true;
        self.invocations.push_back(invocation);
        let most = if self.is_concurrent { RECENT_CONCURRENT } else { RECENT };
        (self.invocations.len() > most).then(|| self.invocations.pop_front()).flatten()
    }

    pub(super) fn at(&mut self, ordinal: Ordinal) -> Option<&mut Invocation> {
        self.invocations.iter_mut().rev().find(|it| it.ordinal == ordinal)
    }

    /// The latest under a request id: asynchronous retries reuse it.
    pub(super) fn latest(&mut self, request: &RequestId) -> Option<&mut Invocation> {
        self.invocations.iter_mut().rev().find(|it| it.request.as_ref() == Some(request))
    }

    /// The one that an init opened without saying whose it is.
    pub(super) fn nameless(&mut self) -> Option<&mut Invocation> {
        self.invocations.iter_mut().rev().find(|it| it.request.is_none() && it.held_init)
    }

    /// The one whose deadline says something: open, and nothing told of its end.
    pub(super) fn watched(&self) -> Option<Watched> {
        let it = self.invocations.back().filter(|it| {
            it.is_open() && it.answered.is_none() && it.ended.is_none() && it.verdict.is_none()
        })?;
        let invoked = it.invoked.filter(|_| !self.is_concurrent)?;
        Some(Watched { ordinal: it.ordinal, invoked: invoked.at, deadline: invoked.deadline? })
    }

    /// The latest that is open.
    pub(super) fn open(&mut self) -> Option<&mut Invocation> {
        self.invocations.iter_mut().rev().find(|it| it.is_open())
    }
}
