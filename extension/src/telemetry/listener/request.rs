//! Reads what posts telemetry, without ever finding it unacceptable.
//!
//! What does not parse is garbage that lasts until its peer stops sending.

use std::{io, time::Duration};

use tokio::{net::TcpStream, time::timeout};

use crate::message::{self, Body, Came, HEADERS_MAX, Messages};

/// How long a peer of garbage may be silent before it has said all.
const GARBAGE_PAUSE: Duration = Duration::from_millis(50);

/// Requests of one peer.
#[derive(Debug)]
pub(super) struct Requests(Messages);

/// What a request's head says about what follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) body: Claim,
    pub(super) expects_continue: bool,
    pub(super) is_last: bool,
}

/// What follows, if the head is one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Framed(Body),
    /// Not HTTP at all.
    Garbage,
}

impl Requests {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(Messages::of(stream))
    }

    pub(super) fn stream(&mut self) -> &mut TcpStream {
        self.0.stream()
    }

    /// The next request's head; `None` when the peer has no more.
    pub(super) async fn head(&mut self) -> io::Result<Option<Head>> {
        Ok(match self.0.head(parse).await? {
            Came::Head(head) => Some(head),
            Came::Nothing => None,
            Came::Torn => Some(Head::GARBAGE),
        })
    }

    /// The body, or `None` when it is longer than `keep`, or garbage, and was drained.
    pub(super) async fn body(&mut self, head: &Head, keep: usize) -> io::Result<Option<Vec<u8>>> {
        match head.body {
            Claim::Framed(body) => self.0.body(body, keep).await,
            Claim::Garbage => {
                while let Ok(read) = timeout(GARBAGE_PAUSE, self.0.skip()).await {
                    if read? == 0 {
                        break;
                    }
                }
                Ok(None)
            }
        }
    }
}

impl Head {
    const GARBAGE: Self = Self { body: Claim::Garbage, expects_continue: false, is_last: true };
}

/// Reads a head from the beginning of `bytes`, with its length; `None` while it is incomplete.
fn parse(bytes: &[u8]) -> Option<(Head, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return None,
        Err(_) => return Some((Head::GARBAGE, 0)),
    };
    let (headers, version) = (&*request.headers, request.version);
    let says = |name, word| message::says(headers, name, word);
    let body = match message::value(headers, "content-length").map(str::parse) {
        _ if says("transfer-encoding", "chunked") => Claim::Framed(Body::Chunked),
        Some(Ok(length)) => Claim::Framed(Body::Length(length)),
        Some(Err(_)) => Claim::Garbage,
        None => Claim::Framed(Body::None),
    };
    let is_last = says("connection", "close") || version == Some(0) || body == Claim::Garbage;
    Some((Head { body, expects_continue: says("expect", "100-continue"), is_last }, length))
}
