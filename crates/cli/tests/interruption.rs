//! Programs that are stopped or killed at random moments: nothing is half-written, nothing is left behind by the next run, and
//! what goes on from there comes to what a whole run comes to.
//!
//! `PARAPOLICY_KILLS=30` kills and stops thirty times each; without it a few.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use parapolicy_eval::Report;
use parapolicy_log::LogReadError;
use parapolicy_pusht::{Demonstration, DemonstrationStep, State};
use serde_json::Value;

/// What is stopped.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Run,
    Study,
    Bench,
    Demos,
    Calibrate,
    Install,
}

const KINDS: [Kind; 6] = [Kind::Run, Kind::Study, Kind::Bench, Kind::Demos, Kind::Calibrate, Kind::Install];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Where everything is that a test writes.
struct Place {
    folder: tempfile::TempDir,
    /// How many episodes `run` plays.
    episodes: u32,
}

impl Place {
    fn new(episodes: u32) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), episodes };
        for name in ["bin", "cache", "demos"] {
            fs::create_dir(place.path(name)).unwrap();
        }
        for seed in 0..4 {
            let state = |step: u32| State::from_array([100.0 + f64::from(step), 200.0, 256.0, 300.0, 0.1]);
            let step = |at| DemonstrationStep::new(state(at), [1.0, 0.0].into(), [110.0, 200.0], 0.5);
            let demonstration = Demonstration { seed: Some(seed), steps: (0..60).map(step).collect() };
            demonstration.save_in(&place.path("demos")).unwrap();
        }
        // A pip that never ends: it writes where it is told to, and waits.
        let python = place.path("bin/python3");
        let script = "#!/bin/sh\nfor last; do dest=$before; before=$last; done\nhead -c 100000 /dev/zero > \"$dest/part\"\nexec sleep 3\n";
        fs::write(&python, script).unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, kind: Kind, out: &str, resume: bool) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parapolicy"));
        let path = std::env::var("PATH").unwrap();
        command.current_dir(root()).env("PARAPOLICY_CACHE", self.path("cache"));
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let small = ["--solver=ddim", "--steps=6", "--threads=1"];
        let out = self.path(out);
        match kind {
            Kind::Run => {
                command.args(["run", "--environment=arm", "--sampler=sequential,picard"]).args(small);
                command.arg("--out").arg(out);
            }
            Kind::Study => {
                command.args(["study", "latency", "--environment=arm", "--episodes=2", "--sampler=picard"]).args(small);
                command.args(["--latencies=0ms,100ms", "--intervals=8", "--out"]).arg(out);
            }
            Kind::Bench => {
                command
                    .args(["bench", "--environment=arm", "--observations=100", "--json", "--sampler=picard"])
                    .args(small);
            }
            Kind::Demos => {
                command.args(["demos", "export", "--format=lerobot", "--images"]).arg(out).arg(self.path("demos"));
            }
            Kind::Calibrate => {
                command.args(["calibrate", "--force", "--threads=1", "--model=models/arm"]);
            }
            Kind::Install => {
                command.args(["runtime", "install", "cpu"]);
            }
        }
        if matches!(kind, Kind::Run) {
            command.arg(format!("--episodes={}", self.episodes));
        }
        if resume && matches!(kind, Kind::Run | Kind::Study) {
            command.arg("--resume");
        }
        command
    }

    /// Everything that is there is whole.
    fn check_files(&self, closed: bool) {
        for path in files(self.folder.path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = || fs::read_to_string(&path).unwrap();
            // What is in a temporary folder is nobody's yet.
            if path.components().any(|part| is_temporary(&part.as_os_str().to_string_lossy())) {
                continue;
            }
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if name == "report.json" => drop(Report::load(&path).unwrap()),
                Some("json") => drop(serde_json::from_str::<Value>(&text()).unwrap()),
                Some("jsonl") => {
                    let text = text();
                    let whole = text.rfind('\n').map_or(0, |end| end + 1);
                    assert!(whole == text.len() || !closed, "{name} ends in the middle of a line");
                    text[..whole].lines().for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap()));
                }
                Some("mcap") => match parapolicy_log::read(&path) {
                    Ok(_) | Err(LogReadError::Empty { .. }) => {}
                    // Killed within its first chunk. It stays as it is: what goes on writes another.
                    Err(error) => {
                        let next = path.with_file_name("episodes-2.mcap");
                        assert!(!closed || (path != next && next.exists()), "{error}");
                    }
                },
                Some("html") => assert!(text().trim_end().ends_with("</html>"), "{name}"),
                Some("svg") => assert!(text().trim_end().ends_with("</svg>"), "{name}"),
                _ => {}
            }
        }
    }

    /// Nothing is left of what was killed.
    fn check_left(&self) {
        let temporary = |path: &PathBuf| is_temporary(&path.file_name().unwrap_or_default().to_string_lossy());
        let left: Vec<_> = folders(self.folder.path()).into_iter().filter(temporary).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn is_temporary(name: &str) -> bool {
    name.starts_with(".parapolicy-") || name.starts_with("staging-")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let within = entries(folder).into_iter().filter(|path| path.is_dir());
    within.flat_map(|path| [vec![path.clone()], folders(&path)].concat()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let folders = [vec![folder.to_owned()], folders(folder)].concat();
    folders.iter().flat_map(|folder| entries(folder)).filter(|path| path.is_file()).collect()
}

fn spawn(mut command: Command) -> Child {
    command.spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
    // It may be over already.
    let _sent = sent.success();
}

/// What of a report does not depend on how fast the machine is.
fn figures(path: &Path, kind: Kind) -> Value {
    let mut value: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let of = |sampler: &Value| {
        ["name", "reward_mean", "reward_interval", "success_rate", "rounds_mean", "evaluations_mean", "episodes"]
            .map(|field| sampler[field].clone())
            .to_vec()
    };
    assert!(value["interrupted"].is_null(), "it is whole");
    match kind {
        Kind::Run => value["samplers"].as_array().unwrap().iter().flat_map(of).collect(),
        // Latencies as measured are never the same again.
        _ => {
            let groups = value["groups"].as_array_mut().unwrap();
            groups.retain(|group| group["varied"] != "sampler");
            groups
                .iter()
                .flat_map(|group| group["rows"].as_array().unwrap())
                .flat_map(|row| of(&row["result"]))
                .collect()
        }
    }
}

/// A moment in the course of a program that takes `time`.
fn moment(index: u32, time: Duration) -> Duration {
    // Weyl's sequence: even, and in no step with the program's own.
    time.mul_f64((f64::from(index + 1) * 0.618_033_988_749).fract())
}

fn output(kind: Kind) -> &'static str {
    if matches!(kind, Kind::Run) { "report.json" } else { "study.json" }
}

/// Ends a program at some moment, goes on, and compares.
fn end_and_go_on(
    place: &Place,
    kind: Kind,
    index: u32,
    stop: bool,
    time: Duration,
    whole: Option<&Value>,
) -> ExitStatus {
    let name = format!("{kind:?}-{index}-{stop}");
    let mut child = spawn(place.command(kind, &name, false));
    std::thread::sleep(moment(index, time));
    if stop {
        signal(&child, "-INT");
    } else {
        child.kill().unwrap();
    }
    let asked = Instant::now();
    let ended = child.wait_with_output().unwrap();
    let status = ended.status;
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!told.contains("panicked"), "{kind:?}: {told}");
    if stop {
        // Before it listens it is ended by the signal itself.
        let expected = matches!(status.code(), Some(0 | 130)) || status.signal() == Some(2);
        // The pip of the test fails after a while.
        let failed = matches!(kind, Kind::Install) && status.code() == Some(1);
        assert!(expected || failed, "{kind:?}: {status}, {told}");
        assert!(asked.elapsed() < Duration::from_secs(60), "{kind:?} does not stop");
    }
    place.check_files(stop && status.signal().is_none());
    if stop && status.signal().is_none() {
        place.check_left();
    }
    let mut again = place.command(kind, &name, true);
    if matches!(kind, Kind::Install) {
        // The next installation fails at once, and sweeps first.
        again.env("PATH", "/nowhere");
    }
    if matches!(kind, Kind::Demos) && place.path(&name).exists() {
        return status;
    }
    let again = again.output().unwrap();
    assert!(again.status.success() || matches!(kind, Kind::Install), "{}", String::from_utf8_lossy(&again.stderr));
    place.check_files(true);
    place.check_left();
    if let Some(whole) = whole {
        let report = place.path(&name).join(output(kind));
        assert_eq!(&figures(&report, kind), whole, "{kind:?}: what went on is not what a whole one comes to");
        assert!(!place.path(&name).join("resume.jsonl").exists());
    }
    status
}

