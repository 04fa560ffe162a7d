//! Takes HTTP/1.1 messages off a stream, one after the other.
//!
//! Just enough of RFC 9112 for the platform's two conversations with us: a head, then a body by length, in chunks, until the
//! stream ends, or none. What a head means is its reader's affair. hyper, which speaks to the aggregator, stays out of
//! this: it would be most of what a start touches, and a second task to be woken for each event.
//!
//! **Invariant.** Nothing here is unbounded: a head is given up on when it grows too long, and of a body no more is kept than
//! asked for.

use std::io;

use tokio::{io::AsyncReadExt, net::TcpStream};

/// Longest head, and longest line of chunk framing, that is read.
const HEAD_MAX: usize = 16 * 1024;
/// How many headers a head may have.
pub const HEADERS_MAX: usize = 64;
/// How much is asked of the socket at a time.
const READ: usize = 8 * 1024;

/// A stream, and what was read of it beyond the last message.
#[derive(Debug)]
pub struct Messages {
    stream: TcpStream,
    ahead: Vec<u8>,
}

/// How a message goes on after its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    None,
    Length(usize),
    Chunked,
    /// Whatever comes until the peer ends.
    UntilEnd,
}

/// What came instead of a message, perhaps.
#[derive(Debug, PartialEq, Eq)]
pub enum Came<T> {
    Head(T),
    /// The peer has no more to say.
    Nothing,
    /// The stream ended in a head, or the head does not end.
    Torn,
}

impl Messages {
    pub fn of(stream: TcpStream) -> Self {
        Self { stream, ahead: Vec::new() }
    }

    /// The stream itself, to answer on.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// The next message's head, by way of `parse`: it gives the head and its length, or `None` while it is incomplete.
    pub async fn head<T>(
        &mut self,
        parse: impl Fn(&[u8]) -> Option<(T, usize)>,
    ) -> io::Result<Came<T>> {
        loop {
            if let Some((head, length)) = parse(&self.ahead) {
                self.ahead.drain(..length);
                return Ok(Came::Head(head));
            }
            if self.ahead.len() > HEAD_MAX {
                return Ok(Came::Torn);
            }
            if self.read_more().await? == 0 {
                return Ok(if self.ahead.is_empty() { Came::Nothing } else { Came::Torn });
            }
        }
    }

    /// The body, or `None` when it is longer than `keep` and was drained.
    pub async fn body(&mut self, body: Body, keep: usize) -> io::Result<Option<Vec<u8>>> {
        let mut kept = Kept { bytes: Vec::new(), keep, overflowed: false };
        match body {
            Body::None => {}
            Body::Length(length) => self.take(length, &mut kept).await?,
            Body::Chunked => self.take_chunks(&mut kept).await?,
            Body::UntilEnd => {
                kept.add(&self.ahead);
                while self.skip().await? > 0 {
                    kept.add(&self.ahead);
                }
            }
        }
        Ok((!kept.overflowed).then_some(kept.bytes))
    }

    /// Forgets what was read, and reads on. Returns how much came: nothing where the peer has ended.
    pub async fn skip(&mut self) -> io::Result<usize> {
        self.ahead.clear();
        self.read_more().await
    }

    async fn take(&mut self, mut length: usize, kept: &mut Kept) -> io::Result<()> {
        if length <= kept.keep {
            kept.bytes.reserve_exact(length);
        }
        while length > 0 {
            if self.ahead.is_empty() && self.read_more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let now = length.min(self.ahead.len());
            kept.add(&self.ahead[..now]);
            self.ahead.drain(..now);
            length -= now;
        }
        Ok(())
    }

    async fn take_chunks(&mut self, kept: &mut Kept) -> io::Result<()> {
        loop {
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
            if size == 0 {
                break;
            }
            self.take(size, kept).await?;
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

/// A header's value, without the space around it; `None` when it is absent or no text.
pub fn value<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a str> {
    let header = headers.iter().find(|it| it.name.eq_ignore_ascii_case(name));
    header.and_then(|it| std::str::from_utf8(it.value).ok()).map(str::trim)
}

/// Whether a header's value has the word in it, in letters of any case.
pub fn says(headers: &[httparse::Header<'_>], name: &str, word: &str) -> bool {
    value(headers, name).is_some_and(|it| it.to_ascii_lowercase().contains(word))
}
