//! Frame rate as the exact ratio containers store, so that 30000/1001 stays 30000/1001.

use std::fmt;

/// Frames per second as a reduced, positive ratio; both parts are in 1..=2^31-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fps {
    num: u32,
    den: u32,
}

impl Fps {
    /// `num` frames in `den` seconds. `None` if either is 0 or above 2^31-1, which containers cannot store.
    pub const fn new(num: u32, den: u32) -> Option<Self> {
        const MAX: u32 = i32::MAX as u32;
        if num == 0 || den == 0 || num > MAX || den > MAX {
            return None;
        }
        let divisor = gcd(num, den);
        Some(Self { num: num / divisor, den: den / divisor })
    }

    /// Frames, after reduction.
    pub const fn num(self) -> u32 {
        self.num
    }

    /// Seconds those frames take, after reduction.
    pub const fn den(self) -> u32 {
        self.den
    }

    /// Frames per second as a float.
    pub fn hz(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }
}

impl fmt::Display for Fps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 { write!(f, "{}", self.num) } else { write!(f, "{}/{}", self.num, self.den) }
    }
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_reduced_so_that_equal_rates_compare_equal() {
        assert_eq!(Fps::new(48, 2), Fps::new(24, 1));
        assert_eq!(Fps::new(30000, 1001).unwrap().to_string(), "30000/1001");
        assert_eq!(Fps::new(50, 2).unwrap().to_string(), "25");
    }

    #[test]
    fn zero_and_unstorable_rates_do_not_exist() {
        assert_eq!(Fps::new(0, 1), None);
        assert_eq!(Fps::new(24, 0), None);
        assert_eq!(Fps::new(u32::MAX, 1), None);
    }

    #[test]
    fn hz_is_the_quotient() {
        assert!((Fps::new(30000, 1001).unwrap().hz() - 29.970_029_970_03).abs() < 1e-9);
    }
}
