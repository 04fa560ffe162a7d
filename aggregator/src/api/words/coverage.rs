//! What coverage is asked for by.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use overtime_wire::FunctionKey;
use utoipa::openapi::schema::Schema;

use super::{Text, Word, choose, cursor, one_of, pattern};
use crate::domain::{
    configuration::Span,
    coverage::{Finding, State},
};

pub(crate) type CoverageStateText = Text<State>;
pub(crate) type CoverageCursorText = Text<CoverageCursor>;
pub(crate) type SpanText = Text<Span>;

/// A place in the list: the last function of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CoverageCursor {
    function: FunctionKey,
    edge: bool,
}

impl CoverageCursor {
    pub(crate) fn of(finding: &Finding) -> Self {
        Self { function: finding.function.clone(), edge: finding.edge }
    }

    pub(crate) fn lies_before(&self, finding: &Finding) -> bool {
        (&self.function, self.edge) < (&finding.function, finding.edge)
    }
}

impl Word for CoverageCursor {
    const NAME: &'static str = "CoverageCursor";

    fn read(text: &str) -> Result<Self, String> {
        let read = || {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let &[account, region, name, edge] = &text.split('#').collect::<Vec<_>>()[..] else {
                return None;
            };
            let (account, region) = (account.parse().ok()?, region.parse().ok()?);
            let function = FunctionKey { account, region, name: name.parse().ok()? };
            ["", "e"].contains(&edge).then(|| Self { function, edge: edge == "e" })
        };
        read().ok_or_else(|| "is not what `next` of a page said".to_owned())
    }

    fn write(&self) -> String {
        let FunctionKey { account, region, name } = &self.function;
        let edge = if self.edge { "e" } else { "" };
        BASE64_URL_SAFE_NO_PAD.encode(format!("{account}#{region}#{name}#{edge}"))
    }

    fn schema() -> Schema {
        cursor()
    }
}

impl Word for State {
    const NAME: &'static str = "CoverageState";

    fn read(text: &str) -> Result<Self, String> {
        choose(text, Self::ALL.map(|it| (it.as_str(), it)))
    }

    fn write(&self) -> String {
        self.as_str().to_owned()
    }

    fn schema() -> Schema {
        one_of("How a function stands, worst first.", Self::ALL.map(Self::as_str))
    }
}

/// A function that was heard of within the hour may be one that is called once an hour; what lies a month back is nobody's today.
impl Word for Span {
    const NAME: &'static str = "SilenceSpan";

    fn read(text: &str) -> Result<Self, String> {
        let span: Self = text.parse().map_err(|why| format!("{why}"))?;
        let range = Self::from_hours(1)..=Self::from_hours(30 * 24);
        let fits = range.contains(&span);
        fits.then_some(span).ok_or_else(|| "is not between 1h and 30d".to_owned())
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        // Narrower than what is read, so that everything that it admits is: hours of a month, or its days.
        let hours = "([1-9]|[1-9][0-9]|[1-6][0-9][0-9]|7[01][0-9]|720)h";
        pattern("A span of time: 6h, 24h, 7d.", &format!("^({hours}|([1-9]|[12][0-9]|30)d)$"))
    }
}
