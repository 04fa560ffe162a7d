//! What an environment says about itself and its function, so that nobody has to ask AWS.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    fact::{Malformed, bounded, clipped},
    v1,
};

/// Longest text of a profile, in bytes; longer ones are cut by the sender.
pub(crate) const TEXT_MAX: usize = 128;
const TAGS_MAX: usize = 10;

/// A function as one of its environments sees it. Texts are empty, and numbers zero, while unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// In MiB, as Lambda configures it.
    pub memory_mb: u32,
    /// The configured timeout: whole seconds.
    pub timeout: Duration,
    /// As the platform names it: `python:3.13.v40`.
    pub runtime: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// `$LATEST` or a number.
    pub version: String,
    /// As the platform names it: `on-demand`.
    pub initialization_type: String,
    pub extension_version: String,
    /// `OVERTIME_TAGS`.
    pub tags: BTreeMap<String, String>,
}

impl Profile {
    pub(crate) fn to_wire(&self) -> v1::Profile {
        let text = |it: &str| clipped(it, TEXT_MAX);
        v1::Profile {
            memory_mb: self.memory_mb,
            timeout_ms: millis(self.timeout),
            runtime: text(&self.runtime),
            architecture: text(&self.architecture),
            version: text(&self.version),
            initialization_type: text(&self.initialization_type),
            extension_version: text(&self.extension_version),
            tags: self
                .tags
                .iter()
                .take(TAGS_MAX)
                .map(|(key, value)| v1::Tag { key: text(key), value: text(value) })
                .collect(),
        }
    }

    pub(crate) fn from_wire(wire: v1::Profile) -> Result<Self, Malformed> {
        if wire.tags.len() > TAGS_MAX {
            let problem =
                format!("has {} entries, at most {TAGS_MAX} are allowed", wire.tags.len());
            return Err(Malformed::field("profile.tags", problem));
        }
        let mut tags = BTreeMap::new();
        for tag in wire.tags {
            let key = bounded("profile.tags.key", tag.key, TEXT_MAX)?;
            tags.insert(key, bounded("profile.tags.value", tag.value, TEXT_MAX)?);
        }
        Ok(Self {
            memory_mb: wire.memory_mb,
            timeout: Duration::from_millis(wire.timeout_ms.into()),
            runtime: bounded("profile.runtime", wire.runtime, TEXT_MAX)?,
            architecture: bounded("profile.architecture", wire.architecture, TEXT_MAX)?,
            version: bounded("profile.version", wire.version, TEXT_MAX)?,
            initialization_type: bounded(
                "profile.initialization_type",
                wire.initialization_type,
                TEXT_MAX,
            )?,
            extension_version: bounded(
                "profile.extension_version",
                wire.extension_version,
                TEXT_MAX,
            )?,
            tags,
        })
    }
}

/// A duration in whole milliseconds, as the wire writes configured timeouts.
pub(crate) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
