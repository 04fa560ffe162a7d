//! What is remembered of an episode beyond its alert: that it opened, and how it ended.

use overtime_wire::EpochMillis;

use super::{News, desk::Desk};
use crate::domain::{
    alert::{
        Ending, Episode, Observation, Remembered, Rule, Transition, fingerprint, news::describe,
    },
    notification,
};

impl Desk<'_> {
    /// The episode that a transition opens or ends.
    pub(super) fn remember(&self, transition: &Transition, news: &News) -> Option<Remembered> {
        let (episode, ending) = match transition {
            Transition::Opened(episode) => (episode, None),
            Transition::Resolved(episode, ending) => (episode, Some(*ending)),
            Transition::Corrected(_) => return None,
        };
        let name = (fingerprint(self.rule, self.seen.function), self.seen.function);
        let described = news.subscription.clone().unwrap_or_else(|| describe(self.subscription));
        let own = self.subscription.channels.iter().map(ToString::to_string);
        let channels = own.chain(news.channels.iter().cloned());
        let remembered = Remembered::of(name, described, episode, channels);
        Some(match ending {
            Some(ending) => remembered.ended(self.seen.at, ending, news.openings > 0),
            None => remembered,
        })
    }
}

/// The episode of an alert that nobody asks for any more.
pub(super) fn unsubscribed(
    (rule, news): (&Rule, &News),
    subscription: notification::Subscription,
    episode: &Episode,
    seen: &Observation<'_>,
) -> Remembered {
    let name = (fingerprint(rule, seen.function), seen.function);
    let channels = news.channels.iter().cloned();
    let at: EpochMillis = seen.at;
    Remembered::of(name, subscription, episode, channels).ended(
        at,
        Ending::Unsubscribed,
        news.openings > 0,
    )
}
