//! Shares of small numbers, with how far they can be trusted.

/// The standard deviations within which 95 of 100 samples lie.
const Z: f64 = 1.96;

/// Between which shares the true one lies, in 95 of 100 cases, when so many of so many were seen (Wilson's score interval, which
/// unlike the plain one makes sense for few and for none). Everything is possible when none were seen.
pub(super) fn between(hits: u64, of: u64) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let n = float(of);
    let share = (float(hits) / n).min(1.0);
    let z2 = Z * Z;
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let reach = Z / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    ((middle - reach).max(0.0), (middle + reach).min(1.0))
}

/// Part of a whole; of nothing, none.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { float(part) / float(whole) }
}

/// `3.2 %`, `0.05 %`: as many places as say something.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let percent = 100.0 * share(part, whole);
    if percent >= 10.0 || percent == 0.0 {
        format!("{percent:.0} %")
    } else if percent >= 1.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.2} %")
    }
}

/// Counts beyond four thousand million are as good as that many.
fn float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_say_little_and_many_say_much() {
        let told = |hits, of| {
            let (low, high) = between(hits, of);
            format!("{low:.3} {high:.3}")
        };
        assert_eq!(told(0, 0), "0.000 1.000");
        assert_eq!(told(0, 10), "0.000 0.278");
        assert_eq!(told(5, 10), "0.237 0.763");
        assert_eq!(told(500, 1000), "0.469 0.531");
        assert_eq!(told(10, 10), "0.722 1.000");
    }

    #[test]
    fn shares_are_written_with_the_places_that_say_something() {
        let written: Vec<_> =
            [(0, 5), (1, 3), (1, 40), (1, 2_000)].map(|(it, of)| percent(it, of)).into();
        assert_eq!(written, ["0 %", "33 %", "2.5 %", "0.05 %"]);
    }
}
