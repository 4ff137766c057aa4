//! Runs and sessions.

use expect_test::{Expect, expect};
use vidbench_core::{
    Alert, AlertChange, AlertState, GivenUp, HealthChange, HealthPart, HealthState, Ledger, PartState,
    RunStatus, Session,
};
use vidbench_store::{Store, StoreError};

use crate::fixtures::{failed, finish, id, model, run, sample, store, store_with_run};

fn store_with(names: &[&str]) -> (tempfile::TempDir, Store) {
    let (folder, store) = store();
    for (at, name) in names.iter().enumerate() {
        let mut record = run(name, 1);
        record.created_ms += at as i64;
        store.create_run(&record).unwrap();
    }
    (folder, store)
}

#[test]
fn a_run_is_read_back_as_it_was_created() {
    let (_folder, store, record) = store_with_run(3);
    let lock = store.lock_run(&record.id).unwrap();
    assert_eq!(store.run(&record.id).unwrap(), record);
    drop(lock);
    let again = store.run(&record.id).unwrap().suite.plan().unwrap();
    assert_eq!(again.hash(), record.plan_hash, "parameters must survive JSON to the last bit");
}

#[test]
fn a_run_that_nobody_executes_is_interrupted_whatever_it_said_last() {
    let (_folder, store, record) = store_with_run(3);
    let status = || (store.run(&record.id).unwrap().status, store.run_data(&record.id).unwrap().run.status);
    let lock = store.lock_run(&record.id).unwrap();
    assert_eq!(status(), (RunStatus::Running, RunStatus::Running));
    drop(lock);
    assert_eq!(status(), (RunStatus::Interrupted, RunStatus::Interrupted));
    assert_eq!(store.runs().unwrap()[0].status, RunStatus::Interrupted);
}

#[test]
fn models_that_were_given_up_are_kept_with_the_reason() {
    let (_folder, store, record) = store_with_run(3);
    let index = store.begin_session(&record.id, 10).unwrap();
    let given_up = vec![GivenUp { model: model(), reason: "load failed: CUDA error: boom".into() }];
    let session = Session { index, started_ms: 10, models: vec![], given_up, ..Session::default() };
    store.save_session(&record.id, &session).unwrap();
    assert_eq!(store.sessions(&record.id).unwrap(), [session]);
}

#[test]
fn the_same_run_twice_is_one_run_and_another_is_refused() {
    let (_folder, store, mut record) = store_with_run(3);
    store.create_run(&record).unwrap();
    assert_eq!(store.runs().unwrap().len(), 1);
    record.environment.cores = 3;
    let error = store.create_run(&record).unwrap_err();
    assert_eq!(error.to_string(), "run r1 already exists: environment.cores is 2, got 3");
}

#[test]
fn runs_are_listed_newest_first_with_their_counts() {
    let (_folder, store) = store_with(&["old", "new"]);
    let record = store.run(&id("old")).unwrap();
    finish(&store, &record, 0);
    let newest = store.run(&id("new")).unwrap();
    store.record_verdict(&id("new"), 0, &failed(sample(&newest, 0))).unwrap();
    let lines: Vec<_> = store
        .runs()
        .unwrap()
        .into_iter()
        .map(|run| {
            format!(
                "{} {} {} {}/{} ok {}",
                run.id,
                run.name,
                run.status.name(),
                run.done,
                run.planned,
                run.ok
            )
        })
        .collect();
    assert_eq!(lines, ["new demo interrupted 1/1 ok 0", "old demo interrupted 1/1 ok 1"]);
}

#[test]
fn runs_are_found_by_id_prefix_and_latest() {
    let (_folder, store) = store_with(&["a-1", "a-10", "b-2"]);
    for (wanted, found) in [("a-1", "a-1"), ("a-10", "a-10"), ("b", "b-2"), ("latest", "b-2")] {
        assert_eq!(store.find_run(wanted).unwrap(), id(found), "{wanted}");
    }
}

fn check_not_found(names: &[&str], wanted: &str, expected: &Expect) {
    let (_folder, store) = store_with(names);
    let error = store.find_run(wanted).unwrap_err();
    expected.assert_eq(&format!("{error}\nhint: {}", error.hint().unwrap()));
}

