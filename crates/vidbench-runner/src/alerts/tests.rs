//! Series that cross each threshold, there and back.

use proptest::prelude::*;
use vidbench_core::DeviceReading;

use super::*;

fn alerts(settings: AlertSettings) -> Alerts {
    Alerts::new(&HealthSettings::default(), &settings)
}

fn model(id: &str) -> ModelId {
    ModelId::new(id).unwrap()
}

fn reading(disk: u64, device: u64) -> Reading {
    let device = DeviceReading {
        memory_used_bytes: Some(device),
        memory_total_bytes: Some(100),
        ..Default::default()
    };
    Reading {
        disk_used_bytes: Some(disk),
        disk_free_bytes: Some(100 - disk),
        devices: vec![device],
        ..Reading::default()
    }
}

fn lines(at: usize, changes: impl IntoIterator<Item = AlertChange>) -> Vec<String> {
    let line = |change: AlertChange| {
        let subject = change.subject.map_or(String::new(), |subject| format!(" of {subject}"));
        format!("{at}: {}{subject} {}: {}", change.alert.name(), change.state.name(), change.reason)
    };
    changes.into_iter().map(line).collect()
}

fn readings(alerts: &mut Alerts, values: &[(u64, u64)]) -> Vec<String> {
    let told = |(at, (disk, device)): (usize, &(u64, u64))| {
        lines(at, alerts.reading(at as f64, &reading(*disk, *device)))
    };
    values.iter().enumerate().flat_map(told).collect()
}

#[test]
fn disk_and_device_memory_fire_at_the_second_reading_and_resolve_well_below() {
    let values =
        [(85, 90), (86, 20), (86, 91), (86, 92), (82, 95), (82, 87), (82, 87), (82, 87), (82, 87), (10, 87)];
    let told = readings(&mut alerts(AlertSettings::default()), &values);
    assert_eq!(
        told,
        [
            "2: disk fired: 86.0 % of the disk is used",
            "3: device memory fired: device 0: 92.0 % of its memory is used",
            "8: disk resolved: 82.0 % of the disk is used",
            "9: device memory resolved: device 0: 87.0 % of its memory is used",
        ]
    );
}

#[test]
fn each_alert_can_be_switched_off() {
    let off = AlertSettings {
        device_memory_percent: 0.0,
        error_rate_percent: 0.0,
        latency_secs: Some(0.0),
        disk_percent: 0.0,
        breaker: false,
        ..AlertSettings::default()
    };
    let mut alerts = alerts(off);
    assert!(readings(&mut alerts, &[(99, 99); 20]).is_empty());
    assert!((0..200).all(|at| alerts.judged(f64::from(at), true).is_none()));
    assert!((0..200).all(|at| alerts.took(f64::from(at), &model("m"), 1e6).is_none()));
    assert!(alerts.breaker(&breaker(BreakerState::Open)).is_none());
}

#[test]
fn failures_say_something_of_a_rate_only_when_there_are_enough() {
    let mut alerts = alerts(AlertSettings::default());
    let mut told = Vec::new();
    // All of the first nineteen fail, and nothing is said; then all is well.
    for at in 0..300 {
        told.extend(lines(at, alerts.judged(at as f64, at < 20)));
    }
    assert_eq!(
        told,
        [
            "19: error rate fired: 20 of the last 20 samples failed (100.0 %)",
            "117: error rate resolved: 2 of the last 100 samples failed (2.0 %)",
        ]
    );
}

#[test]
fn five_percent_is_not_more_than_five_percent() {
    let mut alerts = alerts(AlertSettings::default());
    assert!((0..1000).all(|at| alerts.judged(f64::from(at), at % 20 == 19).is_none()));
    let mut sixth = self::alerts(AlertSettings::default());
    assert!((0..100).filter_map(|at| sixth.judged(f64::from(at), at % 16 == 15)).count() == 1);
}

#[test]
fn a_short_window_is_enough_when_it_is_full() {
    let mut alerts = alerts(AlertSettings { error_rate_window: 4, ..AlertSettings::default() });
    let fired: Vec<i32> = (0..6).filter(|at| alerts.judged(f64::from(*at), true).is_some()).collect();
    assert_eq!(fired, [3]);
}

#[test]
fn slow_samples_of_a_model_are_told_and_forgotten() {
    let mut alerts = alerts(AlertSettings::default());
    let mut told = Vec::new();
    for at in 0..60 {
        let secs = if at < 30 { 12.0 } else { 1.0 };
        told.extend(lines(at, alerts.took(at as f64, &model("a"), secs)));
        told.extend(lines(at, alerts.took(at as f64, &model("b"), 1.0)));
    }
    assert_eq!(
        told,
        [
            "2: latency of a fired: the last 3 samples took 12.0 s on average",
            "39: latency of a resolved: the last 20 samples took 6.5 s on average",
        ]
    );
}

#[test]
fn a_model_that_is_slow_by_nature_is_left_out_which_is_told_once() {
    let mut quiet = alerts(AlertSettings::default());
    let (slow, fast) = (model("slow"), model("fast"));
    assert_eq!(
        lines(0, quiet.expects(0.0, &slow, 45.0)),
        [
            "0: latency of slow off: it usually takes 45.0 s, more than 10 s; set alerts.latency_secs to turn it on"
        ]
    );
    assert!(quiet.expects(0.0, &slow, 45.0).is_none() && quiet.expects(0.0, &fast, 10.0).is_none());
    assert!((0..50).all(|at| quiet.took(f64::from(at), &slow, 50.0).is_none()));
    assert_eq!((0..50).filter_map(|at| quiet.took(f64::from(at), &fast, 50.0)).count(), 1);

    let mut asked = alerts(AlertSettings { latency_secs: Some(20.0), ..AlertSettings::default() });
    assert!(asked.expects(0.0, &slow, 45.0).is_none(), "a threshold that was asked for holds");
    assert_eq!((0..50).filter_map(|at| asked.took(f64::from(at), &slow, 45.0)).count(), 1);
}

fn breaker(state: BreakerState) -> BreakerChange {
    let reason = "it failed 5 times in a row".into();
    BreakerChange { model: model("m"), operation: Operation::Load, state, at_secs: 7.0, reason }
}

#[test]
fn an_open_breaker_is_told_once_and_resolved_when_it_is_closed() {
    let mut alerts = alerts(AlertSettings::default());
    use BreakerState::{Closed, HalfOpen, Open};
    let states = [Open, HalfOpen, Open, HalfOpen, Closed, Closed];
    let told: Vec<String> = states
        .iter()
        .enumerate()
        .flat_map(|(at, state)| lines(at, alerts.breaker(&breaker(*state))))
        .collect();
    assert_eq!(
        told,
        [
            "0: breaker of m (load) fired: it failed 5 times in a row",
            "4: breaker of m (load) resolved: it failed 5 times in a row",
        ]
    );
}

proptest! {
    /// The alerts on one subject alternate between begin and end, whatever happens.
    #[test]
    fn alerts_alternate(outcomes in prop::collection::vec(any::<bool>(), 0..600), rate in 1.0_f64..60.0, least in 1_u32..50) {
        let mut alerts = alerts(AlertSettings { error_rate_percent: rate, error_rate_least: least, ..AlertSettings::default() });
        let states: Vec<AlertState> =
            outcomes.iter().enumerate().filter_map(|(at, failed)| Some(alerts.judged(at as f64, *failed)?.state)).collect();
        let expected = [AlertState::Fired, AlertState::Resolved].into_iter().cycle();
        prop_assert!(states.iter().zip(expected).all(|(state, expected)| *state == expected), "{states:?}");
    }
}
