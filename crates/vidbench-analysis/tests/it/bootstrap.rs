use vidbench_analysis::bootstrap::{BootstrapConfig, BootstrapError, bootstrap_interval};
use vidbench_analysis::stats::{mean, mean_interval};

const CONFIG: BootstrapConfig = BootstrapConfig { resamples: 2000, seed: 7 };

fn average(values: &[f64]) -> f64 {
    mean(values).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_interval() {
    let values: Vec<f64> = (0..50).map(|k| f64::from(k * k % 17)).collect();
    let first = bootstrap_interval(&values, CONFIG, average).unwrap();
    assert_eq!(first, bootstrap_interval(&values, CONFIG, average).unwrap());
    assert_ne!(first, bootstrap_interval(&values, BootstrapConfig { seed: 8, ..CONFIG }, average).unwrap());
}

#[test]
fn for_a_mean_it_agrees_with_student_t() {
    let values: Vec<f64> = (0..200).map(|k| f64::from(k * 7919 % 101)).collect();
    let (boot, t) = (bootstrap_interval(&values, CONFIG, average).unwrap(), mean_interval(&values).unwrap());
    let width = t.high - t.low;
    assert!((boot.low - t.low).abs() < 0.1 * width && (boot.high - t.high).abs() < 0.1 * width);
}

#[test]
fn what_cannot_be_resampled_is_an_error() {
    assert_eq!(bootstrap_interval(&[1.0], CONFIG, average), Err(BootstrapError::TooFewValues { n: 1 }));
    let few = BootstrapConfig { resamples: 99, seed: 0 };
    assert_eq!(
        bootstrap_interval(&[1.0, 2.0], few, average),
        Err(BootstrapError::Resamples { resamples: 99 })
    );
    let nan = bootstrap_interval(&[1.0, 2.0], CONFIG, |_| f64::NAN);
    assert_eq!(nan, Err(BootstrapError::NotFinite { resample: 0 }));
}
