//! The layer that carries the extension: whose version it is of.

use std::{fmt, str::FromStr};

/// What the layers are called where nobody says otherwise; an architecture may follow (`overtime-arm64`).
pub const NAMES: [&str; 2] = ["overtime", "overtime-extension"];
const ARCHITECTURES: [&str; 2] = ["arm64", "x86_64"];
const LENGTH_MAX: usize = 300;

/// A version of a layer, by its ARN.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layer {
    /// Without the version.
    pub arn: String,
    /// Versions of one ARN grow; those of different ones cannot be compared.
    pub version: u64,
}

/// A text that names no version of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not of the form arn:PARTITION:lambda:REGION:ACCOUNT:layer:NAME:VERSION")]
pub struct NoLayer;

impl FromStr for Layer {
    type Err = NoLayer;

    fn from_str(text: &str) -> Result<Self, NoLayer> {
        let parts: Vec<&str> = text.split(':').collect();
        let &["arn", _, "lambda", _, _, "layer", name, version] = &parts[..] else {
            return Err(NoLayer);
        };
        let plain = |it: u8| it.is_ascii_alphanumeric() || b"-_:".contains(&it);
        let digits =
            (1..=10).contains(&version.len()) && version.bytes().all(|it| it.is_ascii_digit());
        let number = version.parse().ok().filter(|_| digits);
        let (Some(version), Some((arn, _)), false) =
            (number, text.rsplit_once(':'), name.is_empty())
        else {
            return Err(NoLayer);
        };
        if text.len() > LENGTH_MAX || !arn.bytes().all(plain) {
            return Err(NoLayer);
        }
        Ok(Self { arn: arn.to_owned(), version })
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.arn, self.version)
    }
}

impl Layer {
    /// Whether it is called one of these names, with or without an architecture after it.
    pub fn is_called<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> bool {
        let name = self.arn.rsplit(':').next().unwrap_or_default();
        let bare = ARCHITECTURES.iter().find_map(|it| name.strip_suffix(it)?.strip_suffix('-'));
        names.into_iter().any(|it| it == name || Some(it) == bare)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_a_layer_is_read_back() {
        let text = "arn:aws:lambda:eu-west-1:999988887777:layer:overtime-x86_64:7";
        let layer: Layer = text.parse().unwrap();
        assert_eq!((layer.version, layer.to_string().as_str()), (7, text));
        for text in [
            "",
            "arn:aws:lambda:eu-west-1:999988887777:layer:overtime-x86_64",
            "arn:aws:lambda:eu-west-1:999988887777:layer:overtime:x",
            "arn:aws:lambda:eu-west-1:999988887777:layer::7",
            "arn:aws:lambda:eu-west-1:999988887777:function:overtime:7",
            "arn:aws:lambda:eu-west-1:9999 8888:layer:overtime:7",
            "arn:aws:lambda:eu-west-1:999988887777:layer:overtime:+7",
        ] {
            assert_eq!(text.parse::<Layer>(), Err(NoLayer), "{text}");
        }
    }

    #[test]
    fn ours_is_known_by_its_name() {
        let is_ours = |name: &str| {
            let layer: Layer =
                format!("arn:aws:lambda:us-east-1:999988887777:layer:{name}:1").parse().unwrap();
            layer.is_called(NAMES)
        };
        for name in [
            "overtime",
            "overtime-arm64",
            "overtime-x86_64",
            "overtime-extension",
            "overtime-extension-arm64",
        ] {
            assert!(is_ours(name), "{name}");
        }
        for name in ["overtime-tools", "my-overtime", "overtime-arm64-x", "datadog"] {
            assert!(!is_ours(name), "{name}");
        }
    }
}
