//! Logs, read back by the reader of those who define the format.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use mcap::read::Options;
use mcap::{MessageStream, Schema};
use ndarray::{Array2, ArrayView1, array, aview1};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{Continuity, Controller, ControllerConfig, Deadline, Replan};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{Between, Blend, Command, Late, Limits, PlaybackConfig, Source, Withheld};
use parapolicy_control::{BoxError, Plan, Policy};
use parapolicy_log::{self as log, Log, LogFile, LogReadError, LogSummary, LoggedPlan, LoggedStep};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::{Value, json};

/// Only a hang takes longer, on whatever machine.
const PATIENCE: Duration = Duration::from_mins(10);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Messages of the record by topic, in the file's order, each with its log time; as far as the file can be read. They are
/// decoded by nothing but the schemas in the file.
fn read(path: &Path) -> BTreeMap<String, Vec<(u64, Value)>> {
    let bytes = fs::read(path).unwrap();
    let mut messages: BTreeMap<String, Vec<(u64, Value)>> = BTreeMap::new();
    let stream = MessageStream::new_with_options(&bytes, Options::IgnoreEndMagic.into());
    for message in stream.into_iter().flatten().map_while(Result::ok) {
        let channel = &message.channel;
        if let Some(topic) = channel.topic.strip_prefix("/record") {
            let value = decoded(channel.schema.as_ref().unwrap(), &message.data);
            messages.entry(topic.to_owned()).or_default().push((message.log_time, value));
        }
    }
    messages
}

fn decoded(schema: &Schema<'_>, data: &[u8]) -> Value {
    let pool = DescriptorPool::decode(&*schema.data).unwrap();
    let message = DynamicMessage::decode(pool.get_message_by_name(&schema.name).unwrap(), data).unwrap();
    assert_eq!(message.unknown_fields().count(), 0, "all of it is in the schema");
    let options = SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(false);
    let options = options.skip_default_fields(false);
    message.serialize_with_options(serde_json::value::Serializer, &options).unwrap()
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
        let stamp = json!({ "run": "picard", "id": 0, "episode": 7 });
        Value::Object(
            message.as_object().unwrap().clone().into_iter().chain(stamp.as_object().unwrap().clone()).collect(),
        )
    };
    assert_eq!(messages["/event"][0].1, stamped(json!({ "time": 0.1, "kind": "begin", "message": "picard" })));
    assert_eq!(messages["/event"][1].1["kind"], "dropped");
    let (time, seen) = &messages["/observation"][0];
    assert_eq!(*time, origin, "the first message begins the episode");
    let seen: Vec<u64> = seen["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap().to_bits()).collect();
    assert_eq!(seen, observation.mapv(f64::to_bits).to_vec());
    let (time, plan) = &messages["/plan"][0];
    assert_eq!(*time, origin + 20_000_000);
    let actions = json!([{ "values": [0.1, 1.0 / 3.0] }, { "values": [f64::MIN_POSITIVE, -1e300] }]);
    let expected = json!({
        "time": 0.12, "number": 0, "observed": 0.1, "intended": 1, "rounds": 2, "evaluations": 5, "residual": 0.25,
        "actions": actions,
    });
    assert_eq!(*plan, stamped(expected));
    assert_eq!(values(&messages["/round"], "round"), [1, 2]);
    assert_eq!(messages["/round"][1].1["actions"], json!([{ "values": [0.1, 0.25] }]));
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
    let (observation, action) = (array![1.0, 7.0], array![0.1, 1.0 / 3.0]);
    let step = LoggedStep { time: 0.1, observation, action, reward: None };
    assert_eq!(episodes[0].steps, [step], "nothing was sent for the second observation");
    let Plan { actions, iterates, .. } = some_plan();
    let (observed, ready, sampling_ms) = (0.1, 0.12, 20.0);
    let plan = LoggedPlan { observed, ready, actions, intended: 1, rounds: 2, evaluations: 5, sampling_ms, iterates };
    assert_eq!(episodes[1].plans, [plan]);

    fs::write(&path, "no log").unwrap();
    assert!(log::read(&path).unwrap_err().to_string().contains("is not an MCAP file"));
    assert!(log::read(Path::new("nowhere.mcap")).unwrap_err().to_string().starts_with("cannot read the log nowhere"));
}

/// A file with one message of ours, of any content.
fn forged(path: &Path, topic: &str, encoding: &str, data: &[u8]) -> LogReadError {
    let mut file = mcap::Writer::new(fs::File::create(path).unwrap()).unwrap();
    let schema = file.add_schema("parapolicy.Plan", encoding, b"").unwrap();
    let message_encoding = if encoding == "jsonschema" { "json" } else { encoding };
    let channel_id = file.add_channel(schema, topic, message_encoding, &BTreeMap::new()).unwrap();
    let header = mcap::records::MessageHeader { channel_id, sequence: 0, log_time: 0, publish_time: 0 };
    file.write_to_known_channel(&header, data).unwrap();
    file.finish().unwrap();
    log::read(path).unwrap_err()
}

