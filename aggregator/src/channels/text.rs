//! Texts that fit: what receivers limit, and what must not reach them.
//!
//! **Invariant.** Cutting never makes a text longer than it may be, never splits a character, and shows that something is missing.

pub(super) use crate::domain::words::cut;

/// What stands where something is missing.
const ELLIPSIS: char = '…';

/// Without control characters: a line's end stays where `lines` says so, everything else of the kind becomes a space. Also without
/// the characters that turn the direction of what follows, which make a name read as another.
pub(super) fn clean(text: &str, lines: bool) -> String {
    let clean = |it: char| match it {
        '\n' if lines => '\n',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
        it if it.is_control() => ' ',
        it => it,
    };
    text.chars().map(clean).collect()
}

/// At most `max` characters, each of which may become several by `escape`; counted as they become.
pub(super) fn fit(text: &str, max: usize, escape: impl Fn(char) -> Option<&'static str>) -> String {
    let mut fitted = String::new();
    let mut used = 0;
    // How far the text may go if more follows than there is room for.
    let mut safe = 0;
    for letter in text.chars() {
        let escaped = escape(letter);
        let width = escaped.map_or(1, |it| it.chars().count());
        if used + width > max {
            fitted.truncate(safe);
            if max > 0 {
                fitted.push(ELLIPSIS);
            }
            return fitted;
        }
        match escaped {
            Some(it) => fitted.push_str(it),
            None => fitted.push(letter),
        }
        used += width;
        if used < max {
            safe = fitted.len();
        }
    }
    fitted
}

/// At most `max` bytes.
pub(super) fn cut_bytes(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let room = max.saturating_sub(ELLIPSIS.len_utf8());
    let end = (0..=room).rev().find(|it| text.is_char_boundary(*it)).unwrap_or(0);
    if room == 0 { String::new() } else { format!("{}{ELLIPSIS}", &text[..end]) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_cut_shows_it() {
        assert_eq!(cut("orders", 6), "orders");
        assert_eq!(cut("orders", 5), "orde…");
        assert_eq!(cut("orders", 1), "…");
        assert_eq!(cut("orders", 0), "");
        assert_eq!(cut_bytes("größer", 6), "gr…");
        assert_eq!(clean("a\u{1}b\nc\u{202e}d", false), "a b c d");
        assert_eq!(clean("a\u{1}b\nc", true), "a b\nc");
    }

    proptest! {
        #[test]
        fn nothing_is_longer_than_it_may_be(text in "(?s).{0,60}", max in 0usize..40) {
            let escape = |it| (it == '&').then_some("&amp;");
            prop_assert!(fit(&text, max, escape).chars().count() <= max);
            prop_assert!(cut(&text, max).chars().count() <= max);
            prop_assert!(cut_bytes(&text, max).len() <= max);
            if text.len() <= max {
                prop_assert_eq!(cut(&text, max), text.clone());
                prop_assert_eq!(cut_bytes(&text, max), text);
            }
        }
    }
}
