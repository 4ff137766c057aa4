//! The two special functions that exact intervals need: the logarithm of gamma and the incomplete beta function.

/// Coefficients of Stirling's series, `B_2k / (2k (2k - 1))` for k = 1.. (Abramowitz and Stegun 1964, 6.1.40).
const STIRLING: [f64; 6] =
    [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0];

/// From this argument on, six terms of the series are exact to about 1e-16.
const STIRLING_FROM: f64 = 12.0;

/// More terms than any argument in use needs: about the square root of the larger parameter, up to 1e7 samples.
const MAX_TERMS: u32 = 20_000;

/// Natural logarithm of the gamma function, for `x > 0`.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    let mut shifted = x;
    let mut product_ln = 0.0;
    while shifted < STIRLING_FROM {
        product_ln += shifted.ln();
        shifted += 1.0;
    }
    let square = shifted * shifted;
    let series = STIRLING.iter().rev().fold(0.0, |sum, term| sum / square + term) / shifted;
    (shifted - 0.5) * shifted.ln() - shifted + 0.5 * std::f64::consts::TAU.ln() + series - product_ln
}

/// Regularised incomplete beta function `I_x(a, b)`, for `a, b > 0` and `x` in [0, 1].
pub(crate) fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    // The fraction converges fast below the mean of the distribution; above it the symmetric form is used.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(x, a, b) / a
    } else {
        1.0 - front * beta_fraction(1.0 - x, b, a) / b
    }
}

/// The continued fraction of the incomplete beta function (Abramowitz and Stegun 1964, 26.5.8), evaluated forwards by
/// the method of Lentz (1976), which works with ratios of numerators and denominators, so that nothing overflows.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut numerator_ratio = 1.0;
    let mut denominator_ratio = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = denominator_ratio;
    for term in 1..=MAX_TERMS {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for coefficient in [even, odd] {
            denominator_ratio = 1.0 / away_from_zero(1.0 + coefficient * denominator_ratio);
            numerator_ratio = away_from_zero(1.0 + coefficient / numerator_ratio);
            fraction *= denominator_ratio * numerator_ratio;
        }
        if (fraction - before).abs() <= 1e-15 * fraction.abs() {
            break;
        }
    }
    fraction
}

/// Probability of at most `successes` in `trials` of probability `p`.
pub(crate) fn binomial_at_most(successes: u64, trials: u64, p: f64) -> f64 {
    if successes >= trials {
        return 1.0;
    }
    incomplete_beta(1.0 - p, (trials - successes) as f64, successes as f64 + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ln_gamma_of_known_arguments() {
        for (x, expected) in [
            (1.0, 0.0),
            (0.5, std::f64::consts::PI.sqrt().ln()),
            (5.0, 24f64.ln()),
            (11.0, 3_628_800f64.ln()),
            // ln 99! = sum of logarithms.
            (100.0, (1..100).map(|k| f64::from(k).ln()).sum::<f64>()),
        ] {
            assert!((ln_gamma(x) - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{x}");
        }
    }

    #[test]
    fn binomial_equals_the_sum_of_its_terms() {
        for (n, p) in [(11_u64, 0.5_f64), (64, 0.1), (130, 0.05), (30, 0.9)] {
            let mut term = (1.0 - p).powi(n as i32);
            let mut sum = 0.0;
            for k in 0..n {
                sum += term;
                assert!((binomial_at_most(k, n, p) - sum).abs() < 1e-12, "n {n}, p {p}, k {k}");
                term *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
            }
            assert_eq!(binomial_at_most(n, n, p), 1.0);
        }
    }
}
