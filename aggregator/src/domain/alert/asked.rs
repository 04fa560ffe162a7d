//! How much of a function's past its subscriptions ask for, so that nothing is read that nobody asks for.

use std::time::Duration;

use overtime_wire::FunctionKey;

use super::{Opens, condition::row_within};
use crate::domain::configuration::Configuration;

/// How far back conditions ask beyond what is read in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// Block views.
    pub views: Duration,
    /// Hours.
    pub hours: Duration,
    /// Claims, whole: of blocks that have timeouts.
    pub claims: Duration,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looking {
    /// Tallies alone: they open nothing that is about timeouts.
    Tallies,
    /// Timeouts, where the longest lasted so long.
    Timeouts(Duration),
}

impl Asked {
    /// What the subscriptions that may be about a function ask for. Its tags may not be known yet: what is read in vain does no harm.
    pub fn of(configuration: &Configuration, function: &FunctionKey, at: Looking) -> Self {
        let subscriptions = configuration.subscriptions.iter().map(|it| &it.value);
        let concerned = subscriptions.filter(|it| it.enabled && it.scope.may_cover(function));
        concerned.map(Opens::of).fold(Self::default(), |all, it| all.max(it.asks(at)))
    }

    fn max(self, other: Self) -> Self {
        Self {
            views: self.views.max(other.views),
            hours: self.hours.max(other.hours),
            claims: self.claims.max(other.claims),
        }
    }
}

impl Opens {
    /// How far back it asks.
    pub fn asks(self, at: Looking) -> Asked {
        let nothing = Asked::default();
        let timeout = match at {
            Looking::Timeouts(longest) => longest,
            Looking::Tallies => {
                let Self::Level(level) = self else { return nothing };
                let views = level.looks_back(Duration::ZERO);
                return if level.is_about_timeouts() {
                    nothing
                } else {
                    Asked { views, ..nothing }
                };
            }
        };
        match self {
            Self::AnyTimeout | Self::Silence { .. } => nothing,
            Self::TimeoutCount { window, .. } => Asked { views: window, ..nothing },
            Self::NewOffender { quiet_for } => Asked { hours: quiet_for, ..nothing },
            Self::InARow { count } => {
                let within = row_within(u64::try_from(count).unwrap_or(u64::MAX), timeout);
                Asked { views: within, claims: within, ..nothing }
            }
            Self::Level(level) => Asked { views: level.looks_back(timeout), ..nothing },
        }
    }
}
