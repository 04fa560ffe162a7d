//! Whose a line is, where it does not say so itself.
//!
//! The platform tells of an invocation's start in the same stream that brings what is written during it. So a line belongs to the
//! request that started last; where requests run beside each other, only to the one that it names.

use std::collections::VecDeque;

use crate::json::Fields;

/// How many requests are remembered: lines may come a little late.
const RECENT: usize = 4;
/// Managed Instances serve so many at once.
const RECENT_CONCURRENT: usize = 64;

/// What is known of the environment and its requests.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    /// The platform's name for the environment, or one drawn for it; empty while unknown.
    pub(super) sandbox: String,
    /// The function's, where no request says another.
    pub(super) version: String,
    is_concurrent: bool,
    /// The last of them is the current one, if any is.
    recent: VecDeque<Request>,
    has_current: bool,
}

#[derive(Debug, Clone, Default)]
struct Request {
    id: String,
    trace: String,
    version: String,
}

/// What is added to a line. Texts are empty when unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whose<'a> {
    pub(super) request: &'a str,
    pub(super) trace: &'a str,
    pub(super) version: &'a str,
    pub(super) sandbox: &'a str,
}

impl Context {
    pub(super) fn new(version: String, is_concurrent: bool) -> Self {
        Self { version, is_concurrent, ..Self::default() }
    }

    /// A snapshot was restored: whatever was known is another environment's.
    pub(super) fn restored(&mut self) {
        let version = std::mem::take(&mut self.version);
        *self = Self::new(version, self.is_concurrent);
    }

    /// Learns from a record of the platform's.
    pub(super) fn note(&mut self, kind: &str, record: &Fields<'_>) {
        let text = |name: &str| record.text(name).unwrap_or_default().into_owned();
        match kind {
            "platform.initStart" | "platform.restoreStart" => {
                // What an init says inside an invocation is said before anybody knows whose it is.
                self.has_current = false;
                let (sandbox, version) = (text("instanceId"), text("functionVersion"));
                if !sandbox.is_empty() {
                    self.sandbox = sandbox;
                }
                if !version.is_empty() {
                    self.version = version;
                }
            }
            "platform.start" => {
                let tracing = record.object("tracing").and_then(|it| it.text("value"));
                let trace = tracing.as_deref().and_then(root).unwrap_or_default().to_owned();
                self.begin(Request { id: text("requestId"), trace, version: text("version") });
            }
            _ => {}
        }
    }

    fn begin(&mut self, request: Request) {
        if request.id.is_empty() {
            return;
        }
        self.recent.retain(|it| it.id != request.id);
        let most = if self.is_concurrent { RECENT_CONCURRENT } else { RECENT };
        if self.recent.len() >= most {
            self.recent.pop_front();
        }
        self.recent.push_back(request);
        self.has_current = true;
    }

    /// Whose a line is that names this request, or none.
    pub(super) fn whose<'a>(&'a self, named: Option<&'a str>) -> Whose<'a> {
        let request = match named {
            Some(named) => self.recent.iter().find(|it| it.id == named),
            None if self.is_concurrent || !self.has_current => None,
            None => self.recent.back(),
        };
        let (id, trace, version) =
            request.map_or(("", "", ""), |it| (&*it.id, &*it.trace, &*it.version));
        Whose {
            request: named.unwrap_or(id),
            trace,
            version: if version.is_empty() { &self.version } else { version },
            sandbox: &self.sandbox,
        }
    }
}

/// The trace's id in X-Ray's header.
fn root(header: &str) -> Option<&str> {
    header.split(';').find_map(|it| it.trim().strip_prefix("Root="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(context: &mut Context, kind: &str, record: &str) {
        context.note(kind, &Fields::parse(record).unwrap());
    }

    fn started(context: &mut Context, request: &str) {
        let record = format!(
            r#"{{"requestId":"{request}","version":"8","tracing":{{"value":"Root=1-{request};Sampled=1"}}}}"#
        );
        note(context, "platform.start", &record);
    }

    #[test]
    fn a_line_is_the_last_requests_unless_it_names_another() {
        let mut context = Context::new("$LATEST".to_owned(), false);
        note(&mut context, "platform.initStart", r#"{"instanceId":"i","functionVersion":"7"}"#);
        let nobody = Whose { request: "", trace: "", version: "7", sandbox: "i" };
        assert_eq!(context.whose(None), nobody);
        started(&mut context, "a");
        started(&mut context, "b");
        let of = |request, trace| Whose { request, trace, version: "8", sandbox: "i" };
        assert_eq!(context.whose(None), of("b", "1-b"));
        assert_eq!(context.whose(Some("a")), of("a", "1-a"));
        assert_eq!(context.whose(Some("x")), Whose { request: "x", ..nobody });
        note(&mut context, "platform.initStart", r#"{"phase":"invoke"}"#);
        assert_eq!(context.whose(None), nobody);
        context.restored();
        assert_eq!(context.whose(Some("a")), Whose { request: "a", sandbox: "", ..nobody });
    }

    #[test]
    fn beside_each_other_only_lines_that_say_so_are_a_requests() {
        let mut context = Context::new("7".to_owned(), true);
        for number in 0..1_000 {
            started(&mut context, &format!("r{number}"));
        }
        assert_eq!(context.whose(None).request, "");
        assert_eq!(context.whose(Some("r998")).trace, "1-r998");
        assert_eq!(context.recent.len(), RECENT_CONCURRENT);
    }
}
