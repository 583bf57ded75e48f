//! Logs, read back by the reader of those who define the format.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcap::MessageStream;
use mcap::read::Options;
use ndarray::{Array2, ArrayView1, array, aview1};
use parapolicy_control::controller::{Continuity, Controller, ControllerConfig, Replan};
use parapolicy_control::playback::{Blend, Command, Late, Limits, PlaybackConfig, Source, Withheld};
use parapolicy_control::{BoxError, Plan, Policy};
use parapolicy_log::{self as log, Log, LogFile, LogSummary, LoggedPlan, LoggedStep};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Messages by topic, in the file's order, each with its log time; as far as the file can be read.
fn read(path: &Path) -> BTreeMap<String, Vec<(u64, Value)>> {
    let bytes = fs::read(path).unwrap();
    let mut messages: BTreeMap<String, Vec<(u64, Value)>> = BTreeMap::new();
    let stream = MessageStream::new_with_options(&bytes, Options::IgnoreEndMagic.into());
    for message in stream.into_iter().flatten().map_while(Result::ok) {
        let channel = &message.channel;
        let schema: Value = serde_json::from_slice(&channel.schema.as_ref().unwrap().data).unwrap();
        let value: Value = serde_json::from_slice(&message.data).unwrap();
        for key in value.as_object().unwrap().keys() {
            assert!(schema["properties"].get(key).is_some(), "{key} of {} is not in its schema", channel.topic);
        }
        messages.entry(channel.topic.clone()).or_default().push((message.log_time, value));
    }
    messages
}

fn values(messages: &[(u64, Value)], key: &str) -> Vec<Value> {
    messages.iter().map(|(_, message)| message[key].clone()).collect()
}

fn some_plan() -> Plan {
    Plan {
        actions: array![[0.1, 1.0 / 3.0], [f64::MIN_POSITIVE, -1e300]],
        intended: 1,
        latency: ms(20),
        rounds: 2,
        evaluations: 5,
        residual: Some(0.25),
        iterates: vec![array![[0.0, 0.5]], array![[0.1, 0.25]]],
        ..Plan::default()
    }
}

#[test]
fn what_was_logged_reads_back_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let file = LogFile::create(&folder.path().join("a.mcap"), 4).unwrap();
    let path = file.path().to_owned();
    let log = file.run("picard").episode(7);
    let observation = array![0.1 + 0.2, -0.0, 1e-320];
    log.observation(ms(100), observation.view());
    log.plan(ms(100), ms(120), &some_plan());
    let withheld = Some(Withheld::NotFinite { index: 0 });
    let action = aview1(&[0.1, 1.0 / 3.0]);
    log.command(ms(150), &Command { action, source: Source::Late, withheld, observed: Some(ms(100)) });
    log.observation(ms(200), aview1(&[0.0; 5]));
    assert_eq!(file.finish().unwrap(), LogSummary { messages: 9, dropped: 1 });

    let messages = read(&path);
    let origin = messages["/event"][0].0;
    let stamped = |message: Value| {
        let stamp = json!({ "run": "picard", "episode": 7 });
        Value::Object(
            message.as_object().unwrap().clone().into_iter().chain(stamp.as_object().unwrap().clone()).collect(),
        )
    };
    assert_eq!(messages["/event"][0].1, stamped(json!({ "time": 0.0, "kind": "begin", "message": "picard" })));
    assert_eq!(messages["/event"][1].1["kind"], "dropped");
    let (time, seen) = &messages["/observation"][0];
    assert_eq!(*time, origin + 100_000_000);
    let seen: Vec<u64> = seen["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap().to_bits()).collect();
    assert_eq!(seen, observation.mapv(f64::to_bits).to_vec());
    let (time, plan) = &messages["/plan"][0];
    assert_eq!(*time, origin + 120_000_000);
    let actions = json!([{ "values": [0.1, 1.0 / 3.0] }, { "values": [f64::MIN_POSITIVE, -1e300] }]);
    let expected = json!({
        "time": 0.12, "number": 0, "observed": 0.1, "intended": 1, "rounds": 2, "evaluations": 5, "residual": 0.25,
        "actions": actions,
    });
    assert_eq!(*plan, stamped(expected));
    assert_eq!(values(&messages["/plan/rounds"], "round"), [1, 2]);
    assert_eq!(messages["/plan/rounds"][1].1["actions"], json!([{ "values": [0.1, 0.25] }]));
    let expected = json!({ "time": 0.15, "action": [0.1, 1.0 / 3.0], "source": "late", "withheld": "not finite" });
    assert_eq!(messages["/command"][0].1, stamped(expected));
    assert_eq!(messages["/latency"][0].1["sampling_ms"], 20.0);
    assert_eq!(messages["/latency"][1].1["observation_age_ms"], 50.0);
}

