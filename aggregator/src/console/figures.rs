//! Numbers as people read them.

/// `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// At most four characters: `999`, `1.2k`, `34k`, `5.6M`.
pub(super) fn compact(number: u64) -> String {
    let scaled = |unit: u64, name: char| {
        let tenths = number / (unit / 10);
        if tenths < 100 && !tenths.is_multiple_of(10) {
            format!("{}.{}{name}", tenths / 10, tenths % 10)
        } else {
            format!("{}{name}", tenths / 10)
        }
    };
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => scaled(1_000, 'k'),
        _ => scaled(1_000_000, 'M'),
    }
}

/// A share in percent; nothing of nothing is no share.
pub(super) fn percent(part: u64, whole: u64) -> Option<String> {
    if whole == 0 {
        return None;
    }
    let rounded = |of: u64| (part.saturating_mul(of).saturating_add(whole / 2)) / whole;
    // Neither "nothing" nor "everything" is said of what is only close to it.
    Some(match (part, rounded(1_000)) {
        (0, _) => "0 %".to_owned(),
        (_, 0) => "< 0.1 %".to_owned(),
        (_, tenths @ 1..100) => format!("{}.{} %", tenths / 10, tenths % 10),
        _ if part < whole && rounded(100) >= 100 => "> 99 %".to_owned(),
        _ => format!("{} %", rounded(100)),
    })
}

/// How much of `whole` `part` is, in whole percent up to 100.
pub(super) fn filled(part: u128, whole: u128) -> u8 {
    let percent = (part * 100).checked_div(whole).unwrap_or(0).min(100);
    u8::try_from(percent).unwrap_or(100)
}

/// `74 MB`, `10 GB`: MiB as Lambda calls them.
pub(super) fn megabytes(mib: u32) -> String {
    if mib >= 1_024 && mib.is_multiple_of(1_024) {
        format!("{} GB", mib / 1_024)
    } else {
        format!("{} MB", grouped(mib.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_for_people() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let shares = [(0, 9), (1, 9_999), (1, 600), (1, 30), (1, 3), (999, 1_000), (9, 9)]
            .map(|(part, whole)| percent(part, whole).unwrap());
        assert_eq!(shares, ["0 %", "< 0.1 %", "0.2 %", "3.3 %", "33 %", "> 99 %", "100 %"]);
        assert_eq!(
            [7, 999, 1_000, 1_250, 34_999, 5_600_000].map(compact),
            ["7", "999", "1k", "1.2k", "34k", "5.6M"]
        );
        assert_eq!(percent(0, 0), None);
        assert_eq!(
            [128, 1_024, 1_769, 10_240].map(megabytes),
            ["128 MB", "1 GB", "1,769 MB", "10 GB"]
        );
        assert_eq!(filled(3, 4), 75);
        assert_eq!(filled(9, 4), 100);
    }
}
