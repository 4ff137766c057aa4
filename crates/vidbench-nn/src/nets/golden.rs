//! What PyTorch computes with each net and random weights, and how far a runtime's results are from that.
//!
//! `nets/export` makes the goldens. They ship with the binary, so that anyone can check, without any weights, whether
//! the nets compute correctly on their machine.

use serde::Deserialize;

use super::shipped::find;
use super::{Net, NetError, random_uniform};
use crate::tensor::{DType, Tensor};

/// Largest difference that counts as equal, relative to the largest magnitude among the values compared.
pub const GOLDEN_TOLERANCE: f64 = 1e-4;

/// What a net with the random weights of one seed gives for some inputs.
#[derive(Debug, Clone, Deserialize)]
pub struct Golden {
    seed: u64,
    cases: Vec<Case>,
}

#[derive(Debug, Clone, Deserialize)]
struct Case {
    inputs: Vec<Input>,
    outputs: Vec<Output>,
}

#[derive(Debug, Clone, Deserialize)]
struct Input {
    name: String,
    shape: Vec<usize>,
    rule: String,
    dtype: String,
    low: Option<f64>,
    high: Option<f64>,
    count: Option<f64>,
    zeros: Option<usize>,
}

#[derive(Debug, Clone, Deserialize)]
struct Output {
    shape: Vec<usize>,
    mean_abs: f64,
    /// The first values, and in `spread` as many more, spread evenly over all.
    first: Vec<f64>,
    spread: Vec<f64>,
}

impl Golden {
    /// The golden of a net.
    ///
    /// # Errors
    ///
    /// [`NetError::Unknown`].
    pub fn of(name: &str) -> Result<Self, NetError> {
        let net = find(name).ok_or_else(|| NetError::Unknown { name: name.to_owned() })?;
        serde_json::from_str(net.golden).map_err(|error| NetError::shipped(net.name, error))
    }

    /// The seed of the weights.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Number of cases: shapes of inputs.
    pub fn cases(&self) -> usize {
        self.cases.len()
    }

    /// What a net gives for the inputs of a case; empty for a case that does not exist.
    ///
    /// # Errors
    ///
    /// Errors of running the net.
    pub fn outputs(&self, net: &Net, case: usize) -> Result<Vec<Tensor>, NetError> {
        let Some(case) = self.cases.get(case) else { return Ok(Vec::new()) };
        let inputs = case.inputs.iter().map(|input| Ok((input.name.as_str(), input.tensor(self.seed)?)));
        net.run(&inputs.collect::<Result<Vec<_>, NetError>>()?)
    }

    /// How far a net with those weights is from PyTorch in a case: the largest difference, relative to the largest
    /// magnitude. Infinite for an output of another shape.
    ///
    /// # Errors
    ///
    /// Errors of running the net.
    pub fn distance(&self, net: &Net, case: usize) -> Result<f64, NetError> {
        let found = self.outputs(net, case)?;
        let Some(case) = self.cases.get(case) else { return Ok(f64::INFINITY) };
        if found.len() != case.outputs.len() {
            return Ok(f64::INFINITY);
        }
        let apart = found.iter().zip(&case.outputs).map(|(found, wanted)| Ok(wanted.distance(found)?));
        apart.collect::<Result<Vec<f64>, NetError>>().map(|apart| apart.into_iter().fold(0.0, f64::max))
    }
}

impl Input {
    /// Makes the input by the rules of `nets/export/net.py`.
    fn tensor(&self, seed: u64) -> Result<Tensor, NetError> {
        let (count, row) = (self.shape.iter().product(), self.shape.last().copied().unwrap_or(1));
        let uniform = random_uniform(&format!("input:{}", self.name), count, seed);
        let (low, high) = (self.low.unwrap_or(0.0), self.high.unwrap_or(1.0));
        let mut values: Vec<f64> = match self.rule.as_str() {
            "floor(u * count)" => uniform.map(|u| (u * self.count.unwrap_or(1.0)).floor()).collect(),
            "1 + floor(u * 49000), the last of each row 49407" => {
                uniform.map(|u| 1.0 + (u * 49_000.0).floor()).collect()
            }
            "1, the last `zeros` of each row 0" => vec![1.0; count],
            _ => uniform.map(|u| low + (high - low) * u).collect(),
        };
        for row in values.chunks_mut(row) {
            let ones = row.len().saturating_sub(self.zeros.unwrap_or(0));
            row[ones..].fill(0.0);
            if let (Some(last), true) = (row.last_mut(), self.rule.ends_with("49407")) {
                *last = 49_407.0;
            }
        }
        let shape = self.shape.clone();
        Ok(match self.dtype.as_str() {
            "i64" => Tensor::i64(shape, values.iter().map(|value| *value as i64).collect())?,
            _ => Tensor::f32(shape, values.iter().map(|value| *value as f32).collect())?,
        })
    }
}

impl Output {
    fn distance(&self, found: &Tensor) -> Result<f64, crate::NnError> {
        if found.shape() != self.shape || found.dtype() != DType::F32 {
            return Ok(f64::INFINITY);
        }
        let found = found.as_f32()?;
        let place = |at: usize| at * (found.len() - 1) / (self.spread.len() - 1).max(1);
        let first = self.first.iter().enumerate().map(|(at, wanted)| (found[at], *wanted));
        let spread = self.spread.iter().enumerate().map(|(at, wanted)| (found[place(at)], *wanted));
        let (mut apart, mut largest) = (0.0_f64, 0.0_f64);
        for (found, wanted) in first.chain(spread) {
            apart = apart.max((f64::from(found) - wanted).abs());
            largest = largest.max(wanted.abs());
        }
        let mean = found.iter().map(|value| f64::from(value.abs())).sum::<f64>() / found.len() as f64;
        Ok((apart / largest).max((mean - self.mean_abs).abs() / self.mean_abs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::Skeleton;

    #[test]
    fn every_net_that_ships_has_a_golden_whose_rules_are_known() {
        const RULES: [&str; 4] = [
            "low + (high - low) * u",
            "floor(u * count)",
            "1 + floor(u * 49000), the last of each row 49407",
            "1, the last `zeros` of each row 0",
        ];
        for name in Skeleton::names() {
            let golden = Golden::of(name).unwrap();
            let inputs = golden.cases.iter().flat_map(|case| &case.inputs);
            assert!(inputs.clone().count() > 0, "{name}");
            for input in inputs {
                assert!(RULES.contains(&input.rule.as_str()), "{name}: {}", input.rule);
                assert!(["f32", "i64"].contains(&input.dtype.as_str()), "{name}: {}", input.dtype);
            }
        }
    }
}
