//! What configuration is asked for by.

use utoipa::openapi::schema::Schema;

use super::{Text, Word, choose, one_of, parsed, pattern};
use crate::{
    domain::configuration::{Id, SilenceState},
    store::audit::Place,
};

pub(crate) type AuditCursorText = Text<Place>;
pub(crate) type Flag = Text<bool>;
pub(crate) type IdText = Text<Id>;
pub(crate) type StateText = Text<SilenceState>;

impl Word for Id {
    const NAME: &'static str = "Id";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|why| format!("{why}"))
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        pattern("What it is called by.", "^[a-z0-9-]{1,64}$")
    }
}

impl Word for SilenceState {
    const NAME: &'static str = "SilenceState";

    fn read(text: &str) -> Result<Self, String> {
        parsed(text)
    }

    fn write(&self) -> String {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Expired => "expired",
        }
        .to_owned()
    }

    fn schema() -> Schema {
        one_of("Where a silence is in its life.", ["pending", "active", "expired"])
    }
}

impl Word for Place {
    const NAME: &'static str = "AuditCursor";

    fn read(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-').filter(|(revision, part)| {
            let plain = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
            plain(revision)
                && plain(part)
                && (1..=12).contains(&revision.len())
                && (1..=16).contains(&part.len())
        });
        let place = parts.and_then(|(revision, part)| {
            Some(Self { revision: revision.parse().ok()?, part: part.parse().ok()? })
        });
        place.ok_or_else(|| "is not what `next` of a page said".to_owned())
    }

    fn write(&self) -> String {
        format!("{}-{}", self.revision, self.part)
    }

    fn schema() -> Schema {
        pattern(
            "Where the next page begins, as `next` of a page said it.",
            "^[0-9]{1,12}-[0-9]{1,16}$",
        )
    }
}

impl Word for bool {
    const NAME: &'static str = "Flag";

    fn read(text: &str) -> Result<Self, String> {
        choose(text, [("true", true), ("false", false)])
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        one_of("Whether.", ["true", "false"])
    }
}
