//! The program in a window, driven with keys and the mouse on a virtual display (Debian: xvfb, xdotool).

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper that fails is a test that fails")]

#[path = "toy/policy.rs"]
mod toy;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parapolicy_control::{EpisodeObserver, Observer, StepEvent};
use parapolicy_eval::run_episode;
use parapolicy_log::LogFile;
use parapolicy_policy::Manifest;
use parapolicy_pusht::{Demonstration, PushT};
use serde_json::{Value, json};

use toy::Toy;

/// What takes longer will not happen.
const PATIENCE: Duration = Duration::from_secs(60);

fn viewer(instructions: &Value) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parapolicy-viewer"));
    command.arg(instructions.to_string()).current_dir(toy::root()).env("NODEVICE_SELECT", "1");
    command
}

/// What `parapolicy view` would say, with one thing put in.
fn instructions(name: &str, path: &Path) -> Value {
    let mut instructions = json!({
        "model": "models/pusht", "provider": "native", "precision": "f32", "threads": 1, "pin": false, "devices": [], "ort_lib": null,
        "sampler": "picard", "window": null, "tolerance": 0.1, "solver": "ddim", "steps": 10,
        "scenarios": ["sims/nominal.toml"], "seed": 100_003, "clock": "lockstep", "demos": "demos",
        "replay": null, "screenshot": null, "step": 0, "continuity": "independent", "task": null,
    });
    instructions[name] = path.to_str().unwrap().into();
    instructions
}

/// Slows an episode down, so that the thread that writes its log keeps up.
struct Slow;

impl Observer for Slow {
    fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(Self)
    }
}

impl EpisodeObserver for Slow {
    fn step(&self, _event: &StepEvent<'_>) {
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// The log of an episode, as `parapolicy run` writes it.
fn log(folder: &Path) -> PathBuf {
    let manifest = Manifest::load(&toy::root().join("models/pusht")).unwrap();
    let mut environment = PushT::new(toy::scenario(), &manifest).unwrap();
    let file = LogFile::create(&folder.join("episodes.mcap"), 64).unwrap();
    let observer: Vec<Arc<dyn Observer>> = vec![Arc::new(file.run("picard")), Arc::new(Slow)];
    let mut toy = Toy { reach: 0.5, rounds: 2, ..Toy::default() };
    run_episode(&mut toy, &mut environment, 100_000, &observer).unwrap();
    let path = file.path().to_owned();
    assert_eq!(file.finish().unwrap().dropped, 0);
    path
}

/// The one line that the program fails with.
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
    text
}

#[test]
fn a_machine_that_cannot_show_it_is_told_what_to_install() {
    let folder = tempfile::tempdir().unwrap();
    let picture = instructions("screenshot", &folder.path().join("picture.png"));
    let text = refused(viewer(&picture).env("VK_DRIVER_FILES", "/nowhere.json"));
    assert!(text.contains("mesa-vulkan-drivers"), "{text}");
    let window = instructions("demos", folder.path());
    let text = refused(viewer(&window).env_remove("DISPLAY"));
    assert!(text.contains("DISPLAY is not set") && text.contains("xvfb") && text.contains("--screenshot"), "{text}");
    let text = refused(viewer(&window).env("DISPLAY", ":4099"));
    assert!(text.contains("there is no display"), "{text}");
}

#[test]
#[ignore = "draws (Debian: mesa-vulkan-drivers)"]
fn a_picture_is_drawn_without_a_window() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture.png");
    assert!(viewer(&instructions("screenshot", &path)).env_remove("DISPLAY").status().unwrap().success());
    assert_eq!(std::fs::read(&path).unwrap()[..8], *b"\x89PNG\r\n\x1a\n");
}

/// A virtual display.
struct Display {
    server: Child,
    name: String,
}

impl Display {
    fn new() -> Self {
        let mut server = Command::new("Xvfb");
        server
            .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-noreset"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = server.spawn().expect("Xvfb is there (Debian: apt-get install xvfb xdotool)");
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Self { server, name: format!(":{}", number.trim()) }
    }

