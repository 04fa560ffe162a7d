//! Where one HTTP/1.1 request ends and the next begins, in bytes that are only passing by.
//!
//! A proxy that answers some requests in place of the server must know when it holds a whole one,
//! and must not begin in the middle of one it has already let through. Only what clients here send
//! is understood: bodies with a `content-length` (RFC 9112, section 6). Invariant: bytes that are no
//! such request, TLS above all, make the rest of the connection [opaque](Framing::Opaque), never
//! an error.

/// Longer heads are not ours; a byte stream without an end of line must not fill the memory.
const HEAD_MAX: usize = 64 << 10;

/// How much of the present request has gone by.
#[derive(Debug)]
pub(super) enum Framing {
    Head(Vec<u8>),
    Body { left: usize },
    Opaque,
}

impl Framing {
    pub(super) fn new() -> Self {
        Self::Head(Vec::new())
    }

    /// Nothing of a request has been seen yet, so whoever decides about it may decide now.
    pub(super) fn is_between_requests(&self) -> bool {
        match self {
            Self::Head(seen) => seen.is_empty(),
            Self::Body { .. } => false,
            Self::Opaque => true,
        }
    }

    /// Takes what has come in and says how many requests it has completed.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> u64 {
        let mut completed = 0;
        while !bytes.is_empty() {
            match self {
                Self::Opaque => return completed,
                Self::Body { left } => {
                    let taken = (*left).min(bytes.len());
                    *left -= taken;
                    bytes = &bytes[taken..];
                }
                Self::Head(seen) => {
                    let before = seen.len();
                    seen.extend_from_slice(bytes);
                    let Some(end) = end_of_head(seen) else {
                        if seen.len() > HEAD_MAX || !begins_like_a_request(seen) {
                            *self = Self::Opaque;
                        }
                        return completed;
                    };
                    bytes = &bytes[end - before..];
                    *self = match body_length(&seen[..end]) {
                        Some(left) => Self::Body { left },
                        None => Self::Opaque,
                    };
                }
            }
            if matches!(self, Self::Body { left: 0 }) {
                completed += 1;
                *self = Self::new();
            }
        }
        completed
    }
}

fn end_of_head(seen: &[u8]) -> Option<usize> {
    seen.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// A method is made of capital letters; the first byte of a TLS record is a control character.
fn begins_like_a_request(seen: &[u8]) -> bool {
    seen.first().is_some_and(u8::is_ascii_uppercase)
}

fn body_length(head: &[u8]) -> Option<usize> {
    let head = str::from_utf8(head).ok()?;
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let mut length = 0;
    for (name, value) in headers {
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return None;
        }
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n";

    #[test]
    fn requests_are_counted_however_they_are_cut() {
        for size in 1..=TWO.len() {
            let mut framing = Framing::new();
            let completed: u64 = TWO.chunks(size).map(|chunk| framing.take(chunk)).sum();
            assert_eq!(completed, 2, "in chunks of {size}");
            assert!(framing.is_between_requests());
        }
    }

    #[test]
    fn the_middle_of_a_request_is_not_its_beginning() {
        for taken in [1, 20, 38, 40] {
            let mut framing = Framing::new();
            framing.take(&TWO[..taken]);
            assert!(!framing.is_between_requests(), "{taken}");
        }
    }

    #[test]
    fn what_is_not_understood_passes_by() {
        for bytes in [&b"\x16\x03\x01\x02"[..], b"POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n"]
        {
            let mut framing = Framing::new();
            assert_eq!(framing.take(bytes), 0);
            assert!(matches!(framing, Framing::Opaque));
            assert!(framing.is_between_requests());
        }
    }
}
