//! Every bad file or number is a typed error that names the file and the field; nothing panics.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array, Array1, Array2, Dimension, array};
use ndarray_npy::{NpzWriter, WritableElement};
use parapolicy_pusht::{
    Kick, Renderer, Scenario, ScenarioError, State, Task, Trace, TraceError, VectorError, VectorWorld, World,
    WorldError,
};
use tempfile::TempDir;

/// The message of an error and of what caused it, as a program prints it.
fn message(error: &dyn Error) -> String {
    error.to_string()
}

struct Npz {
    _folder: TempDir,
    path: PathBuf,
    writer: NpzWriter<fs::File>,
}

impl Npz {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("trace.npz");
        let writer = NpzWriter::new(fs::File::create(&path).unwrap());
        Self { _folder: folder, path, writer }
    }

    fn with<T: WritableElement, D: Dimension>(mut self, name: &str, array: &Array<T, D>) -> Self {
        self.writer.add_array(name, array).unwrap();
        self
    }

    fn load(self) -> Result<Trace, TraceError> {
        self.writer.finish().unwrap();
        Trace::load(&self.path)
    }

    /// Loads, which must fail with a message that names the file and holds `words`.
    fn fails_with(self, words: &[&str]) {
        let error = self.load().unwrap_err();
        let text = message(&error);
        for word in words.iter().chain(&["trace.npz"]) {
            assert!(text.contains(word), "`{text}` does not say `{word}`");
        }
    }
}

fn state() -> Array2<f64> {
    array![[1.0, 2.0, 3.0, 4.0, 0.5], [5.0, 6.0, 7.0, 8.0, 0.6]]
}

fn action() -> Array2<f64> {
    array![[1.0, 2.0], [3.0, 4.0]]
}

fn ends() -> Array1<i64> {
    array![2]
}

fn good() -> Npz {
    Npz::new().with("state", &state()).with("action", &action()).with("episode_ends", &ends())
}

#[test]
fn numbers_of_any_accepted_type_are_read() {
    let mixed = Npz::new()
        .with("state", &state().mapv(|x| x as f32))
        .with("action", &action().mapv(|x| x as i64))
        .with("episode_ends", &ends().mapv(|x| x as f64));
    assert_eq!(mixed.load().unwrap().action(1), good().load().unwrap().action(1));
}

#[test]
fn missing_files_are_named() {
    let path = Path::new("nowhere/trace.npz");
    assert!(matches!(Trace::load(path), Err(TraceError::Open { .. })));
    assert!(message(&Trace::load(path).unwrap_err()).contains("nowhere/trace.npz"));
    assert!(matches!(Scenario::load(path), Err(ScenarioError::Read { .. })));
    assert!(message(&Scenario::load(path).unwrap_err()).contains("nowhere/trace.npz"));
}

#[test]
fn truncated_and_foreign_traces_are_refused() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sims/traces/shoves.npz");
    let bytes = fs::read(source).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("trace.npz");
    for length in [0, 1, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        let error = Trace::load(&path).unwrap_err();
        assert!(matches!(error, TraceError::Archive { .. }), "{length} bytes: {error}");
    }
    fs::write(&path, "name = \"not a trace\"").unwrap();
    assert!(message(&Trace::load(&path).unwrap_err()).contains("trace.npz"));
}

/// Any byte of a trace may be wrong: an error or another trace, never a panic.
#[test]
fn damaged_traces_do_not_panic() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sims/traces/shoves.npz");
    let bytes = fs::read(source).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("trace.npz");
    for position in (0..bytes.len()).step_by(397).chain(bytes.len() - 400..bytes.len()) {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0xff;
        fs::write(&path, &damaged).unwrap();
        if let Err(error) = Trace::load(&path) {
            assert!(message(&error).contains("trace.npz"));
        }
    }
}

#[test]
fn missing_arrays_are_named() {
    Npz::new().with("action", &action()).with("episode_ends", &ends()).fails_with(&["`state`"]);
    Npz::new().with("state", &state()).with("episode_ends", &ends()).fails_with(&["`action`"]);
    Npz::new().with("state", &state()).with("action", &action()).fails_with(&["`episode_ends`"]);
}

