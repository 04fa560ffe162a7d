//! What is around every page: where one is, where one can go, and how one looks at it.

use std::borrow::Cow;

use askama::Template;
use axum::{
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY},
    },
    response::{IntoResponse as _, Response},
};
use overtime_wire::EpochMillis;

use super::{
    assets::{ASSETS, Assets},
    form::{self, Hidden},
    look::{Look, Refresh, Theme},
    moment::Time,
    table::without,
};
use crate::{
    api::{
        problem::Problem,
        viewer::{LOCAL, Role, Viewer},
    },
    domain::digest,
};

pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// Shown anew each time, and kept by nobody but whoever looks.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// A part of the console that has its place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Overview,
    Functions,
    Alerts,
    Incidents,
    Subscriptions,
    Silences,
    Channels,
    Deliveries,
    Coverage,
    About,
    /// Not in the navigation.
    Nowhere,
}

/// What the layout shows around a page.
#[derive(Debug, Clone)]
pub(crate) struct Frame<'a> {
    pub(crate) look: &'a Look,
    pub(crate) title: Cow<'a, str>,
    section: Section,
    /// Whether the page is shown anew by itself.
    lively: bool,
}

/// Sections as the navigation groups them.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) sections: &'static [Section],
}

const NAVIGATION: [Group; 3] = [
    Group {
        name: "Watch",
        sections: &[Section::Overview, Section::Functions, Section::Alerts, Section::Incidents],
    },
    Group {
        name: "Tell",
        sections: &[
            Section::Subscriptions,
            Section::Silences,
            Section::Channels,
            Section::Deliveries,
        ],
    },
    Group { name: "Trust", sections: &[Section::Coverage, Section::About] },
];

impl Section {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Functions => "Functions",
            Self::Alerts => "Alerts",
            Self::Incidents => "Incidents",
            Self::Subscriptions => "Subscriptions",
            Self::Silences => "Silences",
            Self::Channels => "Channels",
            Self::Deliveries => "Deliveries",
            Self::Coverage => "Coverage",
            Self::About => "About",
            Self::Nowhere => "",
        }
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Overview | Self::Nowhere => "/",
            Self::Functions => "/functions",
            Self::Alerts => "/alerts",
            Self::Incidents => "/incidents",
            Self::Subscriptions => "/subscriptions",
            Self::Silences => "/silences",
            Self::Channels => "/channels",
            Self::Deliveries => "/deliveries",
            Self::Coverage => "/coverage",
            Self::About => "/about",
        }
    }

    /// The second key that leads there, after `g`.
    pub(crate) fn key(self) -> Option<char> {
        match self {
            Self::Overview => Some('o'),
            Self::Functions => Some('f'),
            Self::Alerts => Some('a'),
            Self::Incidents => Some('i'),
            Self::Subscriptions => Some('s'),
            Self::Silences => Some('m'),
            Self::Channels => Some('c'),
            Self::Deliveries => Some('d'),
            Self::Coverage => Some('v'),
            Self::About | Self::Nowhere => None,
        }
    }
}

impl<'a> Frame<'a> {
    pub(crate) fn new(look: &'a Look, section: Section, title: impl Into<Cow<'a, str>>) -> Self {
        Self { look, title: title.into(), section, lively: true }
    }

    /// The same, never shown anew by itself: somebody is filling it in.
    #[must_use]
    pub(crate) fn still(self) -> Self {
        Self { lively: false, ..self }
    }

    /// A path of ours as a link writes it.
    pub(crate) fn href(&self, path: &str) -> String {
        self.look.base.href(path)
    }

    /// Where this page is.
    pub(crate) fn here(&self) -> String {
        self.href(&self.look.target)
    }

    /// The same page, no longer shown anew by itself, or again. What was chosen for good stays chosen.
    pub(crate) fn paused(&self, paused: bool) -> String {
        let rest = without(&self.look.target, &["refresh"]);
        let joint = if rest.contains('?') { '&' } else { '?' };
        let chosen = if paused { "off" } else { "30s" };
        self.href(&format!("{rest}{joint}refresh={chosen}"))
    }

    /// Whether the page would be shown anew if nobody had said otherwise.
    pub(crate) fn is_lively(&self) -> bool {
        self.lively
    }

    pub(crate) fn asset(&self, name: &str) -> String {
        self.href(&format!("/assets/{name}"))
    }

