//! A row's hours as a line of strokes: nothing known, calm, timed out.

use std::fmt::{self, Write as _};

use askama::filters::HtmlSafe;

const STEP: usize = 4;
const HEIGHT: u64 = 20;

/// Three paths, and the same in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Spark {
    unseen: String,
    calm: String,
    bad: String,
    width: usize,
    words: String,
}

impl Spark {
    /// Of timeouts, hour by hour, of which `None` are not known; what is missing at the end is not known either.
    pub(crate) fn of(known: &[Option<u64>], length: usize) -> Self {
        let later = std::iter::repeat(None);
        let hours: Vec<_> = known.iter().copied().chain(later).take(length).collect();
        let most = hours.iter().flatten().max().copied().unwrap_or(0);
        let width = hours.len() * STEP;
        let mut spark = Self { width, words: words(&hours, most), ..Self::default() };
        for (at, timeouts) in hours.iter().enumerate() {
            let x = at * STEP + STEP / 2;
            let (path, height) = match timeouts {
                None => (&mut spark.unseen, 1),
                Some(0) => (&mut spark.calm, 2),
                Some(count) => (&mut spark.bad, (count * HEIGHT).div_ceil(most).max(4)),
            };
            // Writing into a text does not fail.
            let _ = write!(path, "M{x} {HEIGHT}v-{height}");
        }
        spark
    }
}

fn words(hours: &[Option<u64>], most: u64) -> String {
    let known = hours.iter().flatten().count();
    let total: u64 = hours.iter().flatten().sum();
    let data = format!("data for {known} of {} hours", hours.len());
    if total == 0 {
        return format!("No timeouts; {data}");
    }
    format!("{total} timeouts, at most {most} in an hour; {data}")
}

impl fmt::Display for Spark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unseen, calm, bad, width, words } = self;
        write!(
            f,
            r#"<svg class="spark" viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{words}">"#
        )?;
        for (class, path) in [("unseen", unseen), ("calm", calm), ("bad", bad)] {
            if !path.is_empty() {
                write!(f, r#"<path class="{class}" d="{path}"/>"#)?;
            }
        }
        f.write_str("</svg>")
    }
}

/// It is made of numbers and of words of ours.
impl HtmlSafe for Spark {}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn no_data_and_no_timeouts_look_and_read_differently() {
        let spark = Spark::of(&[None, Some(0), Some(3), Some(1)], 4).to_string();
        expect![[
            r#"<svg class="spark" viewBox="0 0 16 20" role="img" aria-label="4 timeouts, at most 3 in an hour; data for 3 of 4 hours"><path class="unseen" d="M2 20v-1"/><path class="calm" d="M6 20v-2"/><path class="bad" d="M10 20v-20M14 20v-7"/></svg>"#
        ]]
        .assert_eq(&spark);
        assert!(
            Spark::of(&[Some(0)], 2).to_string().contains("No timeouts; data for 1 of 2 hours")
        );
    }
}
