//! What the platform posts about this environment, reduced to what we act on.
//!
//! Decoding is total. A body is an array of records whose schema grows without notice; a record that we do not know is
//! passed over, one that we cannot read is counted, and its neighbours survive. A body that is not an array — an object, one
//! record per line, a byte order mark, an array cut off or spliced by a split record — is searched for whole records.
//! Where logs are asked for, the halves of a split one are read as well.
//!
//! **Invariant.** Nothing here fails, recurses with its input or keeps more than its input. Answering an error would make
//! the platform post the same body again.
//!
//! Source: AWS's "Lambda Telemetry API Event schema reference"; deviations seen in the field are named where they are read.

pub mod instant;
pub mod listener;
pub mod record;
pub mod salvage;
pub mod split;
pub mod status;
pub mod tap;

use std::collections::VecDeque;

use serde_json::value::RawValue;

pub use record::Record;

use crate::{
    json::{self, Fields},
    log::{HELD_MAX, Line, Lines},
};
use salvage::Stretch;

/// Most of the lines of one body that are handed on together.
const LOGS_MAX: usize = 4 * HELD_MAX;

/// What a body held.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    pub records: Vec<Record>,
    /// Records, or bodies, of which nothing could be made.
    pub unreadable: u32,
}

/// What is wanted of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hearing {
    /// How many lines, for the end of a verdict's log.
    pub tail: Lines,
    /// Whether somebody else reads the logs as well, and puts the halves of split ones together.
    pub is_shared: bool,
}

impl From<Lines> for Hearing {
    fn from(tail: Lines) -> Self {
        Self { tail, is_shared: false }
    }
}

/// Reads one POST, with as many lines of log as are wanted.
pub fn decode(body: &[u8], hearing: impl Into<Hearing>) -> Decoded {
    let Hearing { tail: logs, is_shared } = hearing.into();
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut reading = Reading::new(logs);
    let text = std::str::from_utf8(body).unwrap_or_default();
    if json::each_object(text, |fields| reading.record(&fields)).is_ok() {
        return reading.end();
    }
    // Something else is in there as well, or it is something else.
    let mut reading = Reading::new(logs);
    if let Ok(elements) = serde_json::from_slice::<Vec<&RawValue>>(body) {
        for element in elements {
            reading.element(element.get());
        }
    } else {
        salvage::stretches(body, |stretch| match stretch {
            Stretch::Record(record) => reading.element(record),
            Stretch::Torn(torn) => match split::half(torn).filter(|_| logs.are_wanted()) {
                Some(line) => reading.line(line),
                None if is_shared && split::fragment(torn).is_some() => {}
                None => reading.unreadable(),
            },
            Stretch::Doubtful => reading.unreadable(),
        });
    }
    reading.end()
}

/// What was read of a body so far.
struct Reading {
    logs: Lines,
    /// Those since the last record of another kind, which is as many as can still be wanted.
    lines: VecDeque<Line>,
    decoded: Decoded,
}

impl Reading {
    fn new(logs: Lines) -> Self {
        Self { logs, lines: VecDeque::new(), decoded: Decoded::default() }
    }

    fn element(&mut self, element: &str) {
        match Fields::parse(element) {
            Some(fields) => self.record(&fields),
            None => self.unreadable(),
        }
    }

    fn record(&mut self, envelope: &Fields<'_>) {
        match record::read(envelope, self.logs) {
            Ok(Some(Record::Log(line))) => self.line(line),
            Ok(Some(record)) => {
                self.hand_on_lines();
                self.decoded.records.push(record);
            }
            Ok(None) => {}
            Err(record::Unreadable) => self.unreadable(),
        }
    }

    fn unreadable(&mut self) {
        self.decoded.unreadable = self.decoded.unreadable.saturating_add(1);
    }

    fn line(&mut self, line: Line) {
        self.lines.push_back(line);
        let has_too_many = |lines: &VecDeque<Line>| {
            lines.len() > self.logs.0.into()
                || lines.iter().map(|it| it.text.len()).sum::<usize>() > LOGS_MAX
        };
        while has_too_many(&self.lines) {
            self.lines.pop_front();
        }
    }

    fn hand_on_lines(&mut self) {
        self.decoded.records.extend(self.lines.drain(..).map(Record::Log));
    }

    fn end(mut self) -> Decoded {
        self.hand_on_lines();
        self.decoded
    }
}

#[cfg(test)]
pub(crate) mod tests;
