//! Tokens, and what is written down of them: a hash, from which nobody learns the token.
//!
//! A token is 32 random bytes, so it needs no slow hash: nobody tries 2^256 of them. What is no such token is not even compared, so
//! that nobody can use a password of theirs as one.
//!
//! **Invariant.** How long a comparison takes does not tell how much of a token was right, nor which one it was.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

/// How many random bytes a token is made of.
pub const LENGTH: usize = 32;
const PREFIX: &str = "overtime_";
const SCHEME: &str = "sha256:";
/// How long a holder's name may be.
const NAME_MAX: usize = 64;

/// A token that may be one of ours.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    /// Out of random bytes.
    pub fn of(bytes: [u8; LENGTH]) -> Self {
        Self(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// What somebody has typed or sent, if it has a token's form.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        (bytes.len() == LENGTH).then(|| Self(text.to_owned()))
    }

    pub fn hash(&self) -> Hash {
        Hash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The token itself, for the one time that it is shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A token's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

impl Hash {
    /// A short name that says which token it is, and not what it is.
    pub fn mark(&self) -> String {
        let mut number = [0; 8];
        number[2..].copy_from_slice(&self.0[..6]);
        format!("{:012x}", u64::from_be_bytes(number))
    }

    fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(SCHEME).filter(|it| it.len() == 64 && it.is_ascii())?;
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        self.0.iter().try_for_each(|it| write!(f, "{it:02x}"))
    }
}

/// Who holds a token, as far as is known: what it was named after, and its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub name: Option<String>,
    pub hash: Hash,
}

/// Why a text is no list of hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "refers to something that is not a list of sha256:… or NAME=sha256:…, as `overtime token` prints them"
)]
pub struct NoHashes;

/// Out of a secret: hashes, each perhaps with a name, with space or commas between them.
pub fn read_list(text: &str) -> Result<Vec<Held>, NoHashes> {
    let words = text.split(|it: char| it == ',' || it.is_whitespace()).filter(|it| !it.is_empty());
    let held: Vec<_> = words.map(read_held).collect::<Option<_>>().ok_or(NoHashes)?;
    if held.is_empty() { Err(NoHashes) } else { Ok(held) }
}

fn read_held(word: &str) -> Option<Held> {
    let Some((name, hash)) = word.split_once('=') else {
        return Some(Held { name: None, hash: Hash::read(word)? });
    };
    is_name(name).then(|| Some(Held { name: Some(name.to_owned()), hash: Hash::read(hash)? }))?
}

/// Whether a token can be named so.
pub fn is_name(name: &str) -> bool {
    let allowed = |it: u8| it.is_ascii_alphanumeric() || b"._-@+".contains(&it);
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

/// Which of these hashes is the token's. All are looked at, whichever it is.
pub fn find<'a>(token: &Token, hashes: impl IntoIterator<Item = &'a Hash>) -> Option<usize> {
    let hash = token.hash();
    let mut found = u64::MAX;
    for (at, it) in (0_u64..).zip(hashes) {
        let same: Choice = it.0.ct_eq(&hash.0);
        found = u64::conditional_select(&found, &at, same);
    }
    usize::try_from(found).ok().filter(|_| found != u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(seed: u8) -> Token {
        Token::of([seed; LENGTH])
    }

    #[test]
    fn a_token_is_found_by_its_hash() {
        let hashes: Vec<_> = (0..4).map(|it| token(it).hash()).collect();
        for seed in 0..4 {
            assert_eq!(find(&token(seed), &hashes), Some(usize::from(seed)));
        }
        assert_eq!(find(&token(4), &hashes), None);
        assert_eq!(find(&token(0), &[]), None);
    }

    #[test]
    fn what_has_not_a_tokens_form_is_none() {
        let text = token(1).expose().to_owned();
        assert_eq!(Token::read(&format!("  {text}\n")), Some(token(1)), "as it is pasted");
        let (short, other) = (&text[..text.len() - 1], text.replace(PREFIX, "underwater_"));
        for text in ["", "password", PREFIX, short, &other, &format!("{text}A")] {
            assert_eq!(Token::read(text), None, "{text}");
        }
        assert_eq!(format!("{:?}", token(1)), "Token(..)");
    }

    #[test]
    fn hashes_are_read_as_they_are_written() {
        let (first, second) = (token(1).hash(), token(2).hash());
        let held = read_list(&format!("{first}\nanna@example.com={second},\n")).unwrap();
        assert_eq!(held[0], Held { name: None, hash: first });
        let name = Some("anna@example.com".to_owned());
        assert_eq!(held[1], Held { name, hash: second });
        assert_eq!(first.mark(), first.to_string()[7..19]);
        let token = token(3).expose().to_owned();
        for text in ["", "sha256:", "md5:00", &token, &format!("a b={first}"), &format!("={first}")]
        {
            assert_eq!(read_list(text), Err(NoHashes), "{text}");
        }
        assert!(!NoHashes.to_string().contains(&token));
    }
}
