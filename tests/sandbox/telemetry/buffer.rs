//! What waits to be posted to one subscriber, and when it must go.
//!
//! A buffer is flushed when it holds enough items, enough bytes, or when its oldest record has
//! waited long enough. While the environment is frozen nobody can be waited for, so time stands
//! still: `freeze` moves the moment on. Source: the developer guide's "Buffering memory usage and
//! event dispatch". Pure: time is an argument.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::request::Limits;

/// What a subscriber that does not take its posts may make us hold: as much again as one post.
const OVERFLOW: usize = 2;

#[derive(Debug)]
pub(crate) struct Buffer {
    limits: Limits,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    dropped: Dropped,
}

#[derive(Debug)]
struct Waiting {
    json: String,
    since: Instant,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

/// One POST.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) body: String,
    pub(crate) records: usize,
}

impl Buffer {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, waiting: VecDeque::new(), bytes: 0, dropped: Dropped::default() }
    }

    pub(crate) fn push(&mut self, json: String, now: Instant) {
        let full = self.waiting.len() >= OVERFLOW * self.limits.items
            || self.bytes >= OVERFLOW * self.limits.bytes;
        if full {
            self.dropped.records += 1;
            self.dropped.bytes += json.len();
            return;
        }
        self.bytes += json.len();
        self.waiting.push_back(Waiting { json, since: now });
    }

    /// When the next POST is due; in the past when it is due already.
    pub(crate) fn due(&self) -> Option<Instant> {
        let oldest = self.waiting.front()?.since;
        let full = self.waiting.len() >= self.limits.items || self.bytes >= self.limits.bytes;
        Some(if full { oldest } else { oldest + self.limits.wait })
    }

    /// Time that did not pass for the sandbox does not pass for its buffers.
    pub(crate) fn freeze(&mut self, lasted: Duration) {
        for waiting in &mut self.waiting {
            waiting.since += lasted;
        }
    }

    pub(crate) fn take(&mut self) -> Option<Batch> {
        let (mut body, mut records) = (String::from("["), 0);
        while records < self.limits.items && body.len() <= self.limits.bytes {
            let Some(next) = self.waiting.pop_front() else { break };
            self.bytes -= next.json.len();
            if records > 0 {
                body.push(',');
            }
            body.push_str(&next.json);
            records += 1;
        }
        body.push(']');
        (records > 0).then_some(Batch { body, records })
    }

    /// What did not fit since this was last asked.
    pub(crate) fn take_dropped(&mut self) -> Option<Dropped> {
        let dropped = std::mem::take(&mut self.dropped);
        (dropped.records > 0).then_some(dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer() -> Buffer {
        Buffer::new(Limits { items: 3, bytes: 100, wait: Duration::from_millis(25) })
    }

    #[test]
    fn an_empty_buffer_is_never_due() {
        assert_eq!(buffer().due(), None);
        assert_eq!(buffer().take(), None);
    }

    #[test]
    fn it_is_due_when_the_oldest_has_waited() {
        let (mut buffer, now) = (buffer(), Instant::now());
        buffer.push("1".to_owned(), now);
        buffer.push("2".to_owned(), now + Duration::from_millis(20));
        assert_eq!(buffer.due(), Some(now + Duration::from_millis(25)));
        assert_eq!(buffer.take(), Some(Batch { body: "[1,2]".to_owned(), records: 2 }));
    }

    #[test]
    fn it_is_due_at_once_when_it_holds_enough_items() {
        let (mut buffer, now) = (buffer(), Instant::now());
        for number in 1..=4 {
            buffer.push(number.to_string(), now);
        }
        assert_eq!(buffer.due(), Some(now));
        assert_eq!(buffer.take().unwrap().body, "[1,2,3]");
        assert_eq!(buffer.take().unwrap().body, "[4]");
    }

    #[test]
    fn it_is_due_at_once_when_it_holds_enough_bytes() {
        let (mut buffer, now) = (buffer(), Instant::now());
        buffer.push("x".repeat(60), now);
        assert_eq!(buffer.due(), Some(now + Duration::from_millis(25)));
        buffer.push("y".repeat(60), now);
        assert_eq!(buffer.due(), Some(now));
    }

    #[test]
    fn a_freeze_stops_its_clock() {
        let (mut buffer, now) = (buffer(), Instant::now());
        buffer.push("1".to_owned(), now);
        buffer.freeze(Duration::from_mins(1));
        assert_eq!(buffer.due(), Some(now + Duration::from_millis(60_025)));
    }

    #[test]
    fn what_nobody_takes_is_dropped_and_counted() {
        let (mut buffer, now) = (buffer(), Instant::now());
        for _ in 0..8 {
            buffer.push("12".to_owned(), now);
        }
        assert_eq!(buffer.take_dropped(), Some(Dropped { records: 2, bytes: 4 }));
        assert_eq!(buffer.take_dropped(), None);
    }
}
