//! Secrets: where they lie is configuration, what they are is nobody's business.
//!
//! **Invariant.** A secret is never displayed: `Debug` hides it, there is no `Display`, and no error repeats it.

use std::{fmt, path::PathBuf, str::FromStr};

/// Where a secret lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `env:NAME`
    Variable(String),
    /// `file:PATH`
    File(PathBuf),
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("is not a reference of the form env:NAME or file:PATH")]
    Reference,
    #[error("refers to variable {0}, which is not set")]
    Variable(String),
    #[error("refers to {0}, which cannot be read: {1}")]
    File(String, std::io::ErrorKind),
    #[error("refers to something that is not whsec_ and base64 of 24 to 64 bytes")]
    Shape,
}

impl FromStr for SecretRef {
    type Err = SecretError;

    /// Never repeats the text: somebody may have put the secret itself there.
    fn from_str(text: &str) -> Result<Self, SecretError> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Variable(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            _ => Err(SecretError::Reference),
        }
    }
}

impl SecretRef {
    /// Fetches the secret. `lookup` reads a variable of the environment.
    pub fn resolve(&self, lookup: impl Fn(&str) -> Option<String>) -> Result<Secret, SecretError> {
        let text = match self {
            Self::Variable(name) => {
                lookup(name).ok_or_else(|| SecretError::Variable(name.clone()))?
            }
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|error| SecretError::File(path.display().to_string(), error.kind()))?,
        };
        Ok(Secret(text.trim().to_owned()))
    }
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_leads_to_the_secret_and_nothing_shows_it() {
        let lookup = |name: &str| (name == "HOOK").then(|| " whsec_abc \n".to_owned());
        let secret = "env:HOOK".parse::<SecretRef>().unwrap().resolve(lookup).unwrap();
        assert_eq!(secret.expose(), "whsec_abc");
        assert_eq!(format!("{secret:?}"), "Secret(..)");

        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "whsec_def\n").unwrap();
        let reference: SecretRef = format!("file:{}", file.path().display()).parse().unwrap();
        assert_eq!(reference.resolve(lookup).unwrap().expose(), "whsec_def");
    }

    #[test]
    fn what_is_no_reference_is_refused_without_repeating_it() {
        for text in ["whsec_c2VjcmV0", "env:", "file:", "", "ssm:/name"] {
            let error = text.parse::<SecretRef>().unwrap_err().to_string();
            assert_eq!(error, "is not a reference of the form env:NAME or file:PATH");
        }
        let missing = "env:MISSING".parse::<SecretRef>().unwrap().resolve(|_| None);
        let error = missing.unwrap_err().to_string();
        assert_eq!(error, "refers to variable MISSING, which is not set");
    }
}
