//! The log: one line of JSON for each thing that happened, with the request id of the invocation it happened in.
//!
//! The names of the fields are Lambda's own for JSON logs (`timestamp`, `level`, `message`, `requestId`), so that its log levels and the
//! filters of CloudWatch Logs work on them. An error is a field with the causes after it, so that a query finds either.
//!
//! **Invariant.** A line is written whole, or not at all.

use std::{
    error::Error,
    fmt,
    io::{self, Write as _},
};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::{clock, domain::instant};

/// Logs from now on what `filter` lets through.
pub(super) fn start(door: &'static str, filter: Targets) {
    // A line that cannot be written has nobody to tell.
    let write: fn(&[u8]) = |line| drop(io::stderr().lock().write_all(line));
    let lines = Lines { door, write };
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string);
        let message = panic.payload_as_str().unwrap_or("it says nothing");
        tracing::error!(at, panic = message, "a defect: a panic");
    }));
}

struct Lines<W> {
    door: &'static str,
    write: W,
}

/// Fields of a span or an event.
#[derive(Debug, Default)]
struct Fields(Map<String, Value>);

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&[u8]) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let meta = event.metadata();
        let mut line = Map::new();
        let mut put = |name: &str, value: &str| line.insert(name.to_owned(), value.into());
        put("timestamp", &instant::rfc3339(clock::now()));
        put("level", meta.level().as_str());
        put("door", self.door);
        put("target", meta.target());
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<Fields>() {
                line.extend(fields.0.clone());
            }
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        line.extend(fields.0);
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        (self.write)(text.as_bytes());
    }
}

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field, value.to_string());
        let causes = std::iter::successors(value.source(), |it: &&dyn Error| (*it).source());
        let causes: Vec<Value> = causes.map(|it| it.to_string().into()).collect();
        if !causes.is_empty() {
            self.0.insert("causes".to_owned(), causes.into());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the table did not answer")]
    struct Unanswered(#[source] io::Error);

    /// What is logged while `work` runs, as values without their time.
    fn logged(work: impl FnOnce()) -> Vec<Value> {
        let kept: Arc<Mutex<Vec<Value>>> = Arc::default();
        let shelf = Arc::clone(&kept);
        let write = move |line: &[u8]| {
            let (last, text) = line.split_last().unwrap();
            assert_eq!(*last, b'\n');
            shelf.lock().unwrap().push(serde_json::from_slice(text).unwrap());
        };
        let lines = Lines { door: "ingest", write };
        let subscriber = tracing_subscriber::registry().with(lines);
        tracing::subscriber::with_default(subscriber, work);
        let mut lines = std::mem::take(&mut *kept.lock().unwrap());
        for line in &mut lines {
            let time = line.as_object_mut().unwrap().remove("timestamp").unwrap();
            assert!(time.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{time}");
        }
        lines
    }

    #[test]
    fn an_error_is_one_line_with_its_causes_and_the_invocation_it_belongs_to() {
        let lines = logged(|| {
            let span = tracing::error_span!("invocation", requestId = "id-1");
            let _inside = span.enter();
            let error = Unanswered(io::Error::other("reset\nby peer"));
            tracing::error!(error = &error as &dyn Error, count = 3, "a request \"failed\"");
        });
        let expected = serde_json::json!({
            "level": "ERROR",
            "door": "ingest",
            "target": module_path!(),
            "requestId": "id-1",
            "message": "a request \"failed\"",
            "error": "the table did not answer",
            "causes": ["reset\nby peer"],
            "count": 3,
        });
        assert_eq!(lines, [expected]);
    }
}
