//! Synthetic readings that cross each threshold.

use proptest::prelude::*;

use super::*;

fn device(index: u32) -> DeviceReading {
    DeviceReading {
        index,
        memory_used_bytes: Some(20),
        memory_total_bytes: Some(100),
        temperature_celsius: Some(61),
        uncorrected_errors: Some(0),
        ..DeviceReading::default()
    }
}

fn reading() -> Reading {
    Reading {
        memory_used_bytes: Some(10),
        memory_total_bytes: Some(100),
        disk_used_bytes: Some(10),
        disk_free_bytes: Some(90),
        devices: vec![device(0), device(1)],
        ..Reading::default()
    }
}

/// Shows this many readings, each changed by `with`; returns the changes as `part state at reading`.
fn show(health: &mut Health, readings: u32, with: impl Fn(u32, &mut Reading)) -> Vec<String> {
    let told = |at: u32| {
        let mut reading = reading();
        with(at, &mut reading);
        let vitals = Vitals {
            reading: &reading,
            accelerators: &Accelerators::Count(2),
            workers: &[],
            queue: None,
            store: Some(Ok(())),
        };
        let changes = health.see(f64::from(at), &vitals);
        changes.into_iter().map(move |change| {
            assert_eq!(change.at_secs, f64::from(at));
            format!("{} {} at {at}", change.part.name(), change.state.name())
        })
    };
    (1..=readings).flat_map(told).collect()
}

fn healthy() -> Health {
    let mut health = Health::new(&HealthSettings::default());
    assert_eq!(health.state(), HealthState::Degraded, "nothing is known before the first reading");
    assert!(show(&mut health, 1, |_, _| {}).is_empty());
    assert_eq!(health.state(), HealthState::Healthy);
    health
}

/// A part goes bad at the second reading, becomes worse, and is well again at the fifth reading well below.
fn check(part: &str, bad: &dyn Fn(&mut Reading), worse: &dyn Fn(&mut Reading)) {
    let mut health = healthy();
    assert_eq!(show(&mut health, 4, |_, reading| bad(reading)), [format!("{part} degraded at 2")]);
    assert_eq!(health.state(), HealthState::Degraded);
    assert_eq!(show(&mut health, 4, |_, reading| worse(reading)), [format!("{part} unhealthy at 2")]);
    assert_eq!(health.state(), HealthState::Unhealthy);
    assert_eq!(show(&mut health, 9, |_, _| {}), [format!("{part} healthy at 5")]);
    assert_eq!(health.state(), HealthState::Healthy);
}

#[test]
fn each_threshold_is_told_within_two_readings_and_resolved_with_hysteresis() {
    let disk = |used| {
        move |reading: &mut Reading| {
            (reading.disk_used_bytes, reading.disk_free_bytes) = (Some(used), Some(100 - used));
        }
    };
    check("disk", &disk(86), &disk(96));
    let memory = |used| move |reading: &mut Reading| reading.memory_used_bytes = Some(used);
    check("memory", &memory(91), &memory(98));
    let device = |used| move |reading: &mut Reading| reading.devices[1].memory_used_bytes = Some(used);
    check("device memory", &device(91), &device(99));
    let heat = |celsius| move |reading: &mut Reading| reading.devices[0].temperature_celsius = Some(celsius);
    check("device temperature", &heat(86), &heat(96));
}

#[test]
fn a_value_between_resolve_and_threshold_changes_nothing() {
    let mut health = healthy();
    let used = |percent| move |_: u32, reading: &mut Reading| reading.memory_used_bytes = Some(percent);
    assert_eq!(show(&mut health, 3, used(91)), ["memory degraded at 2"]);
    assert!(show(&mut health, 100, used(88)).is_empty());
    assert_eq!(show(&mut health, 100, used(87)), ["memory healthy at 5"]);
    assert!(show(&mut health, 100, used(90)).is_empty());
}

#[test]
fn memory_errors_of_this_session_are_unhealthy_at_once_and_older_ones_degraded() {
    let mut health = healthy();
    let errors =
        |count| move |_: u32, reading: &mut Reading| reading.devices[1].uncorrected_errors = Some(count);
    assert_eq!(show(&mut health, 2, errors(2)), ["device errors unhealthy at 1"]);
    assert!(show(&mut health, 50, errors(2)).is_empty(), "they stay until the driver is loaded anew");
    let mut later = Health::new(&HealthSettings::default());
    assert_eq!(show(&mut later, 9, errors(2)), ["device errors degraded at 1"]);
    assert!(
        later
            .parts()
            .iter()
            .any(|part| part.reason.contains("2 uncorrected memory errors since the driver was loaded"))
    );
}

#[test]
fn heat_slows_down_and_a_power_limit_does_not() {
    let slowed = |why: &'static str| {
        move |_: u32, reading: &mut Reading| reading.devices[0].throttled = vec![why.into()]
    };
    let mut health = healthy();
    assert!(show(&mut health, 20, slowed("sw power cap")).is_empty());
    assert_eq!(show(&mut health, 20, slowed("hw thermal slowdown")), ["device clocks degraded at 2"]);
}

