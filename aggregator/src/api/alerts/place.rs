//! Where a page of open alerts ended.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use overtime_wire::FunctionKey;
use utoipa::openapi::schema::Schema;

use crate::{
    api::words::{Text, Word, cursor},
    domain::alert::group::GroupId,
};

pub(crate) type PlaceText = Text<Place>;

/// What a group's place begins with, as no account does.
const GROUP: &str = "group";

/// An alert's place among those that are open: those of groups, then those of functions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Group(GroupId),
    /// By function, then by subscription; `~` lies behind every subscription.
    Function(FunctionKey, String),
}

impl Place {
    pub(super) fn of(function: &FunctionKey, subscription: &str) -> Self {
        Self::Function(function.clone(), subscription.to_owned())
    }

    /// Behind all of a function's alerts.
    pub(super) fn behind(function: &FunctionKey) -> Self {
        Self::of(function, "~")
    }

    /// Whether all alerts of a function lie before it.
    pub(super) fn is_past(&self, function: &FunctionKey) -> bool {
        match self {
            Self::Group(_) => false,
            Self::Function(last, subscription) => {
                function < last || (function == last && subscription == "~")
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Group(GroupId { subscription, fingerprint }) => {
                format!("{GROUP}#{fingerprint}#{subscription}")
            }
            Self::Function(FunctionKey { account, region, name }, subscription) => {
                format!("{account}#{region}#{name}#{subscription}")
            }
        };
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(text))
    }
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let read = || {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let mut parts = text.splitn(4, '#');
            if let Some(rest) = text.strip_prefix(GROUP) {
                let (fingerprint, subscription) = rest.strip_prefix('#')?.split_once('#')?;
                let group = (subscription.to_owned(), fingerprint.to_owned());
                return Some(Self::Group(GroupId { subscription: group.0, fingerprint: group.1 }));
            }
            let function = FunctionKey {
                account: parts.next()?.parse().ok()?,
                region: parts.next()?.parse().ok()?,
                name: parts.next()?.parse().ok()?,
            };
            let subscription = parts.next().filter(|it| !it.is_empty())?.to_owned();
            Some(Self::Function(function, subscription))
        };
        read().ok_or("is not a cursor that this API gave")
    }
}

impl Word for Place {
    const NAME: &'static str = "AlertPlace";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(str::to_owned)
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn schema() -> Schema {
        cursor()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str) -> FunctionKey {
        FunctionKey {
            account: "012345678901".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            name: name.parse().unwrap(),
        }
    }

    #[test]
    fn a_place_is_read_back_and_lies_between_what_was_shown_and_what_was_not() {
        let place = Place::of(&function("orders"), "night");
        assert_eq!(place.to_string().parse(), Ok(place.clone()));
        assert!(place.is_past(&function("basket")) && !place.is_past(&function("orders")));
        assert!(place < Place::behind(&function("orders")));
        assert!(Place::behind(&function("orders")).is_past(&function("orders")));
        let group = GroupId { subscription: "crowd".to_owned(), fingerprint: "0a".to_owned() };
        let group = Place::Group(group);
        assert_eq!(group.to_string().parse(), Ok(group.clone()));
        assert!(group < place && !group.is_past(&function("a")));
        for text in ["", "nonsense", "bm9uc2Vuc2U"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
