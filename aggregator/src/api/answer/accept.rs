//! How much a caller wants an answer in some form: the `accept` header of RFC 9110.
//!
//! What cannot be understood counts as not said. Parameters of media types do not matter here, because no two of our forms
//! differ by them.

use axum::http::HeaderValue;

/// In thousandths; 0 says not at all. Without a header, anything will do.
pub(in crate::api) fn quality<'a>(
    headers: impl IntoIterator<Item = &'a HeaderValue>,
    media_type: &str,
) -> u16 {
    let (family, _) = media_type.split_once('/').unwrap_or((media_type, ""));
    let mut best = None;
    let mut said = false;
    let texts: Vec<&str> = headers.into_iter().filter_map(|it| it.to_str().ok()).collect();
    for range in texts.iter().flat_map(|it| it.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let Some(name) = parts.next().filter(|it| it.contains('/')) else { continue };
        said = true;
        let rank = if name.eq_ignore_ascii_case(media_type) {
            2
        } else if name.len() == family.len() + 2
            && name.ends_with("/*")
            && name[..family.len()].eq_ignore_ascii_case(family)
        {
            1
        } else if name == "*/*" {
            0
        } else {
            continue;
        };
        let weight = parts.find_map(|it| it.strip_prefix("q=").or(it.strip_prefix("Q=")));
        let weight = weight.map_or(Some(1_000), thousandths).unwrap_or(1_000);
        // The most specific range decides; among equals, the one that wants it most.
        best = best.max(Some((rank, weight)));
    }
    best.map_or(if said { 0 } else { 1_000 }, |(_, weight)| weight)
}

fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let whole: u16 = whole.parse().ok().filter(|it| *it <= 1)?;
    let digits = fraction.bytes().all(|it| it.is_ascii_digit()) && fraction.len() <= 3;
    let fraction: u16 = format!("{fraction:0<3}").parse().ok().filter(|_| digits)?;
    Some((whole * 1_000 + fraction).min(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &[&str], expected: (u16, u16)) {
        let headers: Vec<_> = accept.iter().map(|it| HeaderValue::try_from(*it).unwrap()).collect();
        let wants = |media_type| quality(&headers, media_type);
        assert_eq!((wants("application/json"), wants("text/csv")), expected, "{accept:?}");
    }

    #[test]
    fn the_most_specific_range_says_how_much() {
        check(&[], (1_000, 1_000));
        check(&["*/*"], (1_000, 1_000));
        check(&["text/csv"], (0, 1_000));
        check(&["text/*;q=0.5, */*;q=0.1"], (100, 500));
        check(&["application/json;q=0, */*"], (0, 1_000));
        check(&["text/html", "application/xhtml+xml,*/*;q=0.8"], (800, 800));
        check(&["text/html"], (0, 0));
        check(&["Application/JSON ; q=0.25"], (250, 0));
    }

    #[test]
    fn nonsense_counts_as_not_said() {
        check(&["", "nonsense", ";q=1"], (1_000, 1_000));
        check(&["text/csv;q=much"], (0, 1_000));
        check(&["é/*, text/csv"], (1_000, 1_000));
        check(&["text/csv;q=0.0001"], (0, 1_000));
    }
}
