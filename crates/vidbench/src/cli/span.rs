//! Spans of time on the command line.

use std::time::Duration;

/// A number and its unit, so that nobody has to guess which one is meant.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let secs = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _other => return Err("a whole number and s, m, h or d is needed, such as 6h".into()),
    };
    let number: u64 = number.parse().map_err(|_| format!("{text} is no time such as 6h"))?;
    number.checked_mul(secs).map(Duration::from_secs).ok_or_else(|| format!("{text} is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_number_and_a_unit() {
        let secs = |text: &str| span(text).map(|span| span.as_secs());
        assert_eq!(["0s", "45m", "6h", "2d"].map(secs), [Ok(0), Ok(2700), Ok(21_600), Ok(172_800)]);
        for bad in ["", "6", "h", "-6h", "6.5h", "6 h", "6H", "6hours", "inf", "NaN", "\u{664}h"] {
            assert!(span(bad).is_err(), "{bad}");
        }
        assert_eq!(span("18446744073709551615d"), Err("18446744073709551615d is too long".into()));
    }
}
