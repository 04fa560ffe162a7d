//! Which invocation, in whose life, and how it ended.
//!
//! Lambda's own request id cannot be a key: asynchronous retries reuse it and a suppressed init may never reveal it. The
//! key of an invocation is therefore an ordinal that the extension gives at first sight, within one incarnation: one life
//! of the extension's process. Everything the platform says is a field.

use std::{fmt, str::FromStr};

use crate::fact::clipped;

/// One life of an extension process: 16 random bytes, drawn at every start and again after every `SnapStart` restore.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncarnationId(pub [u8; 16]);

impl fmt::Display for IncarnationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for IncarnationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IncarnationId({self})")
    }
}

impl IncarnationId {
    /// Reads what `Display` writes: 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }
}

/// A text is not what an incarnation is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("incarnation is not 32 hexadecimal digits")]
pub struct InvalidIncarnation;

impl FromStr for IncarnationId {
    type Err = InvalidIncarnation;

    fn from_str(text: &str) -> Result<Self, InvalidIncarnation> {
        Self::parse(text).ok_or(InvalidIncarnation)
    }
}

/// The place of an invocation or init within its incarnation, in order of first sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ordinal(pub u32);

/// The platform's id of a request. Nearly always a UUID, which then travels as its 16 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RequestId {
    Uuid([u8; 16]),
    /// Anything else, at most 64 bytes and never 16, so that the wire can tell the two apart.
    Text(String),
}

impl RequestId {
    const TEXT_MAX: usize = 64;

