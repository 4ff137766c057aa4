//! Two processes fill one cache, are stopped in the middle of whatever they do, looked at, and killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use vidbench_store::{Cache, CacheSize};

use crate::cache::{bytes_on_disk, key};
use crate::fixtures::fast_folder;

const FOLDER: &str = "VIDBENCH_CACHE_TEST_FOLDER";
const BUDGET: u64 = 40_000;
const NAMES: u64 = 40;
const KILLS: u64 = 30;
const LOOKS_BETWEEN: u64 = 8;

/// The process that is stopped and killed; run by the test below with its folder in the environment.
#[test]
#[ignore = "the child process of the test that kills it"]
fn child_that_fills_until_killed() {
    let folder = std::env::var_os(FOLDER).expect("the parent test names the folder");
    let cache = Cache::open(folder.as_ref(), CacheSize(BUDGET)).unwrap();
    let mut step = u64::from(std::process::id());
    loop {
        step = step.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let name = (step >> 33) % NAMES;
        match cache.get(&key(&name.to_string())) {
            Some(kept) => assert_eq!(kept.content, content(name)),
            None => {
                cache.put(&key(&name.to_string()), &content(name), (step >> 40 & 15) as f64, "");
            }
        }
        if step >> 60 == 0 {
            cache.begin_plan([]);
        }
    }
}

fn content(name: u64) -> Vec<u8> {
    vec![name as u8; 1000 + 250 * name as usize]
}

fn start(folder: &Path) -> Child {
    let child = "cache_kill::child_that_fills_until_killed";
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", child, "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Returns when the process does nothing more.
fn stop(child: &Child) {
    let pid = Pid::from_raw(child.id() as i32);
    kill(pid, Signal::SIGSTOP).unwrap();
    let stopped = waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap();
    assert!(matches!(stopped, WaitStatus::Stopped(..)), "a child ended by itself: {stopped:?}");
}

fn go_on(child: &Child) {
    kill(Pid::from_raw(child.id() as i32), Signal::SIGCONT).unwrap();
}

#[test]
fn the_budget_holds_at_every_moment_with_two_processes_and_after_kill_9() {
    let folder = fast_folder();
    drop(Cache::open(folder.path(), CacheSize(BUDGET)).unwrap());
    let mut children = [start(folder.path()), start(folder.path())];
    let mut largest = 0;
    for round in 0..KILLS {
        for look in 0..LOOKS_BETWEEN {
            // Long enough for some entries, and never the same.
            (0..200_000 * (1 + (round + look) % 7)).for_each(|_| std::hint::spin_loop());
            children.iter().for_each(stop);
            let bytes = bytes_on_disk(folder.path());
            assert!(bytes <= BUDGET, "round {round}, look {look}: {bytes} bytes of {BUDGET}");
            largest = largest.max(bytes);
            children.iter().for_each(go_on);
        }
        let victim = &mut children[round as usize % 2];
        victim.kill().unwrap();
        victim.wait().unwrap();
        *victim = start(folder.path());
    }
    for child in &mut children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(largest > BUDGET / 2, "the processes did next to nothing: {largest} bytes");
    assert!(bytes_on_disk(folder.path()) <= BUDGET);
    let cache = Cache::open(folder.path(), CacheSize(BUDGET)).unwrap();
    let usage = cache.usage().unwrap();
    assert_eq!(usage.iter().map(|kind| kind.damaged).sum::<u64>(), 0, "no entry was ever half written");
    assert_eq!(usage.iter().map(|kind| kind.bytes).sum::<u64>(), bytes_on_disk(folder.path()));
    for name in 0..NAMES {
        let found = cache.get(&key(&name.to_string()));
        assert!(found.is_none_or(|kept| kept.content == content(name)));
    }
    assert_eq!(cache.trouble(), None);
}

#[test]
fn threads_share_a_cache() {
    let folder = fast_folder();
    let cache = Cache::open(folder.path(), CacheSize(BUDGET)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let cache = &cache;
            scope.spawn(move || {
                for step in 0..150 {
                    let name = (thread * 7 + step * 13) % NAMES;
                    match cache.get(&key(&name.to_string())) {
                        Some(kept) => assert_eq!(kept.content, content(name)),
                        None => {
                            cache.put(&key(&name.to_string()), &content(name), (name % 5) as f64, "");
                        }
                    }
                }
            });
        }
    });
    assert!(bytes_on_disk(folder.path()) <= BUDGET);
    let usage = cache.usage().unwrap();
    assert_eq!(usage.iter().map(|kind| kind.hits + kind.misses).sum::<u64>(), 600);
    assert_eq!((usage.iter().map(|kind| kind.damaged).sum::<u64>(), cache.trouble()), (0, None));
}