#[test]
fn a_run_that_is_not_found_is_answered_with_those_that_are() {
    check_not_found(
        &["2026-01-01-demo", "2026-01-02-demo"],
        "2026",
        &expect![[r#"
            "2026" matches 2 runs: 2026-01-02-demo, 2026-01-01-demo
            hint: use more characters of the run id"#]],
    );
    check_not_found(
        &["night-a", "night-b"],
        "nigth-a",
        &expect![[r#"
            no run "nigth-a"; known: night-b, night-a
            hint: did you mean night-a?"#]],
    );
    check_not_found(
        &["night-a"],
        "zzzzzzz",
        &expect![[r#"
            no run "zzzzzzz"; known: night-a
            hint: `vidbench runs list` shows them all"#]],
    );
    check_not_found(
        &[],
        "latest",
        &expect![[r#"
            no run "latest": the store has no runs
            hint: `vidbench run SUITE` starts one"#]],
    );
}

#[test]
fn calls_on_an_unknown_run_name_it() {
    let (_folder, store) = store();
    let run = id("ghost");
    assert!(matches!(store.run(&run), Err(StoreError::UnknownRun { .. })));
    assert!(matches!(store.progress(&run), Err(StoreError::UnknownRun { .. })));
    assert!(matches!(store.run_data(&run), Err(StoreError::UnknownRun { .. })));
    assert!(matches!(store.begin_session(&run, 0), Err(StoreError::UnknownRun { .. })));
    assert!(matches!(
        store.set_status(&run, RunStatus::Interrupted, None),
        Err(StoreError::UnknownRun { .. })
    ));
    assert!(matches!(store.lock_run(&run), Err(StoreError::UnknownRun { .. })));
    assert!(matches!(store.remove_run(&run), Err(StoreError::UnknownRun { .. })));
}

#[test]
fn a_run_is_complete_only_with_every_verdict() {
    let (_folder, store, record) = store_with_run(2);
    finish(&store, &record, 0);
    let error = store.set_status(&record.id, RunStatus::Complete, Some(5)).unwrap_err();
    assert_eq!(error.to_string(), "run r1 is not complete: 1 of 2 samples have a verdict");
    finish(&store, &record, 1);
    store.set_status(&record.id, RunStatus::Complete, Some(5)).unwrap();
    let read = store.run(&record.id).unwrap();
    assert_eq!((read.status, read.finished_ms), (RunStatus::Complete, Some(5)));
}

#[test]
fn two_prompts_with_one_text_are_one_sample_with_one_verdict() {
    let (_folder, store) = store();
    let mut record = run("r1", 2);
    record.suite.prompts[1].text = record.suite.prompts[0].text.clone();
    store.create_run(&record).unwrap();
    finish(&store, &record, 0);
    store.set_status(&record.id, RunStatus::Complete, Some(5)).unwrap();
}

#[test]
fn sessions_are_counted_and_kept() {
    let (_folder, store, record) = store_with_run(1);
    assert_eq!(store.begin_session(&record.id, 10).unwrap(), 0);
    assert_eq!(store.begin_session(&record.id, 20).unwrap(), 1);
    let ledger = Ledger { wall_secs: 0.1 + 0.2, ..Ledger::default() };
    let held = vidbench_core::HeldWorker {
        worker: "scorer".into(),
        memory_bytes: Some(1 << 30),
        cpu_secs: None,
        open_files: Some(64),
        file_size_bytes: None,
        network: Some(vidbench_core::NetworkCut::Namespace),
        landlock_abi: Some(7),
        missing: vec!["UDP".into()],
    };
    let saved =
        Session { index: 1, started_ms: 20, ledger: Some(ledger), held: vec![held], ..Session::default() };
    store.save_session(&record.id, &saved).unwrap();
    let killed = Session { started_ms: 10, ..Session::default() };
    assert_eq!(store.sessions(&record.id).unwrap(), [killed.clone(), saved.clone()]);
    assert_eq!(store.run_data(&record.id).unwrap().sessions, [killed, saved.clone()]);
    let error = store.save_session(&record.id, &Session { index: 7, ..saved }).unwrap_err();
    assert_eq!(error.to_string(), "run r1 has no session 7");
}

#[test]
fn a_ledger_that_json_cannot_hold_is_refused() {
    let (_folder, store, record) = store_with_run(1);
    store.begin_session(&record.id, 0).unwrap();
    let ledger = Ledger { wall_secs: f64::NAN, ..Ledger::default() };
    let session = Session { ledger: Some(ledger), ..Session::default() };
    assert!(matches!(store.save_session(&record.id, &session), Err(StoreError::Unstorable { .. })));
}

#[test]
fn readings_come_back_by_session_and_time_and_go_with_their_run() {
    let (_folder, store, run) = store_with_run(1);
    let reading = |t_ns| vidbench_core::Reading {
        t_ns,
        cpu_percent: Some(12.5),
        disk_free_bytes: Some(7),
        ..Default::default()
    };
    store.record_readings(&run.id, 0, &[]).unwrap();
    store.record_readings(&run.id, 1, &[reading(5), reading(6)]).unwrap();
    store.record_readings(&run.id, 0, &[reading(30)]).unwrap();
    store.record_readings(&run.id, 0, &[reading(10), reading(20)]).unwrap();
    let expected = [(0, vec![reading(10), reading(20), reading(30)]), (1, vec![reading(5), reading(6)])];
    assert_eq!(store.readings(&run.id).unwrap(), expected);
    store.remove_run(&run.id).unwrap();
    assert!(store.readings(&run.id).is_err());
}

#[test]
fn changes_of_health_are_there_even_when_the_session_is_killed() {
    let (_folder, store, run) = store_with_run(1);
    store.begin_session(&run.id, 10).unwrap();
    let health = |at_secs| HealthChange {
        at_secs,
        part: HealthPart::Disk,
        state: PartState::Degraded,
        whole: HealthState::Degraded,
        reason: "91.5 % of \"the disk\" is used: \u{1f4a5}".into(),
    };
    let alert = AlertChange {
        at_secs: 1e-310,
        alert: Alert::Breaker,
        subject: Some("m (load)".into()),
        state: AlertState::Fired,
        reason: "it failed 5 times in a row".into(),
    };
    store.add_health_change(&run.id, 0, &health(0.1 + 0.2)).unwrap();
    store.add_alert_change(&run.id, 0, &alert).unwrap();
    store.add_health_change(&run.id, 0, &health(1e21)).unwrap();
    let session = store.sessions(&run.id).unwrap().remove(0);
    assert_eq!(session.health, [health(0.1 + 0.2), health(1e21)], "to the last bit");
    assert_eq!(session.alerts, [alert]);
    store.save_session(&run.id, &session).unwrap();
    assert_eq!(store.sessions(&run.id).unwrap(), [session]);
    assert!(matches!(
        store.add_health_change(&run.id, 3, &health(0.0)),
        Err(StoreError::UnknownSession { .. })
    ));
}
