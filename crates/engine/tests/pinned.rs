//! Pinned threads, as the system sees them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "common/graphs.rs"]
mod common;

use std::{fs, num::NonZero, path::Path, thread::available_parallelism};

use parapolicy_engine::{Engine, EngineError, Graph, Precision, Threads, kernel::Kernel};

fn engine(threads: Threads) -> Result<Engine, EngineError> {
    let graph = Graph::read(common::bytes("plain")).unwrap();
    Engine::on(graph, &common::NAMES, Kernel::fastest(Precision::F32), threads)
}

/// A line of the status of the thread in this folder of `/proc`.
fn status(thread: &Path, line: &str) -> String {
    let lines = fs::read_to_string(thread.join("status")).unwrap();
    lines.lines().find_map(|found| found.strip_prefix(line)).unwrap().trim().to_owned()
}

/// The cores that the engine's threads may be on, as the system lists them.
fn cores_of_workers() -> Vec<String> {
    let threads = fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path());
    let workers = threads.filter(|thread| status(thread, "Name:").starts_with("engine-"));
    workers.map(|thread| status(&thread, "Cpus_allowed_list:")).collect()
}

/// One test, so that no other test has threads at the same time.
#[test]
fn workers_are_pinned_if_that_is_asked_for() {
    let own = status(Path::new("/proc/self"), "Cpus_allowed_list:");
    let cores = available_parallelism().map_or(1, NonZero::get);

    let free = engine(cores.into()).unwrap();
    assert_eq!(cores_of_workers(), vec![own.clone(); cores - 1]);
    drop(free);

    let pinned = engine(Threads { count: cores, pinned: true }).unwrap();
    let mut found = cores_of_workers();
    assert!(found.iter().all(|list| list.parse::<usize>().is_ok()), "each on one core: {found:?}");
    found.sort();
    found.dedup();
    assert_eq!(found.len(), cores - 1, "{found:?}");
    assert_eq!(status(Path::new("/proc/thread-self"), "Cpus_allowed_list:"), own, "the caller is left alone");
    drop(pinned);

    let refused = engine(Threads { count: cores + 1, pinned: true }).unwrap_err().to_string();
    let expected = format!("this process may use {cores}; ask for no more, or do not pin them");
    assert_eq!(refused, format!("cannot pin {} threads to cores of their own: {expected}", cores + 1));
}