    /// Reads what the platform wrote; `None` when it is empty.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        if let Some(uuid) = parse_uuid(text) {
            return Some(Self::Uuid(uuid));
        }
        let mut text = clipped(text, Self::TEXT_MAX);
        if text.len() == 16 {
            text.push('~');
        }
        Some(Self::Text(text))
    }

    pub(crate) fn to_wire(&self) -> Vec<u8> {
        match self {
            Self::Uuid(bytes) => bytes.to_vec(),
            Self::Text(text) => text.clone().into_bytes(),
        }
    }

    /// `Err` when the bytes are neither.
    pub(crate) fn from_wire(bytes: &[u8]) -> Result<Option<Self>, ()> {
        if let Ok(uuid) = <[u8; 16]>::try_from(bytes) {
            return Ok(Some(Self::Uuid(uuid)));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ())?;
        if text.len() > Self::TEXT_MAX { Err(()) } else { Ok(Self::parse(text)) }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(bytes) => {
                for (at, byte) in bytes.iter().enumerate() {
                    if matches!(at, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Only the lower-case hyphenated form, so that what is shown is what the platform wrote.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    let is_shaped = bytes.len() == 36 && [8, 13, 18, 23].iter().all(|at| bytes[*at] == b'-');
    let digits = bytes.iter().copied().filter(|it| *it != b'-');
    if is_shaped { bytes_of(digits) } else { None }
}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    bytes_of(text.bytes().map(|it| it.to_ascii_lowercase()))
}

/// Exactly as many digits, in lower case. Every request has several such ids, each told more than once.
fn bytes_of<const N: usize>(mut digits: impl Iterator<Item = u8>) -> Option<[u8; N]> {
    let mut digit = || match digits.next()? {
        it @ b'0'..=b'9' => Some(it - b'0'),
        it @ b'a'..=b'f' => Some(it - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for byte in &mut bytes {
        *byte = digit()? << 4 | digit()?;
    }
    digits.next().is_none().then_some(bytes)
}

/// The root of an X-Ray trace: `1-` and two hexadecimal parts of 4 and 12 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

impl TraceId {
    /// Finds the root in a trace header: `Root=1-…;Parent=…;Sampled=…`.
    pub fn from_header(header: &str) -> Option<Self> {
        let root = header.split(';').find_map(|part| part.trim().strip_prefix("Root="))?;
        let (seconds, rest) = root.strip_prefix("1-")?.split_once('-')?;
        if seconds.len() != 8 || rest.len() != 24 {
            return None;
        }
        bytes_of(seconds.bytes().chain(rest.bytes()).map(|it| it.to_ascii_lowercase())).map(Self)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("1-")?;
        for (at, byte) in self.0.iter().enumerate() {
            if at == 4 {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// Declares an enum beside its generated twin: values that readers of today do not know are an error, not a guess.
macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its word in APIs, pages and alerts.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.as_str() == text)
            }

            pub(crate) fn to_wire(self) -> i32 {
                match self {
                    $(Self::$variant => crate::v1::$name::$variant as i32),+
                }
            }

            pub(crate) fn from_wire(number: i32) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.to_wire() == number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

wire_enum! {
    /// How we know, weakest first. Better evidence beats any revision of worse.
    Evidence {
        /// The next process found the invocation open in the journal.
        Recovered = "recovered",
        /// The extension watched the deadline pass.
        Deadline = "deadline",
        /// SHUTDOWN with reason timeout while the invocation was open.
        Shutdown = "shutdown",
        /// `platform.runtimeDone`.
        RuntimeDone = "runtime_done",
        /// `platform.report`.
        Report = "report",
    }
}

impl Evidence {
    /// Whether we concluded it, rather than the platform saying so.
    pub fn is_inferred(self) -> bool {
        match self {
            Self::Recovered | Self::Deadline => true,
            Self::Shutdown | Self::RuntimeDone | Self::Report => false,
        }
    }
}

wire_enum! {
    /// How it ended.
    Outcome {
        Timeout = "timeout",
        OutOfMemory = "out_of_memory",
        /// The claim is taken back.
        Success = "success",
    }
}

wire_enum! {
    /// What a verdict is about. Inits are not invocations.
    Subject {
        Invocation = "invocation",
        Init = "init",
    }
}

wire_enum! {
    /// Why it timed out, never beyond the evidence.
    Cause {
        Unknown = "unknown",
        /// The function's own code was running.
        Handler = "handler",
        /// The init was still running inside the invocation.
        Init = "init",
        /// The function had answered; an extension held the invocation.
        Extension = "extension",
        OutOfMemory = "out_of_memory",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_shown_as_the_platform_wrote_them() {
        let hyphens = "3da1f2dc-0a1b-4c2d-8e3f-00112233aab-";
        for text in
            ["3da1f2dc-0a1b-4c2d-8e3f-00112233aabb", "3DA1F2DC-upper", "short", "é", hyphens]
        {
            let id = RequestId::parse(text).unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(RequestId::from_wire(&id.to_wire()), Ok(Some(id)));
        }
        assert_eq!(RequestId::parse(""), None);
        assert_eq!(RequestId::parse("sixteen-letters!").unwrap().to_string(), "sixteen-letters!~");
        assert_eq!(RequestId::parse(&"é".repeat(200)).unwrap().to_string(), "é".repeat(32));
        assert_eq!(RequestId::from_wire(&[0xff; 15]), Err(()));
    }

    #[test]
    fn the_root_of_a_trace_is_found_in_its_header() {
        let header = "Root=1-69054a00-0123456789abcdef01234567;Parent=00000001;Sampled=0";
        let id = TraceId::from_header(header).unwrap();
        assert_eq!(id.to_string(), "1-69054a00-0123456789abcdef01234567");
        for header in ["", "Root=1-2", "Parent=1-69054a00-0123456789abcdef01234567", "Root=1-é"] {
            assert_eq!(TraceId::from_header(header), None, "{header}");
        }
    }

    #[test]
    fn evidence_is_ordered_as_the_design_ranks_it() {
        let words: Vec<_> = Evidence::ALL.iter().map(|it| it.as_str()).collect();
        assert_eq!(words, ["recovered", "deadline", "shutdown", "runtime_done", "report"]);
        assert!(Evidence::ALL.is_sorted_by_key(|it| it.to_wire()));
    }
}