#[test]
fn wrong_shapes_and_types_are_named() {
    let with_state = |npz: Npz| npz.with("action", &action()).with("episode_ends", &ends());
    with_state(Npz::new().with("state", &Array2::<f64>::zeros((2, 4)))).fails_with(&["`state`", "[2, 4]", "[2, 5]"]);
    with_state(Npz::new().with("state", &Array1::<f64>::zeros(2))).fails_with(&["`state`"]);
    with_state(Npz::new().with("state", &Array2::<u8>::zeros((2, 5)))).fails_with(&["`state`", "f64, f32 or i64"]);
    with_state(Npz::new().with("state", &Array2::<f64>::zeros((3, 5)))).fails_with(&["`action`", "[3, 2]"]);
    good().with("agent_velocity", &Array2::<f64>::zeros((2, 3))).fails_with(&["`agent_velocity`", "[2, 2]"]);
    good().with("reward", &Array1::<f64>::zeros(3)).fails_with(&["`reward`", "[2]"]);
}

#[test]
fn numbers_that_make_no_sense_are_named() {
    for bad in [f64::NAN, f64::INFINITY, -1e300] {
        let mut state = state();
        state[[1, 3]] = bad;
        let npz = Npz::new().with("state", &state).with("action", &action()).with("episode_ends", &ends());
        npz.fails_with(&["`state`", "row 1"]);
    }
    for bad in [array![], array![1], array![3], array![2, 2], array![0, 2], array![-1, 2]] {
        let npz = Npz::new().with("state", &state()).with("action", &action());
        npz.with("episode_ends", &bad).fails_with(&["`episode_ends`"]);
    }
    let npz = Npz::new().with("state", &state()).with("action", &action());
    npz.with("episode_ends", &array![0.5, 2.0]).fails_with(&["`episode_ends`"]);
}

#[test]
fn an_empty_trace_is_refused() {
    let npz = Npz::new().with("state", &Array2::<f64>::zeros((0, 5))).with("action", &Array2::<f64>::zeros((0, 2)));
    npz.with("episode_ends", &Array1::<i64>::zeros(0)).fails_with(&["`episode_ends`"]);
}

const SCENARIO: &str = r#"
name = "test"
max_control_steps = 300
action_delay = 1
reset = { distribution = "gym-pusht", order = "plain" }
observation_noise = { position_std = 1.0, angle_std = 0.1, seed = 3 }
kicks = [{ control_step = 5, displacement = [1.0, 2.0] }]
"#;

#[test]
fn scenarios_name_what_is_wrong() {
    Scenario::parse(SCENARIO).unwrap();
    let cases = [
        ("name = \"test\"", "", "name"),
        ("name = \"test\"", "name = \" \"", "`name`"),
        ("= 300", "= 0", "`max_control_steps`"),
        ("= 300", "= -1", "max_control_steps"),
        ("= 300", "= \"many\"", "max_control_steps"),
        ("action_delay = 1", "action_delay = 300", "`action_delay`"),
        ("action_delay = 1", "delay = 1", "unknown field `delay`"),
        ("gym-pusht", "gym", "distribution"),
        (", order = \"plain\"", "", "order"),
        ("position_std = 1.0", "position_std = -1.0", "`observation_noise.position_std`"),
        ("angle_std = 0.1", "angle_std = nan", "`observation_noise.angle_std`"),
        ("control_step = 5", "control_step = 300", "`kicks[0].control_step`"),
        ("[1.0, 2.0]", "[1.0, nan]", "`kicks[0].displacement`"),
        ("[1.0, 2.0]", "[1.0]", "displacement"),
        ("[1.0, 2.0]", "[1.0, 2.0], turn = inf", "`kicks[0].turn`"),
        ("[1.0, 2.0]", "[1.0, 2.0], turm = 1.0", "unknown field `turm`"),
        ("action_delay = 1", "random_kicks = { probability = 1.5 }", "`random_kicks.probability`"),
        ("action_delay = 1", "random_kicks = { displacement_std = nan }", "`random_kicks.displacement_std`"),
        ("action_delay = 1", "random_kicks = { turn_std = -1.0 }", "`random_kicks.turn_std`"),
    ];
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("scenario.toml");
    for (is, instead, word) in cases {
        assert!(SCENARIO.contains(is), "{is}");
        fs::write(&path, SCENARIO.replacen(is, instead, 1)).unwrap();
        let text = message(&Scenario::load(&path).unwrap_err());
        assert!(text.contains(word) && text.contains("scenario.toml"), "`{text}` does not say `{word}`");
    }
    fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    assert!(message(&Scenario::load(&path).unwrap_err()).contains("scenario.toml"));
}