#[test]
fn what_is_no_record_of_this_version_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let former = forged(&path, "/plan", "jsonschema", b"{}");
    assert!(matches!(former, LogReadError::Former { .. }), "{former}");
    assert!(former.to_string().contains("a.mcap: /plan is JSON, as parapolicy wrote it before"), "{former}");
    let damaged = forged(&path, "/record/plan", "protobuf", &[0x5a, 0x7f]);
    assert!(matches!(damaged, LogReadError::Message { .. }), "{damaged}");
    assert!(damaged.to_string().contains("a.mcap: a message of /record/plan is not one that parapolicy wrote"));
    // Field 11, `actions`, twice: of one number, and of none.
    let row = [0x5a, 10, 0x0a, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    let ragged = forged(&path, "/record/plan", "protobuf", &[&row[..], &[0x5a, 0]].concat());
    let expected = "a.mcap: /record/plan: action 1 of a plan has 0 numbers, but action 0 has 1";
    assert!(ragged.to_string().ends_with(expected), "{ragged}");
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

fn step(log: &Log, time: Duration) {
    log.observation(time, aview1(&[0.0]));
    let command = Command { action: aview1(&[0.0]), source: Source::Plan, withheld: None, observed: Some(time) };
    log.command(time, &command);
}

/// Log times of all messages in the order of the file.
fn log_times(path: &Path) -> Vec<u64> {
    let bytes = fs::read(path).unwrap();
    MessageStream::new(&bytes).unwrap().map(|message| message.unwrap().log_time).collect()
}

/// A robot's clock may count from 1970, from when it was switched on, or from anything else, and it may be set.
#[test]
fn log_times_are_of_now_whatever_the_origin_of_the_clock_and_never_go_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = LogFile::create(&folder.path().join("a.mcap"), 4).unwrap();
    let (path, run) = (file.path().to_owned(), file.run("robot"));
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let begun = now();
    for origin in [Duration::ZERO, now(), ms(1), Duration::from_secs(200 * 365 * 86_400), Duration::ZERO] {
        let log = run.episode(5);
        (0..10).for_each(|tick| step(&log, origin.saturating_add(ms(100 * tick))));
    }
    let log = run.episode(5);
    let clock = [7200, 7201, 3601, 3602, 3542, u64::MAX, 0, 1].map(Duration::from_secs);
    clock.into_iter().chain([Duration::MAX]).for_each(|time| step(&log, time));
    file.finish().unwrap();

    let times = log_times(&path);
    assert!(times.is_sorted());
    let [first, last] = [times.first(), times.last()].map(|time| Duration::from_nanos(*time.unwrap()));
    assert!(first >= begun && last < now() + Duration::from_secs(60), "{first:?} to {last:?}");
    let observed = read(&path)["/observation"].iter().map(|(time, _)| *time).collect::<Vec<_>>();
    for episode in observed[..50].chunks(10) {
        assert!(episode.windows(2).all(|pair| pair[1] - pair[0] == 100_000_000), "{episode:?}");
    }
}

#[test]
fn episodes_of_one_seed_are_read_back_as_several() {
    let folder = tempfile::tempdir().unwrap();
    let file = LogFile::create(&folder.path().join("a.mcap"), 4).unwrap();
    let (path, run) = (file.path().to_owned(), file.run("robot"));
    let [first, second] = [run.episode(0), run.episode(0)];
    step(&first, ms(0));
    step(&second, ms(0));
    step(&first, ms(100));
    file.finish().unwrap();
    let episodes = log::read(&path).unwrap();
    let found: Vec<_> = episodes.iter().map(|episode| (episode.id, episode.seed, episode.steps.len())).collect();
    assert_eq!(found, [(0, 0, 2), (1, 0, 1)]);
    assert!(values(&read(&path)["/event"], "kind").iter().all(|kind| kind == "begin"));
}

/// On simulated time a plan is told of when it is asked for; in the file it stands where it is ready.
#[test]
fn a_plan_is_written_in_the_order_of_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = LogFile::create(&folder.path().join("a.mcap"), 4).unwrap();
    let (path, log) = (file.path().to_owned(), file.run("virtual").episode(0));
    step(&log, ms(0));
    log.plan(ms(0), ms(150), &some_plan());
    (1..4).for_each(|tick| step(&log, ms(100 * tick)));
    log.plan(ms(300), ms(450), &some_plan());
    file.finish().unwrap();
    assert!(log_times(&path).is_sorted());
    let messages = read(&path);
    let origin = messages["/event"][0].0;
    let since = |topic: &str| messages[topic].iter().map(|(time, _)| (time - origin) / 1_000_000).collect::<Vec<_>>();
    assert_eq!(since("/command"), [0, 100, 200, 300]);
    assert_eq!(since("/plan"), [150, 450]);
    assert_eq!(since("/round"), [150, 150, 450, 450]);
    assert_eq!(log::read(&path).unwrap()[0].plans.len(), 2);
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
        between: Between::default(),
    };
    let (replan, continuity) = (Replan::Always, Continuity::default());
    let config = ControllerConfig {
        playback,
        replan,
        continuity,
        deadline: Deadline::Own,
        check: PlanCheck::default(),
        n_obs_steps: 1,
        observation_dim: 1,
        entries: Entries::default(),
        horizon: 2,
        watchdog: PATIENCE,
    };
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
    assert_eq!(values(&messages["/round"], "actions")[0], json!([{ "values": [4.0] }, { "values": [4.0] }]));
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
