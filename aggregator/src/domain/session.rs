//! A session: who signed in, as what, since when, and when it was last used.
//!
//! It lies with the browser, sealed, so that every process that has the key knows it. Whoever signed in with a token
//! is what that token is worth now, so that taking the token away ends the session; whoever came from a provider keeps the role that
//! they came with, until the session is over.
//!
//! **Invariant.** A session is over by itself: so long after it was last used, and so long after it began however it is used.

use std::time::Duration;

use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};

use super::role::Role;

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// After its last use.
    pub idle: Duration,
    /// After its beginning.
    pub whole: Duration,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    #[serde(rename = "n")]
    pub name: String,
    #[serde(rename = "r")]
    pub right: Right,
    #[serde(rename = "b")]
    began_ms: i64,
    #[serde(rename = "u")]
    used_ms: i64,
    /// What its forms must hold.
    #[serde(rename = "c")]
    pub csrf: String,
}

/// What a session's role comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    Viewer,
    Operator,
    Admin,
    /// The mark of a token.
    Token(String),
}

/// What becomes of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Good,
    /// Good, and it is time to write down that it is in use.
    Renew,
    Over,
}

/// How exactly the last use is known: each time it is written down, the browser is sent a cookie.
const EXACTLY: Duration = Duration::from_mins(1);

impl From<Role> for Right {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Operator => Self::Operator,
            Role::Admin => Self::Admin,
        }
    }
}

impl Session {
    pub fn begin(name: impl Into<String>, right: Right, csrf: String, now: EpochMillis) -> Self {
        Self { name: name.into(), right, began_ms: now.0, used_ms: now.0, csrf }
    }

    pub fn standing(&self, lifetime: Lifetime, now: EpochMillis) -> Standing {
        let age = now.since(EpochMillis(self.began_ms));
        let unused = now.since(EpochMillis(self.used_ms));
        // A short time of idleness is known as exactly as it matters.
        let exactly = EXACTLY.min(lifetime.idle / 4);
        if age >= lifetime.whole || unused >= lifetime.idle {
            Standing::Over
        } else if unused >= exactly {
            Standing::Renew
        } else {
            Standing::Good
        }
    }

    /// The same, in use.
    #[must_use]
    pub fn used(self, now: EpochMillis) -> Self {
        Self { used_ms: now.0, ..self }
    }

    /// How long it can last at most.
    pub fn left(&self, lifetime: Lifetime, now: EpochMillis) -> Duration {
        lifetime.whole.saturating_sub(now.since(EpochMillis(self.began_ms)))
    }

    pub fn write(&self) -> Vec<u8> {
        // A struct of texts and numbers can be written; if not, it is nobody's session.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Lifetime =
        Lifetime { idle: Duration::from_hours(1), whole: Duration::from_hours(12) };

    fn at(minutes: i64) -> EpochMillis {
        EpochMillis(1_793_491_200_000 + minutes * 60_000)
    }

    fn session() -> Session {
        Session::begin("anna", Right::Operator, "csrf".to_owned(), at(0))
    }

    #[test]
    fn a_session_is_over_when_nobody_uses_it() {
        assert_eq!(session().standing(LIFETIME, at(0)), Standing::Good);
        assert_eq!(session().standing(LIFETIME, at(1)), Standing::Renew);
        assert_eq!(session().standing(LIFETIME, at(59)), Standing::Renew);
        assert_eq!(session().standing(LIFETIME, at(60)), Standing::Over);
        let used = session().used(at(59));
        assert_eq!(used.standing(LIFETIME, at(59)), Standing::Good);
        assert_eq!(used.standing(LIFETIME, at(118)), Standing::Renew);
        assert_eq!(used.standing(LIFETIME, at(119)), Standing::Over);
    }

    #[test]
    fn a_session_is_over_in_the_end_however_it_is_used() {
        let used = session().used(at(719));
        assert_eq!(used.standing(LIFETIME, at(719)), Standing::Good);
        assert_eq!(used.left(LIFETIME, at(719)), Duration::from_mins(1));
        assert_eq!(used.standing(LIFETIME, at(720)), Standing::Over);
        assert_eq!(used.left(LIFETIME, at(721)), Duration::ZERO);
    }

    #[test]
    fn a_short_session_is_renewed_before_it_is_over() {
        let short = Lifetime { idle: Duration::from_secs(8), whole: Duration::from_hours(1) };
        let after = |seconds: i64| EpochMillis(at(0).0 + seconds * 1_000);
        assert_eq!(session().standing(short, after(1)), Standing::Good);
        assert_eq!(session().standing(short, after(2)), Standing::Renew);
        assert_eq!(session().standing(short, after(8)), Standing::Over);
    }

    #[test]
    fn a_session_is_read_as_it_was_written() {
        for right in [Right::Viewer, Right::Admin, Right::Token("0123abcd".to_owned())] {
            let session = Session { right, ..session() };
            assert_eq!(Session::read(&session.write()), Some(session));
        }
        assert_eq!(Session::read(b"{}"), None);
    }
}