#[test]
fn episodes_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.mcap");
    LogFile::create(&empty, 4).unwrap().finish().unwrap();
    let error = log::read(&empty).unwrap_err().to_string();
    assert!(error.ends_with("empty.mcap: no episode was logged"), "{error}");
    let file = LogFile::create(&folder.path().join("a.mcap"), 4).unwrap();
    let path = file.path().to_owned();
    for (run, seed) in [("picard", 7), ("sequential", 7), ("picard", 8)] {
        let log = file.run(run).episode(seed);
        log.observation(ms(100), aview1(&[1.0, seed as f64]));
        log.plan(ms(100), ms(120), &some_plan());
        let action = aview1(&[0.1, 1.0 / 3.0]);
        log.command(ms(150), &Command { action, source: Source::Plan, withheld: None, observed: Some(ms(100)) });
        log.observation(ms(200), aview1(&[2.0, 0.0]));
    }
    assert_eq!(file.finish().unwrap().dropped, 0);

    let episodes = log::read(&path).unwrap();
    let names: Vec<_> = episodes.iter().map(|episode| (episode.run.as_str(), episode.seed)).collect();
    assert_eq!(names, [("picard", 7), ("sequential", 7), ("picard", 8)]);
    let step = LoggedStep { time: 0.1, observation: array![1.0, 7.0], action: array![0.1, 1.0 / 3.0] };
    assert_eq!(episodes[0].steps, [step], "nothing was sent for the second observation");
    let Plan { actions, iterates, .. } = some_plan();
    let (observed, ready, sampling_ms) = (0.1, 0.12, 20.0);
    let plan = LoggedPlan { observed, ready, actions, intended: 1, rounds: 2, evaluations: 5, sampling_ms, iterates };
    assert_eq!(episodes[1].plans, [plan]);

    fs::write(&path, "no log").unwrap();
    assert!(log::read(&path).unwrap_err().to_string().contains("is not an MCAP file"));
    assert!(log::read(Path::new("nowhere.mcap")).unwrap_err().to_string().starts_with("cannot read the log nowhere"));
}

#[test]
fn no_file_is_written_to_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let names = [0, 1, 2].map(|_| {
        let file = LogFile::create(&path, 1).unwrap();
        let name = file.path().file_name().unwrap().to_str().unwrap().to_owned();
        drop(file);
        name
    });
    assert_eq!(names, ["a.mcap", "a-2.mcap", "a-3.mcap"]);
    let error = LogFile::create(&folder.path().join("nowhere/a.mcap"), 1).unwrap_err().to_string();
    assert!(error.ends_with("nowhere/a.mcap: the log cannot be created"), "{error}");
}

/// Episodes on simulated time are over sooner than they take, or later: their messages follow each other all the same.
#[test]
fn episodes_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = LogFile::create(&folder.path().join("a.mcap"), 1).unwrap();
    let path = file.path().to_owned();
    let run = file.run("run");
    for seed in 0..3 {
        let log = run.episode(seed);
        (0..50).for_each(|tick| log.observation(ms(100 * tick), aview1(&[0.0])));
    }
    file.finish().unwrap();
    let times: Vec<u64> = read(&path)["/observation"].iter().map(|(time, _)| *time).collect();
    assert!(times.is_sorted());
    assert_eq!(times[49] - times[0], 4_900_000_000);
}

