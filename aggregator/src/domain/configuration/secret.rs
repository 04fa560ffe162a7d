//! Where a secret lies, which is configuration; what it is, is nobody's business here.

use std::{
    fmt,
    path::{Component, PathBuf},
    str::FromStr,
};

use serde::{Serialize, Serializer};

use super::read::Node;

/// A reference to a secret. Only the deliver door follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `env:NAME`
    Variable(String),
    /// `file:PATH`
    File(PathBuf),
    /// `ssm:/NAME`: a parameter of Systems Manager.
    Parameter(String),
    /// `secretsmanager:NAME` or `secretsmanager:ARN`, and `#KEY` where the secret is a JSON object.
    Managed { secret: String, key: Option<String> },
}

/// Why a text is no reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a reference of the form env:NAME, file:PATH, ssm:/NAME or secretsmanager:NAME")]
pub struct NoReference;

const LENGTH_MAX: usize = 2_048;

impl FromStr for SecretRef {
    type Err = NoReference;

    /// Never repeats the text: somebody may have put the secret itself there.
    fn from_str(text: &str) -> Result<Self, NoReference> {
        let (scheme, rest) = text.split_once(':').ok_or(NoReference)?;
        if rest.is_empty() || text.len() > LENGTH_MAX || text.chars().any(char::is_control) {
            return Err(NoReference);
        }
        let plain =
            |it: &str| it.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-./:@+=".contains(&it));
        match scheme {
            "env" => Ok(Self::Variable(rest.to_owned())),
            "file" => Ok(Self::File(PathBuf::from(rest))),
            "ssm" if rest.starts_with('/') && plain(rest) => Ok(Self::Parameter(rest.to_owned())),
            "secretsmanager" => {
                let (secret, key) = match rest.split_once('#') {
                    Some((secret, key)) if !key.is_empty() => (secret, Some(key.to_owned())),
                    Some(_) => return Err(NoReference),
                    None => (rest, None),
                };
                let fits = !secret.is_empty() && plain(secret);
                fits.then(|| Self::Managed { secret: secret.to_owned(), key }).ok_or(NoReference)
            }
            _ => Err(NoReference),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Parameter(name) => write!(f, "ssm:{name}"),
            Self::Managed { secret, key: None } => write!(f, "secretsmanager:{secret}"),
            Self::Managed { secret, key: Some(key) } => write!(f, "secretsmanager:{secret}#{key}"),
        }
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// What variables are called that a channel may refer to.
pub const VARIABLE_PREFIX: &str = "OVERTIME_SECRET_";

/// A channel's reference. Whoever may configure a channel chooses where its secret is sent, and must not be able to send
/// themselves the credentials of the door, which are variables too.
pub(super) fn of_channel(node: Node<'_>) -> Option<SecretRef> {
    let place = node.place();
    let reference = node.parsed()?;
    match &reference {
        SecretRef::Variable(name) if !name.starts_with(VARIABLE_PREFIX) => place
            .fault(format_args!("refers to a variable that does not begin with {VARIABLE_PREFIX}")),
        SecretRef::File(path) if !path.is_absolute() => {
            place.fault("refers to a path that is not absolute")
        }
        SecretRef::File(path) if path.components().any(|it| it == Component::ParentDir) => {
            place.fault("refers to a path with .. in it")
        }
        SecretRef::Variable(_)
        | SecretRef::File(_)
        | SecretRef::Parameter(_)
        | SecretRef::Managed { .. } => Some(reference),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_written_alike() {
        for text in [
            "env:HOOK",
            "file:/run/secrets/hook",
            "ssm:/overtime/hook",
            "secretsmanager:overtime/hook",
            "secretsmanager:arn:aws:secretsmanager:eu-west-1:999988887777:secret:hook-a1b2c3#key",
        ] {
            assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_without_repeating_it() {
        for text in [
            "whsec_c2VjcmV0",
            "env:",
            "file:",
            "",
            "ssm:name",
            "secretsmanager:#a",
            "secretsmanager:a#",
        ] {
            assert_eq!(text.parse::<SecretRef>(), Err(NoReference), "{text}");
        }
        assert!(!NoReference.to_string().contains("c2VjcmV0"));
    }
}
