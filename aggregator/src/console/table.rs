//! What is around a list: headings that sort it, the way to its other parts, and the same as CSV and JSON.
//!
//! All of it is links, made from the address that was asked for; what the list's own parameters are is known by the API's type of
//! them, so that the exports say exactly what the page shows.

use std::fmt;

use askama::filters::HtmlSafe;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::look::Look;
use crate::api::{parameters, problem::Problem};

/// A page is for reading; whoever wants all asks for more, or for the file.
pub(super) const ROWS: u16 = 50;
pub(super) const ROWS_TEXT: &str = "50";

/// A list's address, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Listing<'a> {
    look: &'a Look,
    /// Where the API has the same, without query.
    api: String,
    /// The list's own parameters, as they were given.
    known: Vec<(String, String)>,
    /// What the page asks beside them, for the exports to be what it shows.
    implied: Vec<(&'static str, &'static str)>,
}

/// A heading that sorts.
#[derive(Debug)]
pub(crate) struct Heading {
    label: &'static str,
    href: String,
    /// How the list is sorted by it now.
    direction: Option<Direction>,
    numeric: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Upwards,
    Downwards,
}

/// What a page is asked for, by the type of the API's own parameters; what that does not know is the page's business.
pub(crate) fn asked<Q: DeserializeOwned + IntoParams>(look: &Look) -> Result<Q, Problem> {
    parameters::read(&write(&known::<Q>(look)))
}

fn known<Q: IntoParams>(look: &Look) -> Vec<(String, String)> {
    let names = Q::into_params(|| None);
    let pairs = form_urlencoded::parse(look.query().as_bytes()).into_owned();
    // An empty field of a form that filters is a filter that was not set.
    pairs
        .filter(|(name, value)| !value.is_empty() && names.iter().any(|it| it.name == *name))
        .collect()
}

impl<'a> Listing<'a> {
    /// The list of a page, and the path under which the API has it.
    pub(crate) fn new<Q: IntoParams>(look: &'a Look, api: impl Into<String>) -> Self {
        Self { look, api: api.into(), known: known::<Q>(look), implied: Vec::new() }
    }

    /// The same, of a page that asks for this itself where nobody else does.
    #[must_use]
    pub(crate) fn implying(mut self, name: &'static str, value: &'static str) -> Self {
        self.implied.push((name, value));
        self
    }

    /// The value of a parameter, for the field of a form that filters.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.known.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value)
    }

    /// Whether anything narrows the list.
    pub(crate) fn is_filtered(&self) -> bool {
        let beside = ["sort", "order", "limit", "cursor", "from", "to", "step"];
        self.known.iter().any(|(name, _)| !beside.contains(&name.as_str()))
    }

    /// Whether anything does, or a time.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.is_filtered() || !self.value("from").is_empty() || !self.value("to").is_empty()
    }

    /// What narrows the list, each with the link to the list without it.
    pub(crate) fn filters(&self) -> Vec<(String, String)> {
        let beside = ["sort", "order", "limit", "cursor"];
        let narrow = self.known.iter().filter(|(name, _)| !beside.contains(&name.as_str()));
        narrow
            .map(|(name, value)| {
                let rest = self.known.iter().filter(|it| *it != &(name.clone(), value.clone()));
                let rest: Vec<_> = rest.filter(|(it, _)| it != "cursor").cloned().collect();
                (format!("{name} {value}"), self.page(&rest))
            })
            .collect()
    }

    /// The whole list.
    pub(crate) fn unfiltered(&self) -> String {
        self.look.base.href(self.look.path())
    }

    pub(crate) fn csv(&self) -> String {
        self.export(".csv")
    }

    pub(crate) fn json(&self) -> String {
        self.export("")
    }

    fn export(&self, suffix: &str) -> String {
        let is_said = |name: &str| self.known.iter().any(|(it, _)| it == name);
        let implied = self.implied.iter().filter(|(name, _)| !is_said(name));
        let implied = implied.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let all: Vec<_> = self.known.iter().cloned().chain(implied).collect();
        self.look.base.href(&joined(&format!("{}{suffix}", self.api), &write(&all)))
    }

    /// The part that follows.
    pub(crate) fn next(&self, cursor: Option<&str>) -> Option<String> {
        Some(self.with(&[("cursor", cursor?)]))
    }

    /// The first part, where this is another.
    pub(crate) fn first(&self) -> Option<String> {
        (!self.value("cursor").is_empty()).then(|| self.with(&[]))
    }

    /// The same list with these parameters, from its beginning. What is empty is not said.
    pub(crate) fn with(&self, others: &[(&str, &str)]) -> String {
        let replaced = |name: &str| name == "cursor" || others.iter().any(|(it, _)| *it == name);
        let kept = self.known.iter().filter(|(name, _)| !replaced(name)).cloned();
        let others = others.iter().filter(|(_, value)| !value.is_empty());
        let others = others.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.page(&kept.chain(others).collect::<Vec<_>>())
    }

    /// A heading that sorts by `sort`; `current` is how the list is sorted now. A second click turns the order round.
    pub(crate) fn heading(
        &self,
        (label, sort): (&'static str, &str),
        current: (&str, Direction),
    ) -> Heading {
        let direction = (current.0 == sort).then_some(current.1);
        let is_text = matches!(sort, "name");
        let first = if is_text { "asc" } else { "desc" };
        let turned = match direction {
            Some(Direction::Upwards) => "desc",
            Some(Direction::Downwards) => "asc",
            None => first,
        };
        let href = self.with(&[("sort", sort), ("order", turned)]);
        Heading { label, href, direction, numeric: !is_text }
    }

    fn page(&self, pairs: &[(String, String)]) -> String {
        let beside = ["tz", "refresh"];
        let query = form_urlencoded::parse(self.look.query().as_bytes()).into_owned();
        let beside = query.filter(|(name, _)| beside.contains(&name.as_str()));
        let all: Vec<_> = pairs.iter().cloned().chain(beside).collect();
        self.look.base.href(&joined(self.look.path(), &write(&all)))
    }
}

impl fmt::Display for Heading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, href, direction, numeric } = self;
        let class = if *numeric { r#" class="num""# } else { "" };
        let sorted = match direction {
            Some(Direction::Upwards) => r#" aria-sort="ascending""#,
            Some(Direction::Downwards) => r#" aria-sort="descending""#,
            None => "",
        };
        // What a query is written of needs no escaping but for what separates its parts.
        let href = href.replace('&', "&amp;");
        write!(
            f,
            r#"<th scope="col"{class}{sorted}><a class="sort" href="{href}">{label}</a></th>"#
        )
    }
}

impl HtmlSafe for Heading {}

/// An address without these parameters.
pub(super) fn without(target: &str, names: &[&str]) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
    let kept: Vec<_> = pairs.filter(|(name, _)| !names.contains(&name.as_str())).collect();
    joined(path, &write(&kept))
}

fn write(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn joined(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests;