#[test]
fn logging_neither_allocates_nor_waits_when_the_writer_does_not_keep_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = LogFile::create(&folder.path().join("a.mcap"), 4).unwrap();
    let log = file.run("run").episode(0);
    let plan = some_plan();
    let allocations = allocation_counter::measure(|| {
        for tick in 0..20_000 {
            log.observation(ms(tick), aview1(&[1.0, 2.0]));
            log.plan(ms(tick), ms(tick), &plan);
            let action = aview1(&[3.0]);
            log.command(ms(tick), &Command { action, source: Source::Plan, withheld: None, observed: None });
        }
    });
    assert_eq!(allocations.count_total, 0);
    let LogSummary { messages, dropped } = file.finish().unwrap();
    assert!(dropped > 0, "this is faster than any writer");
    // The beginning is told in one more, and what was dropped in another.
    assert_eq!(messages + dropped, 20_000 * 6 + 2);
}

/// Panics at observations below 0; else it plans them for two steps, in two rounds.
struct Moody(f64);

impl Policy for Moody {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.0 = observation[0];
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        assert!(self.0 >= 0.0, "out of its mind");
        let actions = Array2::from_elem((2, 1), self.0);
        Ok(Plan { iterates: vec![&actions * 0.5, actions.clone()], actions, intended: 2, rounds: 2, ..Plan::default() })
    }
}

fn observe_and_wait(controller: &mut Controller, period: u64, value: f64) {
    controller.observe(aview1(&[value]), ms(100 * period)).unwrap();
    let started = Instant::now();
    while controller.monitor().health().planning {
        assert!(started.elapsed() < PATIENCE, "the worker is stuck");
        std::thread::sleep(ms(1));
    }
}

#[test]
fn a_controller_tells_everything() {
    let folder = tempfile::tempdir().unwrap();
    let file = LogFile::create(&folder.path().join("a.mcap"), 4).unwrap();
    let path = file.path().to_owned();
    let playback = PlaybackConfig {
        period: ms(100),
        blend: Blend::Switch,
        late: Late::Hold,
        limits: Limits::default(),
        max_age: ms(1000),
        initial: vec![-1.0],
        safe: None,
    };
    let (replan, continuity) = (Replan::Always, Continuity::default());
    let config = ControllerConfig { playback, replan, continuity, n_obs_steps: 1, observation_dim: 1, horizon: 2 };
    let mut controller = Controller::start(config, || Ok(Box::new(Moody(0.0)))).unwrap();
    controller.observed_by(Arc::new(file.run("robot")));
    controller.reset(3);
    controller.command(ms(0));
    observe_and_wait(&mut controller, 0, 8.0);
    controller.command(ms(0));
    observe_and_wait(&mut controller, 1, -8.0);
    let allocations = allocation_counter::measure(|| {
        controller.command(ms(100));
    });
    assert_eq!(allocations.count_total, 0, "a command that is logged does not allocate, either");
    drop(controller);
    file.finish().unwrap();

    let messages = read(&path);
    assert_eq!(values(&messages["/observation"], "values"), [json!([8.0]), json!([-8.0])]);
    assert_eq!(values(&messages["/command"], "action"), [json!([-1.0]), json!([8.0]), json!([8.0])]);
    assert_eq!(values(&messages["/command"], "source"), ["safe", "plan", "plan"]);
    assert_eq!(messages["/command"][0].1["withheld"], "no plan");
    assert_eq!(messages["/plan"].len(), 1);
    assert_eq!(values(&messages["/plan/rounds"], "actions")[0], json!([{ "values": [4.0] }, { "values": [4.0] }]));
    assert_eq!(values(&messages["/event"], "kind"), ["begin", "panicked"]);
    assert_eq!(messages["/event"][1].1["message"], "the policy panicked: out of its mind");
    assert!(messages.values().flatten().all(|(_, message)| message["run"] == "robot" && message["episode"] == 3));
}

/// Set for the child of the test below, which logs until it is killed.
const CHILD: &str = "PARAPOLICY_TEST_LOG";