    /// An instant with its zone.
    pub(crate) fn time(&self, at: impl At) -> Time {
        Time::of(at.at(), self.look)
    }

    /// An instant below a heading that names the zone.
    pub(crate) fn bare_time(&self, at: impl At) -> Time {
        Time::bare(at.at(), self.look)
    }

    /// The zone that times are told in.
    pub(crate) fn zone(&self) -> &str {
        self.look.zone.name()
    }

    pub(crate) fn groups(&self) -> &'static [Group] {
        &NAVIGATION
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "a template hands over references")]
    pub(crate) fn is_in(&self, section: &Section) -> bool {
        self.section == *section
    }

    pub(crate) fn assets(&self) -> &'static Assets {
        &ASSETS
    }

    /// The hidden field that every form has.
    pub(crate) fn csrf(&self) -> Hidden<'_> {
        form::hidden(&self.look.viewer)
    }

    /// Whoever looks, where that is more than that they are at this machine.
    pub(crate) fn account(&self) -> Option<&Viewer> {
        Some(&self.look.viewer).filter(|it| !matches!(&*it.name, "" | LOCAL))
    }

    /// Whether whoever looks may silence, test and send again.
    pub(crate) fn is_operator(&self) -> bool {
        self.look.viewer.may(Role::Operator)
    }

    /// Whether whoever looks may change the configuration.
    pub(crate) fn is_admin(&self) -> bool {
        self.look.viewer.may(Role::Admin)
    }

    /// After how many seconds the page is shown anew.
    pub(crate) fn reload(&self) -> Option<u8> {
        self.look.refresh.seconds().filter(|_| self.lively)
    }

    pub(crate) fn themes(&self) -> [Theme; 3] {
        Theme::ALL
    }

    pub(crate) fn refreshes(&self) -> [Refresh; 4] {
        Refresh::ALL
    }
}

/// A page with a tag made of its bytes, or the news that the reader has it.
pub(crate) fn page(look: &Look, headers: &HeaderMap, template: &impl Template) -> Response {
    let body = match template.render() {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                target = look.target,
                "a page could not be rendered"
            );
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let etag = format!("\"{}\"", digest::hex(body.as_bytes()));
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|it| it.to_str().ok());
    // Weak comparison, as RFC 9110 asks for here: a proxy may have weakened it.
    let mut known = known.flat_map(|it| it.split(',')).map(str::trim);
    let is_known = known.any(|it| it.strip_prefix("W/").unwrap_or(it) == etag);
    let mut answer = HeaderMap::new();
    answer.insert(CACHE_CONTROL, PRIVATE);
    answer.insert(VARY, HeaderValue::from_static("cookie"));
    if let Ok(etag) = HeaderValue::try_from(etag) {
        answer.insert(ETAG, etag);
    }
    if is_known {
        return (StatusCode::NOT_MODIFIED, answer).into_response();
    }
    answer.insert(CONTENT_TYPE, HTML);
    (answer, body).into_response()
}

/// What `Problem` says, on a page.
#[derive(Debug, Template)]
#[template(path = "failure.html")]
struct Sorry<'a> {
    frame: Frame<'a>,
    status: u16,
    detail: String,
    field: Option<&'a str>,
    request: &'a str,
    /// Whether it may work when it is tried again.
    passing: bool,
}

/// A page that says what is wrong.
pub(super) fn sorry(look: &Look, problem: &Problem, request: &str) -> String {
    let status = problem.status();
    let title = match status {
        StatusCode::NOT_FOUND => "There is no such page",
        StatusCode::FORBIDDEN => "This is not for you",
        StatusCode::SERVICE_UNAVAILABLE => "The store does not answer",
        it if it.is_client_error() => "This cannot be answered",
        _ => "Something is wrong here",
    };
    let passing = problem.retry_after_s().is_some();
    let frame = Frame::new(look, Section::Nowhere, title);
    let sorry = Sorry {
        frame: if passing { frame } else { frame.still() },
        status: status.as_u16(),
        detail: problem.to_string(),
        field: problem.field(),
        request,
        passing,
    };
    sorry.render().unwrap_or_else(|_| title.to_owned())
}

/// An instant, however many references a template has put before it.
pub(crate) trait At {
    fn at(&self) -> EpochMillis;
}

impl At for EpochMillis {
    fn at(&self) -> EpochMillis {
        *self
    }
}

impl<T: At> At for &T {
    fn at(&self) -> EpochMillis {
        T::at(self)
    }
}
