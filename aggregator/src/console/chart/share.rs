//! How much of something is used, as a bar in a table's row.

use std::fmt;

/// A share of a whole, with what it is in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    /// In whole percent, up to 100.
    filled: u8,
    /// Beyond the share from which on it is worth a look.
    near: bool,
}

/// From this share of its timeout on a function is close to it.
const NEAR_PERCENT: u8 = 80;

impl Share {
    /// Of a share of which 1 is the whole.
    pub(crate) fn of(share: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "held to what fits"
        )]
        let filled = (share * 100.0).round().clamp(0.0, 100.0) as u8;
        Self { filled, near: filled >= NEAR_PERCENT }
    }

    /// The same of something that may be whole without harm.
    pub(crate) fn plain(share: f64) -> Self {
        Self { near: false, ..Self::of(share) }
    }

    pub(crate) fn is_near(&self) -> bool {
        self.near
    }

    pub(crate) fn percent(&self) -> u8 {
        self.filled
    }
}

/// The bar. What it says stands beside it in words, so that nobody has to be read it.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let near = if self.near { " near" } else { "" };
        write!(
            f,
            r#"<svg class="meter{near}" width="100%" height="6" aria-hidden="true"><rect class="all" width="100%" height="6" rx="3"/><rect class="part" width="{}%" height="6" rx="3"/></svg>"#,
            self.filled
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_never_longer() {
        assert!(Share::of(0.374).to_string().contains(r#"width="37%""#));
        assert!(Share::of(1.7).to_string().contains(r#"class="meter near""#));
        assert_eq!([-1.0, 0.794, 0.795, 12.0].map(|it| Share::of(it).percent()), [0, 79, 80, 100]);
        assert!(Share::of(0.8).is_near() && !Share::of(0.79).is_near());
    }
}
