//! One object while it is filled, and one that a killed process left unfinished.
//!
//! Lines are compressed as they come. After each body the compressor is made to give out all it has, so that what is on
//! disk can be read up to there, whatever becomes of us.
//!
//! **Invariant.** An object ends soon after it has `LENGTH_MAX` compressed or `TEXT_MAX` uncompressed bytes: one more line fits.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use bytes::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use overtime_wire::EpochMillis;

use super::{desk::Line, key::Hour};

const LENGTH_MAX: usize = 512 * 1024;
const TEXT_MAX: usize = 8 * 1024 * 1024;
/// More text than any object of ours has.
const READ_MAX: u64 = 64 * 1024 * 1024;

/// Lines of one hour, so far.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) hour: Hour,
    pub(super) number: u32,
    compressor: GzEncoder<Vec<u8>>,
    pub(super) lines: u32,
    text: usize,
    /// When the first line came that is worth a request.
    pub(super) since: Option<EpochMillis>,
}

impl Open {
    pub(super) fn new(hour: Hour, number: u32) -> Self {
        let compressor = GzEncoder::new(Vec::new(), Compression::fast());
        Self { hour, number, compressor, lines: 0, text: 0, since: None }
    }

    pub(super) fn add(&mut self, line: Line<'_>, now: EpochMillis) {
        // Memory takes everything.
        let _ = self.compressor.write_all(line.bytes);
        self.lines = self.lines.saturating_add(1);
        self.text += line.bytes.len();
        if line.is_news {
            self.since.get_or_insert(now);
        }
    }

    /// Has the compressor give out what it holds back.
    pub(super) fn flush(&mut self) {
        let _ = self.compressor.flush();
    }

    /// All that was given out.
    pub(super) fn bytes(&self) -> &[u8] {
        self.compressor.get_ref()
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes().len() >= LENGTH_MAX || self.text >= TEXT_MAX
    }

    pub(super) fn seal(self) -> Bytes {
        self.compressor.finish().unwrap_or_default().into()
    }
}

/// An object as it was left, whole again, and how many lines it has; `None` where there is nothing to be read.
pub(super) fn mended(bytes: Vec<u8>) -> Option<(Bytes, u32)> {
    let mut whole = GzEncoder::new(Vec::new(), Compression::fast());
    let mut reader = BufReader::new(GzDecoder::new(&*bytes).take(READ_MAX));
    let (mut line, mut lines) = (Vec::new(), 0_u32);
    let is_whole = loop {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) => break true,
            Ok(_) if line.ends_with(b"\n") => {
                whole.write_all(&line).ok()?;
                lines = lines.saturating_add(1);
            }
            // It was cut off.
            Ok(_) | Err(_) => break false,
        }
    };
    if lines == 0 {
        return None;
    }
    let bytes = if is_whole { bytes } else { whole.finish().ok()? };
    Some((bytes.into(), lines))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(texts: &[String]) -> Open {
        let mut open = Open::new(Hour(0), 0);
        for text in texts {
            let line = Line { at: EpochMillis(0), is_news: true, bytes: text.as_bytes() };
            open.add(line, EpochMillis(0));
        }
        open
    }

    fn text(bytes: &[u8]) -> String {
        let mut text = String::new();
        GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn an_object_ends_when_it_has_enough() {
        let mut open = Open::new(Hour(0), 0);
        let line = "x".repeat(1024 * 1024);
        while !open.is_full() {
            let line = Line { at: EpochMillis(0), is_news: false, bytes: line.as_bytes() };
            open.add(line, EpochMillis(0));
        }
        assert_eq!((open.lines, open.since), (8, None));
    }

    #[test]
    fn what_is_no_object_is_none() {
        for bytes in [&b""[..], b"not gzip", &Open::new(Hour(0), 0).seal()] {
            assert_eq!(mended(bytes.to_vec()), None);
        }
    }

    proptest! {
        #[test]
        fn whatever_was_flushed_survives_a_kill(
            texts in prop::collection::vec("[a-z]{0,80}\n", 1..40),
            flushed in 0usize..40,
            lost in 0usize..64,
        ) {
            let flushed = flushed.min(texts.len());
            let mut open = filled(&texts[..flushed]);
            open.flush();
            let safe = open.bytes().len();
            for text in &texts[flushed..] {
                let line = Line { at: EpochMillis(0), is_news: true, bytes: text.as_bytes() };
                open.add(line, EpochMillis(0));
            }
            open.flush();
            let mut left = open.bytes().to_vec();
            left.truncate(left.len().saturating_sub(lost).max(safe));
            match mended(left) {
                None => prop_assert_eq!(flushed, 0),
                Some((bytes, lines)) => {
                    let lines = usize::try_from(lines).unwrap();
                    prop_assert!(lines >= flushed);
                    prop_assert_eq!(text(&bytes), texts[..lines].concat());
                }
            }
            let sealed = open.seal();
            let lines = u32::try_from(texts.len()).unwrap();
            prop_assert_eq!(mended(sealed.to_vec()), Some((sealed, lines)));
        }

        #[test]
        fn no_file_is_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..60) {
            mended(bytes.clone());
            let mut real = filled(&["line\n".to_owned()]).seal().to_vec();
            real.truncate(cut);
            mended([real, bytes].concat());
        }
    }
}
