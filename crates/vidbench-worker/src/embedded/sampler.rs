//! Euler steps along the rectified flow `z = (1 - s) x + s e` from noise (s = 1) to a clean latent (s = 0).

/// Shape of a latent clip, [T, C, H, W]: one latent frame stands for four frames (nets/embedded/sampler.json).
pub(super) const LATENT: [usize; 4] = [4, 32, 8, 8];

/// Shift of the noise levels towards the noisy end; the value the model was trained with (nets/embedded/sampler.json).
pub(super) const SHIFT: f64 = 6.0;

/// The noise levels of `steps` steps: `steps + 1` falling numbers from 1 to 0.
pub(super) fn levels(steps: u32) -> Vec<f64> {
    let shifted = |u: f64| SHIFT * u / (1.0 + (SHIFT - 1.0) * u);
    (0..=steps).map(|i| shifted(1.0 - f64::from(i) / f64::from(steps))).collect()
}

/// Classifier-free guidance (Ho and Salimans 2022): moves the estimate away from the one made without the prompt.
pub(super) fn guided(conditional: f32, unconditional: f32, guidance: f32) -> f32 {
    unconditional + guidance * (conditional - unconditional)
}

/// One Euler step of a latent value towards the estimate `x`; `ratio` is the next level over the present one.
pub(super) fn stepped(z: f32, x: f32, ratio: f32) -> f32 {
    x + ratio * (z - x)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use vidbench_shapes::{
        Attributes, Background, Color, FRAME_COUNT, FRAME_SIZE, Motion, Shape, Size, Vocabulary,
    };

    use super::*;
    use crate::embedded::model_info;

    fn vocabulary<V: Vocabulary>() -> Value {
        let values: Vec<&str> = V::ALL.iter().map(|value| value.word()).collect();
        json!({ "name": V::ATTRIBUTE, "values": values, "null_index": values.len() })
    }

    #[test]
    fn constants_are_those_the_networks_were_exported_with() {
        let exported: Value =
            serde_json::from_str(include_str!("../../../../nets/embedded/sampler.json")).unwrap();
        let defaults = model_info().defaults;
        assert_eq!(exported["latent_shape"], json!(LATENT));
        assert_eq!(exported["clip_shape"], json!([FRAME_COUNT, 3, FRAME_SIZE, FRAME_SIZE]));
        assert_eq!(exported["shift"], json!(SHIFT));
        assert_eq!(exported["default_steps"], json!(defaults.steps));
        assert_eq!(exported["default_guidance"], json!(defaults.guidance));
        assert_eq!(exported["fps"].as_f64(), Some(defaults.fps));
        let vocabularies = [
            vocabulary::<Size>(),
            vocabulary::<Color>(),
            vocabulary::<Shape>(),
            vocabulary::<Motion>(),
            vocabulary::<Background>(),
        ];
        assert_eq!(exported["attributes"], json!(vocabularies));
        assert_eq!(
            vocabularies.map(|v| v["null_index"].clone()).to_vec(),
            Attributes::CARDINALITIES.map(|n| json!(n)).to_vec()
        );
    }

    #[test]
    fn levels_fall_from_one_to_zero() {
        for steps in [1, 2, 16, 256] {
            let levels = levels(steps);
            assert_eq!(levels.len(), steps as usize + 1);
            assert_eq!((levels[0], levels[steps as usize]), (1.0, 0.0));
            assert!(levels.windows(2).all(|pair| pair[0] > pair[1]));
        }
    }

    #[test]
    fn the_middle_level_is_shifted_towards_noise() {
        assert_eq!(levels(2)[1], 3.0 / 3.5);
    }

    #[test]
    fn guidance_of_one_is_the_conditional_estimate_and_of_zero_the_unconditional() {
        assert_eq!(guided(3.0, 2.0, 1.0), 3.0);
        assert_eq!(guided(3.0, 2.0, 0.0), 2.0);
        assert_eq!(guided(3.0, 2.0, 3.0), 5.0);
    }

    #[test]
    fn the_last_step_lands_on_the_estimate() {
        assert_eq!(stepped(7.0, 2.5, 0.0), 2.5);
        assert_eq!(stepped(7.0, 2.5, 1.0), 7.0);
    }
}