    /// What `xdotool` prints, if it succeeds.
    fn try_to(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("xdotool").args(arguments).env("DISPLAY", &self.name).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    fn to(&self, arguments: &[&str]) -> String {
        self.try_to(arguments).unwrap_or_else(|| panic!("xdotool {arguments:?} failed"))
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

/// The viewer in its window.
struct Viewer<'a> {
    program: Child,
    display: &'a Display,
    window: String,
}

impl<'a> Viewer<'a> {
    fn open(display: &'a Display, instructions: &Value) -> Self {
        let program = viewer(instructions).env("DISPLAY", &display.name).spawn().unwrap();
        let mut window = None;
        wait("a window", || {
            window = display.try_to(&["search", "--onlyvisible", "--name", "^Parapolicy "]);
            window.is_some()
        });
        let window = window.unwrap();
        display.to(&["windowfocus", "--sync", &window]);
        Self { program, display, window }
    }

    fn key(&self, key: &str) {
        self.display.to(&["key", key]);
    }

    /// Moves the pointer to a point of the window, px.
    fn point(&self, x: u32, y: u32) {
        self.display.to(&["mousemove", "--window", &self.window, &x.to_string(), &y.to_string()]);
    }

    fn title(&self) -> String {
        self.display.to(&["getwindowname", &self.window])
    }

    /// Waits until the title says this.
    fn shows(&self, what: &str) {
        wait(what, || self.title().contains(what));
    }

    fn step(&self) -> usize {
        self.title().rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Waits until so many more control steps were taken.
    fn goes_on(&self, steps: usize) {
        let begun = self.step();
        wait("control steps", || self.step() >= begun + steps);
    }
}

impl Drop for Viewer<'_> {
    fn drop(&mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }
}

fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "draws in a window (Debian: mesa-vulkan-drivers, xvfb, xdotool)"]
fn it_is_driven_with_keys_and_the_mouse() {
    let display = Display::new();
    let demos = tempfile::tempdir().unwrap();
    let viewer = Viewer::open(&display, &instructions("demos", demos.path()));

    viewer.shows("running");
    viewer.goes_on(3);
    viewer.key("space");
    viewer.shows("paused");
    let stands = viewer.step();
    viewer.key("Right");
    viewer.shows(&format!("step {}", stands + 1));
    viewer.key("1");
    viewer.shows("sequential");
    viewer.key("space");
    viewer.goes_on(2);

    viewer.key("d");
    viewer.point(300, 300);
    viewer.key("t");
    viewer.shows("you drive");
    viewer.goes_on(3);
    viewer.point(420, 360);
    viewer.goes_on(12);
    viewer.key("t");
    viewer.shows("running");
    let recorded = demos.path().join("demo-100003.npz");
    wait("a demonstration", || recorded.exists());
    let demonstration = Demonstration::load(&recorded).unwrap().remove(0);
    let [first, last] = [0, demonstration.steps.len() - 1].map(|step| demonstration.steps[step]);
    assert!(demonstration.steps.len() >= 15 && first.action != last.action, "{demonstration:?}");
    assert!((last.state.agent - first.state.agent).norm() > 30.0, "the agent went where the pointer did");

    viewer.key("n");
    viewer.shows("seed 100004");
}

#[test]
#[ignore = "draws in a window (Debian: mesa-vulkan-drivers, xvfb, xdotool)"]
fn a_log_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let path = log(folder.path());
    let display = Display::new();
    let viewer = Viewer::open(&display, &instructions("replay", &path));
    viewer.shows("running – picard – seed 100000");
    viewer.goes_on(5);
    viewer.key("space");
    viewer.shows("paused");
    viewer.key("space");
    (0..3).for_each(|_| viewer.key("equal"));
    viewer.shows("over");
    viewer.key("r");
    viewer.shows("running");
    viewer.goes_on(1);
}