#[test]
fn programs_that_are_killed_or_stopped_lose_nothing_and_leave_nothing() {
    let count: Option<u32> = std::env::var("PARAPOLICY_KILLS").ok().map(|count| count.parse().unwrap());
    let place = Place::new(if count.is_some() { 20 } else { 6 });
    let kinds: &[Kind] = if count.is_some() { &KINDS } else { &[Kind::Run, Kind::Bench, Kind::Demos, Kind::Install] };
    let whole: Vec<(Kind, Duration, Option<Value>)> = kinds
        .iter()
        .map(|&kind| {
            let (started, name) = (Instant::now(), format!("{kind:?}-whole"));
            let done = place.command(kind, &name, false).output().unwrap();
            let told = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success() || matches!(kind, Kind::Install), "{kind:?}: {told}");
            let compared = matches!(kind, Kind::Run | Kind::Study);
            let figures = compared.then(|| figures(&place.path(&name).join(output(kind)), kind));
            (kind, started.elapsed(), figures)
        })
        .collect();
    for stop in [false, true] {
        for index in 0..count.unwrap_or(kinds.len() as u32) {
            let (kind, time, figures) = &whole[index as usize % whole.len()];
            let status = end_and_go_on(&place, *kind, index, stop, *time, figures.as_ref());
            let how = if stop { "SIGINT" } else { "SIGKILL" };
            println!(
                "{how} {kind:?} after {:.2} of {:.2} s: {status}",
                moment(index, *time).as_secs_f64(),
                time.as_secs_f64()
            );
        }
    }
}

