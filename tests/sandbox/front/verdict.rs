//! What the front end thought of a request.

use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The status the client was given.
    pub status: u16,
    /// AWS's name of the reason, where the front end itself refused.
    pub error_type: Option<String>,
    /// The access key the request claimed to be signed with.
    pub access_key: Option<String>,
    /// The event that was, or would have been, handed to a function.
    pub event: Option<Value>,
    pub tls: Option<Handshake>,
    /// Which of the connections it came in on, counted from one.
    pub connection: u64,
}

/// How the connection was secured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    pub version: String,
    /// A session that was remembered from before.
    pub was_resumed: bool,
}

impl Verdict {
    pub(super) fn read(message: &Value) -> Option<Self> {
        let text = |name: &str| message[name].as_str().map(str::to_owned);
        let event = &message["event"];
        Some(Self {
            status: u16::try_from(message["judged"].as_u64()?).ok()?,
            error_type: text("error_type"),
            access_key: text("access_key"),
            event: (!event.is_null()).then(|| event.clone()),
            tls: text("tls")
                .map(|version| Handshake { version, was_resumed: message["was_resumed"] == true }),
            connection: message["connection"].as_u64()?,
        })
    }
}
