//! What alerts and what was told of them are asked for by.

use overtime_wire::EpochMillis;
use utoipa::openapi::schema::Schema;

use super::{Text, Word, choose, cursor, one_of, parsed, pattern};
use crate::{
    domain::{configuration::Severity, digest},
    store::listed::Place,
};

pub(in crate::api) type AlertStateText = Text<AlertState>;
pub(in crate::api) type DeliveryIdText = Text<DeliveryId>;
pub(in crate::api) type DeliveryStatusText = Text<DeliveryStatus>;
pub(in crate::api) type EpisodeKeyText = Text<EpisodeKey>;
pub(in crate::api) type EpisodeText = Text<EpisodeName>;
pub(in crate::api) type FingerprintText = Text<Fingerprint>;
pub(in crate::api) type PlaceText = Text<Place>;
pub(in crate::api) type SeverityText = Text<Severity>;

/// How far an alert has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum AlertState {
    Pending,
    Firing,
    Silenced,
}

/// What became of a message so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum DeliveryStatus {
    Waiting,
    Claimed,
    Delivered,
    Dead,
    Suppressed,
    Digested,
}

/// A message's id, as far as it can be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) struct DeliveryId(pub(in crate::api) String);

/// An alert's lasting name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) struct Fingerprint(pub(in crate::api) String);

/// An episode's name, as messages have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) struct EpisodeName(pub(in crate::api) String);

/// All that tells an alert's episodes apart, so that one is found without looking for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) struct EpisodeKey {
    pub(in crate::api) opened: EpochMillis,
    pub(in crate::api) episode: String,
}

fn is_name(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    let plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.');
    lengths.contains(&text.len()) && text.bytes().all(plain)
}

fn is_digest(text: &str) -> bool {
    let hex = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
    text.len() == digest::LENGTH && text.bytes().all(hex)
}

impl AlertState {
    const ALL: [(&'static str, Self); 3] =
        [("pending", Self::Pending), ("firing", Self::Firing), ("silenced", Self::Silenced)];
}

impl Word for AlertState {
    const NAME: &'static str = "AlertState";

    fn read(text: &str) -> Result<Self, String> {
        choose(text, Self::ALL)
    }

    fn write(&self) -> String {
        let name = Self::ALL.iter().find(|(_, it)| it == self);
        name.map_or("", |(name, _)| name).to_owned()
    }

    fn schema() -> Schema {
        let description =
            "`pending` waits to be sure, `firing` is told, `silenced` fires and is held back.";
        one_of(description, Self::ALL.map(|(name, _)| name))
    }
}

impl DeliveryStatus {
    const ALL: [(&'static str, Self); 6] = [
        ("waiting", Self::Waiting),
        ("claimed", Self::Claimed),
        ("delivered", Self::Delivered),
        ("dead", Self::Dead),
        ("suppressed", Self::Suppressed),
        ("digested", Self::Digested),
    ];
}

impl Word for DeliveryStatus {
    const NAME: &'static str = "DeliveryStatus";

    fn read(text: &str) -> Result<Self, String> {
        choose(text, Self::ALL)
    }

    fn write(&self) -> String {
        let name = Self::ALL.iter().find(|(_, it)| it == self);
        name.map_or("", |(name, _)| name).to_owned()
    }

    fn schema() -> Schema {
        let description = "`waiting` for its time or its turn, `claimed` while it is attempted, `dead` after it was given up, \
             `suppressed` where it is not to be sent, `digested` as a line of another message.";
        one_of(description, Self::ALL.map(|(name, _)| name))
    }
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

impl Word for DeliveryId {
    const NAME: &'static str = "DeliveryId";

    fn read(text: &str) -> Result<Self, String> {
        let fits = is_name(text, 1..=300);
        fits.then(|| Self(text.to_owned())).ok_or_else(|| "is not the id of a delivery".to_owned())
    }

    fn write(&self) -> String {
        self.0.clone()
    }

    fn schema() -> Schema {
        pattern("Names a message through every attempt.", "^[A-Za-z0-9_.-]{1,300}$")
    }
}

impl Word for Fingerprint {
    const NAME: &'static str = "Fingerprint";

    fn read(text: &str) -> Result<Self, String> {
        let fits = is_digest(text);
        fits.then(|| Self(text.to_owned())).ok_or_else(|| "is not 32 hexadecimal digits".to_owned())
    }

    fn write(&self) -> String {
        self.0.clone()
    }

    fn schema() -> Schema {
        pattern("An alert's lasting name: one for each subscription and group.", "^[0-9a-f]{32}$")
    }
}

impl Word for EpisodeName {
    const NAME: &'static str = "EpisodeName";

    fn read(text: &str) -> Result<Self, String> {
        let fits = is_name(text, 1..=128);
        fits.then(|| Self(text.to_owned()))
            .ok_or_else(|| "is not the name of an episode".to_owned())
    }

    fn write(&self) -> String {
        self.0.clone()
    }

    fn schema() -> Schema {
        pattern("An episode's name, as messages have it.", "^[A-Za-z0-9_.-]{1,128}$")
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
