//! What somebody may do, and who may: roles, and the patterns of whom they are granted to.
//!
//! Roles are ordered; each may do what those below it may:
//!
//! | role | may |
//! |---|---|
//! | `viewer` | look at everything but the ends of logs, and try what a draft would have told |
//! | `operator` | read the ends of logs; write and end silences, test a channel, send a message again |
//! | `admin` | change subscriptions, channels and the rest of the configuration, and bring in an inventory |

use std::{fmt, str::FromStr};

use wildmatch::WildMatch;

use super::configuration::Kind;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Viewer,
    Operator,
    Admin,
}

/// Why a text is no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not viewer, operator or admin")]
pub struct NoRole;

impl Role {
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Who may change things of that kind.
    pub fn that_changes(kind: Kind) -> Self {
        match kind {
            Kind::Silence => Self::Operator,
            Kind::Subscription | Kind::Channel => Self::Admin,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = NoRole;

    fn from_str(text: &str) -> Result<Self, NoRole> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or(NoRole)
    }
}

/// Whom each role is granted to: patterns of a group, an address or an ARN, `*` standing for any letters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    pub viewers: Vec<String>,
    pub operators: Vec<String>,
    pub admins: Vec<String>,
}

impl Grants {
    /// Whether nothing is granted to anybody.
    pub fn is_empty(&self) -> bool {
        [&self.viewers, &self.operators, &self.admins].iter().all(|it| it.is_empty())
    }

    /// The highest role that is granted to anything that somebody is said to be. `None`: they may not even look.
    pub fn of<'a>(&self, said: impl IntoIterator<Item = &'a str> + Clone) -> Option<Role> {
        let granted = |patterns: &[String]| {
            let any = |it: &str| patterns.iter().any(|pattern| WildMatch::new(pattern).matches(it));
            said.clone().into_iter().any(any)
        };
        let by_role = |role: &Role| match role {
            Role::Viewer => granted(&self.viewers),
            Role::Operator => granted(&self.operators),
            Role::Admin => granted(&self.admins),
        };
        Role::ALL.into_iter().rev().find(by_role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_as_they_are_written() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        for text in ["", "Admin", "root"] {
            assert_eq!(text.parse::<Role>(), Err(NoRole), "{text}");
        }
    }

    #[track_caller]
    fn check(said: &[&str], expected: Option<Role>) {
        let texts = |them: &[&str]| them.iter().map(|it| (*it).to_owned()).collect();
        let grants = Grants {
            viewers: texts(&["*@example.com"]),
            operators: texts(&["on-call", "arn:aws:sts::111122223333:assumed-role/OnCall/*"]),
            admins: texts(&["platform"]),
        };
        assert_eq!(grants.of(said.iter().copied()), expected, "{said:?}");
    }

    #[test]
    fn the_highest_role_that_is_granted_is_the_one() {
        check(&["anna@example.com"], Some(Role::Viewer));
        check(&["anna@example.com", "platform", "on-call"], Some(Role::Admin));
        check(&["arn:aws:sts::111122223333:assumed-role/OnCall/anna"], Some(Role::Operator));
    }

    #[test]
    fn who_is_granted_nothing_is_nobody() {
        check(&[], None);
        check(&["Platform", "platforms", "anna@example.com.evil.example"], None);
        check(&["arn:aws:sts::444455556666:assumed-role/OnCall/anna"], None);
        assert!(Grants::default().is_empty());
        assert_eq!(Grants::default().of(["platform"]), None);
    }
}
