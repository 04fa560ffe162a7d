//! What alerts and what was told of them are asked for by.

use overtime_wire::EpochMillis;
use utoipa::openapi::schema::Schema;

use super::{Text, Word, choose, cursor, one_of, parsed, pattern};
use crate::{
    domain::{configuration::Severity, digest},
    store::listed::Place,
};

pub(crate) type AlertStateText = Text<AlertState>;
pub(crate) type ConditionText = Text<ConditionName>;
pub(crate) type DeliveryIdText = Text<DeliveryId>;
pub(crate) type DeliveryStatusText = Text<DeliveryStatus>;
pub(crate) type EpisodeKeyText = Text<EpisodeKey>;
pub(crate) type EpisodeText = Text<EpisodeName>;
pub(crate) type FingerprintText = Text<Fingerprint>;
pub(crate) type PlaceText = Text<Place>;
pub(crate) type SeverityText = Text<Severity>;

/// Declares one of some words.
macro_rules! choices {
    ($(
        $(#[$doc:meta])*
        $name:ident, described as $described:literal {
            $($word:literal => $variant:ident,)+
        }
    )+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name {
            $($variant,)+
        }

        impl $name {
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)+];

            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl Word for $name {
            const NAME: &'static str = stringify!($name);

            fn read(text: &str) -> Result<Self, String> {
                choose(text, Self::ALL.iter().map(|it| (it.as_str(), *it)))
            }

            fn write(&self) -> String {
                self.as_str().to_owned()
            }

            fn schema() -> Schema {
                one_of($described, Self::ALL.iter().map(|it| it.as_str()))
            }
        }
    )+};
}

choices! {
    /// How far an alert has got.
    AlertState, described as
        "`pending` waits to be sure, `firing` is told, `silenced` fires and is held back."
    {
        "pending" => Pending,
        "firing" => Firing,
        "silenced" => Silenced,
    }

    /// What became of a message so far.
    DeliveryStatus, described as
        "`waiting` for its time or its turn, `claimed` while it is attempted, `dead` after it was given up, `suppressed` where it is \
         not to be sent, `digested` as a line of another message."
    {
        "waiting" => Waiting,
        "claimed" => Claimed,
        "delivered" => Delivered,
        "dead" => Dead,
        "suppressed" => Suppressed,
        "digested" => Digested,
    }

    /// The name of a subscription's condition.
    ConditionName, described as "What opens the alerts of a subscription." {
        "any_timeout" => AnyTimeout,
        "timeout_count" => TimeoutCount,
        "timeout_rate" => TimeoutRate,
        "near_timeout" => NearTimeout,
        "new_offender" => NewOffender,
        "consecutive" => Consecutive,
        "fleet_incident" => FleetIncident,
        "no_signal" => NoSignal,
    }
}

/// Declares a name that is not taken apart.
macro_rules! names {
    ($(
        $(#[$doc:meta])*
        $name:ident if $fits:expr, described as $described:literal, $pattern:literal, else $why:literal;
    )+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) String);

        impl Word for $name {
            const NAME: &'static str = stringify!($name);

            fn read(text: &str) -> Result<Self, String> {
                let fits = $fits;
                if fits(text) { Ok(Self(text.to_owned())) } else { Err($why.to_owned()) }
            }

            fn write(&self) -> String {
                self.0.clone()
            }

            fn schema() -> Schema {
                pattern($described, $pattern)
            }
        }
    )+};
}

names! {
    /// A message's id, as far as it can be one.
    DeliveryId if |it: &str| is_name(it, 1..=300),
        described as "Names a message through every attempt.", "^[A-Za-z0-9_.-]{1,300}$",
        else "is not the id of a delivery";

    /// An alert's lasting name.
    Fingerprint if is_digest,
        described as "An alert's lasting name: one for each subscription and group.", "^[0-9a-f]{32}$",
        else "is not 32 hexadecimal digits";

    /// An episode's name, as messages have it.
    EpisodeName if |it: &str| is_name(it, 1..=128),
        described as "An episode's name, as messages have it.", "^[A-Za-z0-9_.-]{1,128}$",
        else "is not the name of an episode";
}

/// All that tells an alert's episodes apart, so that one is found without looking for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EpisodeKey {
    pub(crate) opened: EpochMillis,
    pub(crate) episode: String,
}

fn is_name(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    let plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.');
    lengths.contains(&text.len()) && text.bytes().all(plain)
}

fn is_digest(text: &str) -> bool {
    let hex = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
    text.len() == digest::LENGTH && text.bytes().all(hex)
}

impl Word for Severity {
    const NAME: &'static str = "SeverityWord";

    fn read(text: &str) -> Result<Self, String> {
        parsed(text)
    }

    fn write(&self) -> String {
        self.as_str().to_owned()
    }

    fn schema() -> Schema {
        one_of("How bad it is.", Self::ALL.map(Self::as_str))
    }
}

impl Word for EpisodeKey {
    const NAME: &'static str = "EpisodeKey";

    fn read(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-').and_then(|(opened, episode)| {
            let plain =
                (1..=13).contains(&opened.len()) && opened.bytes().all(|it| it.is_ascii_digit());
            let opened = opened.parse().ok().filter(|_| plain)?;
            Some(Self { opened: EpochMillis(opened), episode: episode.to_owned() })
        });
        parts
            .filter(|it| is_digest(&it.episode))
            .ok_or_else(|| "is not the id of an episode".to_owned())
    }

    fn write(&self) -> String {
        format!("{}-{}", self.opened.0, self.episode)
    }

    fn schema() -> Schema {
        pattern(
            "Names an episode: when it opened, and what messages call it.",
            "^[0-9]{1,13}-[0-9a-f]{32}$",
        )
    }
}

impl Word for Place {
    const NAME: &'static str = "Place";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|why| format!("{why}"))
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        cursor()
    }
}
