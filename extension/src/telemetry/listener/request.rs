//! Takes requests off a stream, without ever finding one unacceptable.
//!
//! Just enough of HTTP/1.1 (RFC 9112): a head, then a body by length, in chunks, or none. What does not parse is garbage
//! that lasts until its peer stops sending.

use std::{io, time::Duration};

use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

/// Longest head, and longest line of chunk framing, that is read.
const HEAD_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;
/// How much is asked of the socket at a time.
const READ: usize = 8 * 1024;
/// How long a peer of garbage may be silent before it has said all.
const GARBAGE_PAUSE: Duration = Duration::from_millis(50);

/// A stream, and what was read of it beyond the last request.
#[derive(Debug)]
pub(super) struct Requests {
    stream: TcpStream,
    ahead: Vec<u8>,
}

/// What a request's head says about what follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) body: Body,
    pub(super) expects_continue: bool,
    pub(super) is_last: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    None,
    Length(usize),
    Chunked,
    /// Not HTTP at all.
    Garbage,
}

impl Requests {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, ahead: Vec::new() }
    }

    pub(super) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// The next request's head; `None` when the peer has no more.
    pub(super) async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some((head, length)) = parse(&self.ahead) {
                self.ahead.drain(..length);
                return Ok(Some(head));
            }
            if self.ahead.len() > HEAD_MAX {
                return Ok(Some(Head::GARBAGE));
            }
            if self.read_more().await? == 0 {
                return Ok((!self.ahead.is_empty()).then_some(Head::GARBAGE));
            }
        }
    }

    /// The body, or `None` when it is longer than `keep` and was drained.
    pub(super) async fn body(&mut self, head: &Head, keep: usize) -> io::Result<Option<Vec<u8>>> {
        let mut body = Kept { bytes: Vec::new(), keep, overflowed: false };
        match head.body {
            Body::None => {}
            Body::Length(length) => self.take(length, &mut body).await?,
            Body::Chunked => self.take_chunks(&mut body).await?,
            Body::Garbage => {
                self.drain().await?;
                body.overflowed = true;
            }
        }
        Ok((!body.overflowed).then_some(body.bytes))
    }

    async fn take(&mut self, mut length: usize, body: &mut Kept) -> io::Result<()> {
        if length <= body.keep {
            body.bytes.reserve_exact(length);
        }
        while length > 0 {
            if self.ahead.is_empty() && self.read_more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let now = length.min(self.ahead.len());
            body.add(&self.ahead[..now]);
            self.ahead.drain(..now);
            length -= now;
        }
        Ok(())
    }

    async fn take_chunks(&mut self, body: &mut Kept) -> io::Result<()> {
        loop {
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
            if size == 0 {
                break;
            }
            self.take(size, body).await?;
            self.line().await?;
        }
        // Trailers end with an empty line, as heads do.
        while !self.line().await?.is_empty() {}
        Ok(())
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.ahead.iter().position(|it| *it == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.ahead.len() > HEAD_MAX || self.read_more().await? == 0 {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }

    async fn drain(&mut self) -> io::Result<()> {
        self.ahead.clear();
        while let Ok(read) = timeout(GARBAGE_PAUSE, self.read_more()).await {
            if read? == 0 {
                break;
            }
            self.ahead.clear();
        }
        Ok(())
    }

    async fn read_more(&mut self) -> io::Result<usize> {
        self.ahead.reserve(READ);
        self.stream.read_buf(&mut self.ahead).await
    }
}

/// As much of a body as may be kept.
struct Kept {
    bytes: Vec<u8>,
    keep: usize,
    overflowed: bool,
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        if self.bytes.len() + bytes.len() <= self.keep {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.overflowed = true;
            self.bytes = Vec::new();
            self.keep = 0;
        }
    }
}

impl Head {
    const GARBAGE: Self = Self { body: Body::Garbage, expects_continue: false, is_last: true };
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
    let value = |name: &str| {
        let header = request.headers.iter().find(|it| it.name.eq_ignore_ascii_case(name));
        header.and_then(|it| std::str::from_utf8(it.value).ok()).map(str::trim)
    };
    let says = |name: &str, word: &str| {
        value(name).is_some_and(|it| it.to_ascii_lowercase().contains(word))
    };
    let body = match value("content-length").map(str::parse) {
        _ if says("transfer-encoding", "chunked") => Body::Chunked,
        Some(Ok(length)) => Body::Length(length),
        Some(Err(_)) => Body::Garbage,
        None => Body::None,
    };
    let is_last = says("connection", "close") || request.version == Some(0);
    let is_last = is_last || body == Body::Garbage;
    Some((Head { body, expects_continue: says("expect", "100-continue"), is_last }, length))
}