#[test]
fn what_cannot_be_read_is_unknown_and_what_is_not_there_is_left_out() {
    let mut health = healthy();
    let gone = |_: u32, reading: &mut Reading| drop(reading.devices.remove(1));
    let told = show(&mut health, 3, gone);
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told.iter().all(|line| line.ends_with("unknown at 2")), "one gap is not told: {told:?}");
    assert_eq!(health.state(), HealthState::Degraded, "unknown is not healthy");
    assert!(health.parts().iter().any(|part| part.reason == "device 1: it does not answer"));

    let mut silent = Health::new(&HealthSettings::default());
    let told = show(&mut silent, 1, |_, reading| reading.memory_used_bytes = None);
    assert_eq!(told, ["memory unknown at 1"], "what was never read is unknown at once");

    let without_ecc = |_: u32, reading: &mut Reading| {
        for device in &mut reading.devices {
            device.uncorrected_errors = None;
            device.unread.insert("uncorrected_errors".into(), NOT_SUPPORTED.into());
        }
    };
    let mut gaming = Health::new(&HealthSettings::default());
    assert!(show(&mut gaming, 9, without_ecc).is_empty());
    assert!(gaming.parts().iter().all(|part| part.part != HealthPart::DeviceErrors));
    let no_answer = |_: u32, reading: &mut Reading| {
        reading.devices[0].uncorrected_errors = None;
        reading.devices[0].unread.insert("uncorrected_errors".into(), "timeout".into());
    };
    assert_eq!(show(&mut healthy(), 9, no_answer), ["device errors unknown at 2"]);
}

#[test]
fn a_part_that_is_bad_and_no_longer_read_stays_bad() {
    let mut health = healthy();
    assert_eq!(
        show(&mut health, 2, |_, reading| reading.memory_used_bytes = Some(99)),
        ["memory unhealthy at 2"]
    );
    assert!(show(&mut health, 20, |_, reading| reading.memory_used_bytes = None).is_empty());
    assert_eq!(health.state(), HealthState::Unhealthy);
}

fn of(
    accelerators: &Accelerators,
    workers: &[Silence],
    queue: Option<Silence>,
    store: Option<Result<(), String>>,
) -> Vec<String> {
    let mut health = Health::new(&HealthSettings::default());
    let reading = Reading { devices: vec![], ..reading() };
    let vitals = Vitals { reading: &reading, accelerators, workers, queue, store };
    let changes = [health.see(1.0, &vitals), health.see(2.0, &vitals)].concat();
    changes
        .iter()
        .map(|change| format!("{} {}: {}", change.part.name(), change.state.name(), change.reason))
        .collect()
}

#[test]
fn a_machine_without_accelerators_is_healthy_and_one_whose_driver_is_silent_is_not() {
    assert!(of(&Accelerators::None, &[], None, None).is_empty());
    let told = of(&Accelerators::Unknown { reason: "NVML: version mismatch".into() }, &[], None, None);
    assert_eq!(told.len(), 4);
    assert!(told.iter().all(|line| line.ends_with("unknown: NVML: version mismatch")), "{told:?}");
}

#[test]
fn silent_workers_stuck_queues_and_failed_writes_are_told() {
    let silent = |who: &str, silent_secs| Silence { who: who.into(), silent_secs, patience_secs: 100.0 };
    let workers = [silent("worker a", 10.0), silent("worker b", 60.0)];
    let none = &Accelerators::None;
    assert_eq!(
        of(none, &workers, None, None),
        ["workers degraded: worker b: silent for 60 s; given up after 100 s"]
    );
    assert!(of(none, &workers[..1], None, None).is_empty());
    let queue = of(none, &[], Some(silent("7 files wait to be scored", 95.0)), None);
    assert_eq!(queue, ["queue unhealthy: 7 files wait to be scored: silent for 95 s; given up after 100 s"]);
    let store = of(none, &[], None, Some(Err("disk full".into())));
    assert_eq!(store, ["store unhealthy: the last write failed: disk full"]);
}

proptest! {
    /// An hour of noise around every threshold at once.
    #[test]
    fn an_hour_of_noise_flaps_nowhere(noise in prop::collection::vec((-2.9_f64..2.9, -2_i32..3), 3600)) {
        let mut health = Health::new(&HealthSettings::default());
        let told = show(&mut health, 3600, |at, reading| {
            let (percent, celsius) = noise[at as usize - 1];
            let used = |threshold: f64| Some((1e9 * (threshold + percent) / 100.0) as u64);
            let rest = |used: Option<u64>| used.map(|used| 1_000_000_000 - used);
            reading.disk_used_bytes = used(85.0);
            reading.disk_free_bytes = rest(reading.disk_used_bytes);
            (reading.memory_used_bytes, reading.memory_total_bytes) = (used(90.0), Some(1_000_000_000));
            let device = &mut reading.devices[0];
            (device.memory_used_bytes, device.memory_total_bytes) = (used(90.0), Some(1_000_000_000));
            device.temperature_celsius = Some(85_u32.saturating_add_signed(celsius));
        });
        prop_assert!(told.len() <= 4, "{told:?}");
    }

    /// The machine is as bad as its worst part, whatever is read.
    #[test]
    fn the_whole_is_its_worst_part(percents in prop::collection::vec((0_u64..101, 0_u64..101, 0_u32..120, any::<bool>()), 1..60)) {
        let mut health = Health::new(&HealthSettings::default());
        for (at, (disk, memory, celsius, missing)) in percents.into_iter().enumerate() {
            show(&mut health, 1, |_, reading| {
                (reading.disk_used_bytes, reading.disk_free_bytes) = (Some(disk), Some(100 - disk));
                reading.memory_used_bytes = (!missing).then_some(memory);
                reading.devices[0].temperature_celsius = Some(celsius);
            });
            let worst = health.parts().iter().map(|part| part.state).max().unwrap();
            prop_assert_eq!(health.state(), HealthState::from(worst), "at {}", at);
        }
    }
}