#[test]
fn a_run_that_is_stopped_reports_the_episodes_so_far() {
    let place = Place::new(1000);
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let out = format!("report{name}");
        let mut command = place.command(Kind::Run, &out, false);
        command.stdout(Stdio::piped());
        let child = spawn(command);
        let journal = place.path(&out).join("resume.jsonl");
        let started = Instant::now();
        while fs::read_to_string(&journal).map_or(0, |text| text.lines().count()) < 4 {
            assert!(started.elapsed() < Duration::from_secs(120), "no episode is over");
            std::thread::sleep(Duration::from_millis(20));
        }
        signal(&child, name);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{}", String::from_utf8_lossy(&ended.stderr));
        let report = Report::load(&place.path(&out).join("report.json")).unwrap();
        let interrupted = report.interrupted.unwrap();
        let episodes: usize = report.samplers.iter().map(|sampler| sampler.episodes.len()).sum();
        assert_eq!((interrupted.episodes_asked, interrupted.episodes), (2000, episodes as u64));
        assert!(episodes >= 3);
        let text = String::from_utf8(ended.stdout).unwrap();
        assert!(text.contains(&format!("stopped before its end, after {episodes} of 2000 episodes")), "{text}");
        let log = fs::read(place.path(&out).join("episodes.mcap")).unwrap();
        assert!(log.ends_with(b"\x89MCAP0\r\n"), "the log is closed");
        place.check_left();
    }
}

/// Standard output that is closed, full, or that nobody reads any more, an argument that is no text, and a folder that cannot be
/// written to.
#[test]
fn an_output_that_fails_loses_nothing() {
    let place = Place::new(1);
    let shell = |script: &str| {
        let mut command = Command::new("sh");
        command.current_dir(root()).env("P", env!("CARGO_BIN_EXE_parapolicy")).env("OUT", place.path("report"));
        command.env("DEMOS", place.path("demos")).args(["-c", script]).output().unwrap()
    };
    let told = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let run = "\"$P\" run --environment=arm --solver=ddim --steps=4 --episodes=1 --sampler=sequential --out \"$OUT\"";
    let full = shell(&format!("{run} > /dev/full"));
    assert_eq!(full.status.code(), Some(1));
    assert!(told(&full).contains("sequential") && told(&full).contains("standard output"), "{}", told(&full));
    Report::load(&place.path("report/report.json")).unwrap();
    for redirected in [">&-", "2>&-", "2>/dev/full", "| true"] {
        let output = shell(&format!("\"$P\" demos list \"$DEMOS\" {redirected}"));
        assert_eq!(output.status.code(), Some(0), "{redirected}: {}", told(&output));
        assert!(!told(&output).contains("panicked"), "{}", told(&output));
    }
    let odd = shell("\"$P\" demos list \"$(printf 'no\\377file.npz')\"");
    assert_eq!(odd.status.code(), Some(2), "{}", told(&odd));
    let odd = shell(&format!("{run}\"$(printf 'x\\377')\""));
    assert!(odd.status.success(), "{}", told(&odd));

    fs::write(place.path("file"), "").unwrap();
    let started = Instant::now();
    let refused = shell(&format!("OUT=\"$OUT/../file\"; {run} --episodes=100000"));
    assert!(matches!(refused.status.code(), Some(1 | 2)), "{}", told(&refused));
    assert!(started.elapsed() < Duration::from_secs(30), "it is refused before anything is measured");
}