#[test]
fn worlds_refuse_what_is_not_a_number_and_stay_as_they_are() {
    let mut world = World::new();
    let before = world.snapshot();
    for bad in [f64::NAN, f64::NEG_INFINITY, 1e30] {
        for (action, field) in [([bad, 0.0], "action x"), ([0.0, bad], "action y")] {
            let error = world.step(action).unwrap_err();
            assert!(matches!(error, WorldError::OutOfRange { field: named, .. } if named == field), "{error}");
        }
        let kick = Kick { turn: bad, ..Kick::NONE };
        assert!(message(&world.step_kicked([0.0, 0.0], &kick).unwrap_err()).contains("kick turn"));
        let mut state = [0.0; 5];
        state[4] = bad;
        assert!(message(&world.set_state(&State::from_array(state)).unwrap_err()).contains("block angle"));
    }
    assert_eq!(before, world.snapshot());
}

#[test]
fn tasks_and_batches_refuse_bad_actions() {
    let scenario = Scenario::parse(SCENARIO).unwrap();
    let mut task = Task::new(scenario.clone());
    assert!(task.step([f64::NAN, 0.0]).is_err());
    assert_eq!(task.control_step(), 0);
    let mut batch = VectorWorld::new(&scenario, 2);
    let before: Vec<_> = batch.tasks().iter().map(|task| task.world().snapshot()).collect();
    assert!(matches!(batch.step(&[[0.0; 2]]), Err(VectorError::Count { what: "actions", given: 1, tasks: 2 })));
    assert!(matches!(batch.reset(&[1, 2, 3]), Err(VectorError::Count { what: "seeds", given: 3, tasks: 2 })));
    let error = batch.step(&[[0.0; 2], [0.0, f64::NAN]]).unwrap_err();
    assert!(matches!(error, VectorError::Task { task: 1, .. }));
    let nowhere = State::from_array([f64::NAN, 0.0, 0.0, 0.0, 0.0]);
    assert!(matches!(batch.reset_to(1, &nowhere), Err(VectorError::Task { task: 1, .. })));
    assert!(matches!(batch.reset_to(2, &nowhere), Err(VectorError::NoTask { task: 2, tasks: 2 })));
    let after: Vec<_> = batch.tasks().iter().map(|task| task.world().snapshot()).collect();
    assert_eq!(before, after);
}

#[test]
fn frames_of_no_or_absurd_size_are_refused() {
    for size in [0, Renderer::LARGEST + 1, u32::MAX] {
        for (width, height) in [(size, 96), (96, size)] {
            assert!(message(&Renderer::new(width, height).err().unwrap()).contains(&size.to_string()));
        }
    }
    assert_eq!(Renderer::new(1, 1).unwrap().draw(&World::new().state(), &[]).rgb().len(), 3);
}

#[test]
fn snapshots_that_cannot_be_are_refused() {
    let numbers = World::new().snapshot().to_array();
    for (index, value, words) in [
        (0, f64::NAN, "agent x is NaN"),
        (3, f64::INFINITY, "agent velocity y is inf"),
        (4, 1e9, "centre x is 1000000000"),
        (7, 0.5, "touched is 0.5: give 0 or 1"),
        (7, f64::NAN, "touched is NaN: give 0 or 1"),
    ] {
        let mut wrong = numbers;
        wrong[index] = value;
        let error = parapolicy_pusht::Snapshot::from_array(wrong).unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}");
    }
}
