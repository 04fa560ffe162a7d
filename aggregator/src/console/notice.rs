//! What a page says of what was just done: in the address that it was led to, so that reloading does nothing twice.

use axum::{
    http::StatusCode,
    http::header::LOCATION,
    response::{IntoResponse as _, Response},
};

use super::look::Look;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    Created,
    Saved,
    Deleted,
    Tested,
    Forgotten,
    Silenced,
    Ended,
    Extended,
    Replayed,
}

const NAME: &str = "notice";

impl Notice {
    const ALL: [Self; 9] = [
        Self::Created,
        Self::Saved,
        Self::Deleted,
        Self::Tested,
        Self::Forgotten,
        Self::Silenced,
        Self::Ended,
        Self::Extended,
        Self::Replayed,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Saved => "saved",
            Self::Deleted => "deleted",
            Self::Tested => "tested",
            Self::Forgotten => "forgotten",
            Self::Silenced => "silenced",
            Self::Ended => "ended",
            Self::Extended => "extended",
            Self::Replayed => "replayed",
        }
    }

    /// In words.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Created => "It is made, and holds from now on.",
            Self::Saved => "It is saved, and holds from now on.",
            Self::Deleted => "It is deleted.",
            Self::Tested => "A test is on its way; what becomes of it is shown below.",
            Self::Forgotten => "The inventory is forgotten.",
            Self::Silenced => {
                "The silence is made. What it holds back is recorded, and told when it ends if it still goes on."
            }
            Self::Ended => {
                "The silence is over. What it held back and still goes on is told within a minute."
            }
            Self::Extended => "The silence lasts longer now.",
            Self::Replayed => "The message is due again; what becomes of it is shown below.",
        }
    }

    /// What the address of a page says.
    pub(crate) fn of(look: &Look) -> Option<Self> {
        let said = form_urlencoded::parse(look.query().as_bytes()).find(|(it, _)| it == NAME)?;
        Self::ALL.into_iter().find(|it| it.word() == said.1)
    }
}

/// Leads to a page that says so.
pub(crate) fn see(look: &Look, path: &str, notice: Notice) -> Response {
    let separator = if path.contains('?') { '&' } else { '?' };
    let to = look.base.href(&format!("{path}{separator}{NAME}={}", notice.word()));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}
