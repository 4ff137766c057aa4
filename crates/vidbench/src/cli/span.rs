//! Spans of time on the command line.

use std::time::Duration;

/// Numbers with their units, so that nobody has to guess which one is meant: `90s`, `6h`, `1h30m`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let mut rest = text;
    let (mut secs, mut before) = (0_u64, u64::MAX);
    while !rest.is_empty() || text.is_empty() {
        let is_digit = |c: char| c.is_ascii_digit();
        let digits = rest.find(|c| !is_digit(c)).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let unit = match after.chars().next() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86_400,
            Some(_) | None => 0,
        };
        // The larger unit first, and each once: "30m1h" and "6hours" are mistakes more likely than meant.
        if number.is_empty() || unit == 0 || unit >= before {
            return Err("expected whole numbers with s, m, h or d, such as 6h or 1h30m".into());
        }
        let too_long = || format!("{text} is too long");
        let number: u64 = number.parse().map_err(|_| too_long())?;
        let part = number.checked_mul(unit).ok_or_else(too_long)?;
        secs = secs.checked_add(part).ok_or_else(too_long)?;
        (rest, before) = (&after[1..], unit);
    }
    Ok(Duration::from_secs(secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_number_and_a_unit() {
        let secs = |text: &str| span(text).map(|span| span.as_secs());
        assert_eq!(["0s", "45m", "6h", "2d"].map(secs), [Ok(0), Ok(2700), Ok(21_600), Ok(172_800)]);
        assert_eq!(["1h30m", "1d1s", "1h90m"].map(secs), [Ok(5400), Ok(86_401), Ok(9000)]);
        for bad in [
            "", "6", "h", "1h30", "30m1h", "1h1h", "h30m", "-6h", "6.5h", "6 h", "6H", "6hours", "inf",
            "NaN", "\u{664}h",
        ] {
            assert!(span(bad).is_err(), "{bad}");
        }
        for long in ["18446744073709551615d", "99999999999999999999s", "18446744073709551615m1s"] {
            assert_eq!(span(long), Err(format!("{long} is too long")));
        }
    }
}
