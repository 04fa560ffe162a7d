//! What a delivery is called, and what that says: `msg_EPISODE_TRANSITION_CHANNEL`.
//!
//! Whoever composes a transition of an episode for a channel gives it the same name, so receivers tell copies by it, and nobody has to
//! look anything up to know which deliveries belong together: those of one episode to one channel share a **lane**, in which
//! they keep their order.
//!
//! **Invariant.** An id that was not made here is a lane of its own; nothing about it is guessed.

use crate::domain::configuration::ENVIRONMENT;

const PREFIX: &str = "msg_";
/// The transition of what is no transition: messages put together.
pub const DIGEST: &str = "digest";

/// A delivery's id, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryId<'a> {
    pub episode: &'a str,
    /// `firing`, `update-2`, `resolved`: the transition, and which one where there can be several.
    pub transition: &'a str,
    pub channel: &'a str,
}

/// Where in its lane a delivery has its place, besides its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    First,
    Between,
    Last,
}

impl<'a> DeliveryId<'a> {
    pub fn parse(id: &'a str) -> Option<Self> {
        let (episode, rest) = id.strip_prefix(PREFIX)?.split_once('_')?;
        let (transition, channel) = rest.split_once('_').unwrap_or((rest, ENVIRONMENT));
        let whole =
            [episode, transition, channel].iter().all(|it| !it.is_empty() && !it.contains('#'));
        whole.then_some(Self { episode, transition, channel })
    }

    /// What an episode's transition is called on its way to `channel`.
    pub fn compose(episode: &str, transition: &str, channel: &str) -> String {
        if channel == ENVIRONMENT {
            return format!("{PREFIX}{episode}_{transition}");
        }
        format!("{PREFIX}{episode}_{transition}_{channel}")
    }

    /// The same transition on its way to another channel.
    pub fn towards(&self, channel: &str) -> String {
        Self::compose(self.episode, self.transition, channel)
    }

    /// The transition without its number.
    pub fn word(&self) -> &'a str {
        let end = self.transition.find(|it: char| !it.is_ascii_alphabetic());
        &self.transition[..end.unwrap_or(self.transition.len())]
    }

    /// Whether it is what there was no room for, put together.
    pub fn is_digest(&self) -> bool {
        self.transition == DIGEST
    }

    pub fn turn(&self) -> Turn {
        match self.word() {
            "firing" => Turn::First,
            "resolved" => Turn::Last,
            _ => Turn::Between,
        }
    }

    /// What is shared by all deliveries that must keep their order.
    pub fn lane(&self) -> String {
        format!("{}#{}", self.episode, self.channel)
    }
}

/// The lane that a delivery is in.
pub fn lane(id: &str) -> String {
    DeliveryId::parse(id).map_or_else(|| format!("{id}#"), |it| it.lane())
}

/// Whether it is what there was no room for, put together.
pub fn is_digest(id: &str) -> bool {
    DeliveryId::parse(id).is_some_and(|it| it.is_digest())
}

/// Where in its lane it has its place.
pub fn turn(id: &str) -> Turn {
    DeliveryId::parse(id).map_or(Turn::Between, |it| it.turn())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_what_it_is_about() {
        let id = DeliveryId::parse("msg_f765_update-2_team-a").unwrap();
        assert_eq!((id.episode, id.transition, id.channel), ("f765", "update-2", "team-a"));
        assert_eq!((id.word(), id.turn()), ("update", Turn::Between));
        assert_eq!(id.lane(), "f765#team-a");
        assert_eq!(id.towards("ops"), "msg_f765_update-2_ops");
        assert_eq!(id.towards(ENVIRONMENT), "msg_f765_update-2");
        assert_eq!(DeliveryId::parse("msg_f765_repeat3").unwrap().word(), "repeat");
    }

    #[test]
    fn deliveries_of_an_episode_to_a_channel_share_a_lane_and_keep_their_turn() {
        let ids = ["msg_f765_firing", "msg_f765_update-1", "msg_f765_resolved"];
        assert!(ids.iter().all(|it| lane(it) == "f765#environment"));
        assert!(ids.windows(2).all(|it| turn(it[0]) < turn(it[1])));
        assert_ne!(lane("msg_f765_firing_ops"), lane("msg_f765_firing"));
    }

    #[test]
    fn an_id_that_is_not_ours_is_alone() {
        for id in ["", "msg_1", "msg__firing", "msg_a_", "x", "msg_a#b_firing"] {
            assert_eq!(DeliveryId::parse(id), None, "{id}");
            assert_eq!(lane(id), format!("{id}#"));
        }
    }
}