fn log_forever(log: &Log) -> ! {
    let mut count = 0;
    loop {
        log.observation(ms(count), aview1(&[count as f64]));
        count += 1;
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// How many observations can be read, which must be the first ones, with none missing.
fn readable(path: &Path) -> usize {
    let messages = read(path);
    let seen = messages.get("/observation").map(Vec::as_slice).unwrap_or_default();
    for (index, (_, message)) in seen.iter().enumerate() {
        assert_eq!(message["values"][0], index as f64);
    }
    seen.len()
}

#[test]
fn a_program_that_was_killed_leaves_a_log_that_can_be_read() {
    if let Some(path) = std::env::var_os(CHILD) {
        log_forever(&LogFile::create(Path::new(&path), 1).unwrap().run("run").episode(0));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let test = "a_program_that_was_killed_leaves_a_log_that_can_be_read";
    let mut child = Process::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(CHILD, &path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !path.exists() || readable(&path) < 200 {
        assert!(started.elapsed() < PATIENCE, "the child does not log");
        std::thread::sleep(ms(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let whole = readable(&path);
    assert!(whole >= 200);

    // Killed in the middle of a write, the file ends anywhere.
    let bytes = fs::read(&path).unwrap();
    let cut = folder.path().join("cut.mcap");
    let mut lengths = Vec::new();
    for eighth in 1..8 {
        fs::write(&cut, &bytes[..bytes.len() * eighth / 8]).unwrap();
        lengths.push(readable(&cut));
    }
    assert!(lengths.is_sorted() && lengths[6] <= whole, "{lengths:?} of {whole}");
}

/// An MCAP file with one chunk of this compression, which claims to unpack to `unpacked` bytes.
fn chunked(compression: &str, unpacked: u64, content: &[u8]) -> Vec<u8> {
    let record = |opcode: u8, body: &[u8]| [&[opcode][..], &(body.len() as u64).to_le_bytes(), body].concat();
    let name = [&(compression.len() as u32).to_le_bytes()[..], compression.as_bytes()].concat();
    let size = (content.len() as u64).to_le_bytes();
    let chunk = [&[0; 16][..], &unpacked.to_le_bytes(), &[0; 4], &name, &size, content].concat();
    [mcap::MAGIC, &record(1, &[0; 8]), &record(6, &chunk)].concat()
}

/// The length of a record of 1 TiB, with nothing in it.
fn claiming() -> Vec<u8> {
    [&[5][..], &(1_u64 << 40).to_le_bytes(), &[0; 8]].concat()
}

/// A record with a text of nearly 4 GiB after some numbers.
fn named(opcode: u8, numbers: &[u8]) -> Vec<u8> {
    let body = [numbers, &[0xff; 4], b"text"].concat();
    [mcap::MAGIC, &[opcode], &(body.len() as u64).to_le_bytes(), &body].concat()
}

#[test]
fn lengths_that_are_only_claimed_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    // A frame of zstandard with one block, not compressed: no window, 17 bytes.
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, 17, 17 << 3 | 1, 0, 0][..], &claiming()].concat();
    let top = [mcap::MAGIC, &[1][..], &u64::MAX.to_le_bytes()].concat();
    let attachment = [mcap::MAGIC, &[9][..], &2_u64.to_le_bytes(), &[0, 0]].concat();
    for (what, file) in [
        ("a record in a chunk", chunked("", 17, &claiming())),
        ("a record in a compressed chunk", chunked("zstd", 17, &frame)),
        ("a chunk", chunked("zstd", u64::MAX, &frame)),
        ("a chunk of another compression", chunked("lz4", 17, &claiming())),
        ("a record", top),
        ("an attachment", attachment),
        ("the name of a schema", named(3, &[1, 0])),
        ("the topic of a channel", named(4, &[1, 0, 0, 0])),
    ] {
        fs::write(&path, file).unwrap();
        let used = allocation_counter::measure(|| {
            log::read(&path).unwrap_err();
        });
        assert!(used.bytes_max < 8 << 20, "{what}: {used:?}");
    }
}
