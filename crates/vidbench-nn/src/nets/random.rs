//! Random weights that any language can reproduce, bit for bit: `nets/export/weights.py` makes the same in Python.
//!
//! A net with random weights costs as much time as the real one, and its numbers mean nothing. Such nets serve to test
//! one runtime against another, and to measure speed before gigabytes are fetched.

use super::TensorSpec;

const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// A tensor of weights, by the rules in the head of `weights.py`; the first rule that fits applies.
pub fn random_weights(spec: &TensorSpec, seed: u64) -> Vec<f32> {
    let fan_in = spec.shape.iter().skip(1).product::<usize>().max(1) as f64;
    let (name, axes) = (spec.name.as_str(), spec.shape.len());
    let uniform = random_uniform(name, spec.elements(), seed);
    let rule: Box<dyn Fn(f64) -> f64> = if is_lpips_head(name) {
        Box::new(move |u| u / fan_in)
    } else if name.ends_with("running_var") {
        Box::new(|u| 0.5 + u)
    } else if axes == 1 && name.ends_with("weight") {
        Box::new(|u| 0.75 + 0.5 * u)
    } else if axes < 2 {
        Box::new(|u| 0.2 * (u - 0.5))
    } else {
        let bound = (gain(name, axes) / fan_in).sqrt();
        Box::new(move |u| (2.0 * u - 1.0) * bound)
    };
    uniform.map(|u| rule(u) as f32).collect()
}

/// `count` numbers in [0, 1), multiples of 2^-24, drawn for `name`.
pub fn random_uniform(name: &str, count: usize, seed: u64) -> impl Iterator<Item = f64> + use<> {
    let key = fnv1a(name) ^ seed.wrapping_mul(GOLDEN_GAMMA);
    (1..=count as u64).map(move |at| {
        let drawn = splitmix(key.wrapping_add(at.wrapping_mul(GOLDEN_GAMMA))) >> 40;
        drawn as f64 / f64::from(1_u32 << 24)
    })
}

/// The factor that keeps the output of a layer as large as its input. The last layers of flow nets get a small one, so
/// that flows are short.
fn gain(name: &str, axes: usize) -> f64 {
    let behind = ["convblock", "flow_head", "feat_head", "comb_block"];
    match name {
        _ if name.ends_with("flow_head.conv2.weight") => 0.06,
        _ if behind.iter().any(|block| name.ends_with(&format!("{block}.2.weight"))) => 0.0006,
        _ if axes == 2 => 3.0,
        _ => 6.0,
    }
}

/// Matches names such as `lin0.model.1.weight`: the trained heads have no negative weights.
fn is_lpips_head(name: &str) -> bool {
    let digit = name.strip_prefix("lin").and_then(|rest| rest.strip_suffix(".model.1.weight"));
    digit.is_some_and(|digit| digit.len() == 1 && digit.bytes().all(|byte| byte.is_ascii_digit()))
}

fn fnv1a(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    text.bytes().fold(0xCBF2_9CE4_8422_2325, step)
}

fn splitmix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the table in nets/export/README.md.
    #[test]
    fn the_weights_are_those_of_the_exporter() {
        let cases: [(&str, &[usize], [f32; 3]); 8] = [
            ("lin0.model.1.weight", &[1, 64, 1, 1], [0.010_345_148, 0.012_152_01, 0.004_776_416_3]),
            ("bn1.running_var", &[64], [1.353_725_9, 0.870_224_4, 1.490_887_2]),
            ("ln_1.weight", &[768], [0.843_769_9, 0.997_421_4, 0.768_374_15]),
            ("ln_1.bias", &[768], [-0.099_025_63, 0.015_331_018, -0.094_997_12]),
            (
                "update_block.flow_head.conv2.weight",
                &[2, 256, 3, 3],
                [-0.001_742_822, -0.002_234_273_4, 0.004_916_700_5],
            ),
            (
                "decoder1.convblock.2.weight",
                &[60, 24, 4, 4],
                [-0.000_633_557_44, 0.000_584_221_6, 0.000_524_386_6],
            ),
            ("fc6.weight", &[4096, 8192], [0.006_659_398_3, -0.018_894_12, -0.014_088_865]),
            ("conv1.weight", &[64, 3, 7, 7], [-0.199_621_28, 0.097_697_45, -0.132_929_44]),
        ];
        for (name, shape, wanted) in cases {
            let weights = random_weights(&TensorSpec { name: name.into(), shape: shape.into() }, 1);
            assert_eq!([weights[0], weights[1], *weights.last().unwrap()], wanted, "{name}");
        }
        assert_eq!(fnv1a("ln_1.weight"), 14_618_611_167_898_662_131);
    }
}
