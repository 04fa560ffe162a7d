//! How people get into an account: the address of an access portal, with places for what it must be told.
//!
//! A plain link to the AWS console opens in whichever account the browser holds, which among hundreds is the wrong one. A portal, such
//! as that of IAM Identity Center, signs in to the right one first and then goes on to the destination:
//! `https://example.awsapps.com/start/#/console?account_id={account}&destination={destination}`.
//!
//! **Invariant.** What is filled in is encoded, so it cannot leave its place.

use std::{fmt::Write as _, str::FromStr};

use overtime_wire::{AccountId, Region};
use url::Url;

/// An address with places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portal(String);

/// Why a text is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAPortal {
    #[error("is not an https:// address")]
    Address,
    #[error("has no {{destination}}")]
    Destination,
    #[error("has a place that is not {{account}}, {{region}} or {{destination}}")]
    Place,
}

const PLACES: [&str; 3] = ["{account}", "{region}", "{destination}"];

impl Portal {
    /// The way to a page of the AWS console, in the account that it is about.
    pub fn link(&self, (account, region): (AccountId, &Region), destination: &str) -> String {
        let values = [account.to_string(), region.to_string(), destination.to_owned()];
        let mut link = self.0.clone();
        for (place, value) in PLACES.iter().zip(values) {
            link = link.replace(place, &encoded(&value));
        }
        link
    }
}

impl FromStr for Portal {
    type Err = NotAPortal;

    fn from_str(text: &str) -> Result<Self, NotAPortal> {
        let filled = PLACES.iter().fold(text.to_owned(), |text, place| text.replace(place, "x"));
        if filled.contains(['{', '}']) {
            return Err(NotAPortal::Place);
        }
        let url = Url::parse(&filled).map_err(|_| NotAPortal::Address)?;
        let host = text.strip_prefix("https://").and_then(|it| it.split(['/', '?', '#']).next());
        if url.scheme() != "https" || host.is_none_or(|it| it.is_empty() || it.contains('{')) {
            return Err(NotAPortal::Address);
        }
        if !text.contains("{destination}") {
            return Err(NotAPortal::Destination);
        }
        Ok(Self(text.to_owned()))
    }
}

/// So that it stays one value, wherever in an address it stands.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a text does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTAL: &str = "https://example.awsapps.com/start/#/console?account_id={account}&destination={destination}";

    #[test]
    fn a_destination_stays_in_its_place() {
        let portal: Portal = PORTAL.parse().unwrap();
        let at = ("111122223333".parse().unwrap(), &"eu-west-1".parse().unwrap());
        assert_eq!(
            portal.link(at, "https://a.example/b?c=d&e#f~'{account}"),
            "https://example.awsapps.com/start/#/console?account_id=111122223333&destination=\
             https%3A%2F%2Fa.example%2Fb%3Fc%3Dd%26e%23f~%27%7Baccount%7D"
        );
    }

    #[test]
    fn what_is_no_portal_is_told_why() {
        for (text, why) in [
            ("example.awsapps.com/{destination}", NotAPortal::Address),
            ("http://portal.example/{destination}", NotAPortal::Address),
            ("javascript:alert(1)//{destination}", NotAPortal::Address),
            ("https://{account}.portal.example/{destination}", NotAPortal::Address),
            ("https:///{destination}", NotAPortal::Address),
            ("https://portal.example/{account}", NotAPortal::Destination),
            ("https://portal.example/{role}/{destination}", NotAPortal::Place),
            ("https://portal.example/{destination", NotAPortal::Place),
        ] {
            assert_eq!(text.parse::<Portal>(), Err(why), "{text}");
        }
        assert_eq!(NotAPortal::Destination.to_string(), "has no {destination}");
    }
}
