//! What a browser keeps for us, and can neither read nor change: ChaCha20-Poly1305 under a key of the operator's.
//!
//! A key's text has one key, or two while they are changed: what is sealed is sealed with the first, what comes back is opened with
//! either. So a new key is put before the old one, and the old one is taken away when the last session sealed with it is over.
//! `ring` is what TLS is made of here anyway.
//!
//! **Invariant.** What was sealed for one purpose does not open for another.

use std::fmt;

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// How long a key is.
pub(super) const KEY_LENGTH: usize = 32;

/// What something is sealed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A session.
    Session,
    /// The way to a provider and back.
    Flow,
}

impl Purpose {
    fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Session => b"overtime session 1",
            Self::Flow => b"overtime flow 1",
        }
    }
}

/// Why a text holds no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "refers to something that is not one key or two, each 32 bytes in base64, as `openssl rand -base64 32` makes one"
)]
pub struct NoKeys;

/// The key that seals, and one before it that still opens.
#[derive(Clone)]
pub(super) struct Keys {
    sealing: LessSafeKey,
    earlier: Option<LessSafeKey>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Keys {
    /// Out of a secret: one key or two, the newer first, with space or a comma between them.
    pub(super) fn read(text: &str) -> Result<Self, NoKeys> {
        let words = text.split(|it: char| it == ',' || it.is_whitespace());
        let keys: Vec<_> =
            words.filter(|it| !it.is_empty()).map(key).collect::<Option<_>>().ok_or(NoKeys)?;
        let mut keys = keys.into_iter();
        match (keys.next(), keys.next(), keys.next()) {
            (Some(sealing), earlier, None) => Ok(Self { sealing, earlier }),
            _ => Err(NoKeys),
        }
    }

    /// One key, of bytes that nobody else has.
    pub(super) fn of(bytes: [u8; KEY_LENGTH]) -> Option<Self> {
        let sealing = UnboundKey::new(&CHACHA20_POLY1305, &bytes).ok().map(LessSafeKey::new)?;
        Some(Self { sealing, earlier: None })
    }

    /// Seals, as text that a cookie can hold. A nonce is drawn for each.
    pub(super) fn seal(
        &self,
        purpose: Purpose,
        content: &[u8],
        nonce: [u8; NONCE_LEN],
    ) -> Option<String> {
        let mut sealed = content.to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(purpose.as_bytes());
        self.sealing.seal_in_place_append_tag(unique, aad, &mut sealed).ok()?;
        Some(BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// What was sealed, if it was by us and for this.
    pub(super) fn open(&self, purpose: Purpose, text: &str) -> Option<Vec<u8>> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut keys = [Some(&self.sealing), self.earlier.as_ref()].into_iter().flatten();
        keys.find_map(|key| open(key, (purpose, *nonce), sealed))
    }
}

fn open(
    key: &LessSafeKey,
    (purpose, nonce): (Purpose, [u8; NONCE_LEN]),
    sealed: &[u8],
) -> Option<Vec<u8>> {
    let mut content = sealed.to_vec();
    let (nonce, aad) = (Nonce::assume_unique_for_key(nonce), Aad::from(purpose.as_bytes()));
    let length = key.open_in_place(nonce, aad, &mut content).ok()?.len();
    content.truncate(length);
    Some(content)
}

fn key(text: &str) -> Option<LessSafeKey> {
    let bytes = BASE64_STANDARD.decode(text).ok().filter(|it| it.len() == KEY_LENGTH)?;
    UnboundKey::new(&CHACHA20_POLY1305, &bytes).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "b3ZlcnRpbWUncyBvbGQga2V5LCBvZiAzMiBieXRlcy4=";
    const NEW: &str = "b3ZlcnRpbWUncyBuZXcga2V5LCBvZiAzMiBieXRlcy4=";

    fn keys(text: &str) -> Keys {
        Keys::read(text).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_is_not_to_be_read() {
        let keys = keys(OLD);
        let text = keys.seal(Purpose::Session, b"anna", [7; NONCE_LEN]).unwrap();
        assert_eq!(keys.open(Purpose::Session, &text).as_deref(), Some(&b"anna"[..]));
        assert_eq!(keys.open(Purpose::Flow, &text), None);
        let seen = BASE64_URL_SAFE_NO_PAD.decode(&text).unwrap();
        assert!(!seen.windows(4).any(|it| it == b"anna"));
        assert_eq!(format!("{keys:?}"), "Keys(..)");
    }

    #[test]
    fn nothing_that_was_changed_opens() {
        let keys = keys(OLD);
        let text = keys.seal(Purpose::Session, b"viewer", [7; NONCE_LEN]).unwrap();
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&text).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let text = BASE64_URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(keys.open(Purpose::Session, &text), None, "byte {at}");
        }
        for text in ["", "a", "!", &text[..text.len() - 2], &format!("{text}AA")] {
            assert_eq!(keys.open(Purpose::Session, text), None, "{text}");
        }
    }

    #[test]
    fn keys_are_changed_without_ending_sessions() {
        let text = keys(OLD).seal(Purpose::Session, b"anna", [1; NONCE_LEN]).unwrap();
        let both = keys(&format!("{NEW}\n{OLD}\n"));
        assert!(both.open(Purpose::Session, &text).is_some());
        let newer = both.seal(Purpose::Session, b"anna", [2; NONCE_LEN]).unwrap();
        assert!(keys(NEW).open(Purpose::Session, &newer).is_some(), "the first seals");
        assert!(keys(NEW).open(Purpose::Session, &text).is_none(), "the old one is gone");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "short", &OLD[..40], &format!("{OLD},{NEW},{OLD}")] {
            assert_eq!(Keys::read(text).err(), Some(NoKeys), "{text}");
        }
        assert!(!NoKeys.to_string().contains(OLD));
    }
}
