//! Installations, with a wheel and a pip of our own: nothing is downloaded.

use std::{
    env,
    io::Write as _,
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
    time::Duration,
};

use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;

const LIBRARY: &str = "libfake.so";
const CONTENT: &[u8] = b"the shared library";

/// What pip does where all goes well; each call leaves a line in `calls`.
const GOOD: &str = r#"echo called >> "$root/calls"; cp "$root/wheel" "$dest/fake.whl""#;

/// The same, but only when `go` is there. It gives up when the scene is gone: a pip outlives the process that is killed.
const SLOW: &str = r#"echo called >> "$root/calls"
until [ -e "$root/go" ] || [ ! -e "$root/pip.sh" ]; do sleep 0.02; done
cp "$root/wheel" "$dest/fake.whl""#;

/// A directory to install into, with a wheel and a pip.
struct Scene(TempDir);

impl Scene {
    fn new(pip: &str) -> Self {
        let scene = Self(TempDir::new().unwrap());
        let mut wheel = ZipWriter::new(File::create(scene.path("wheel")).unwrap());
        for (member, content) in [
            ("onnxruntime/LICENSE", b"".as_slice()),
            ("onnxruntime/capi/libfake.so", CONTENT),
            ("onnxruntime/capi/libbeside.so", CONTENT),
        ] {
            wheel.start_file(member, SimpleFileOptions::default()).unwrap();
            wheel.write_all(content).unwrap();
        }
        wheel.finish().unwrap();
        scene.pip(pip);
        scene
    }

    fn pip(&self, script: &str) {
        fs::write(self.path("pip.sh"), script).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn installer(&self) -> Installer {
        installer(self.0.path())
    }

    fn install(&self) -> Result<PathBuf, RuntimeError> {
        self.installer().install(&())
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.path("calls")).unwrap_or_default().lines().count()
    }

    fn assert_installed(&self) {
        assert_eq!(fs::read(self.path(LIBRARY)).unwrap(), CONTENT);
        assert_eq!(self.leftovers(), 0);
    }

    fn leftovers(&self) -> usize {
        let entries = fs::read_dir(self.0.path()).unwrap().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(STAGING)).count()
    }

    /// Installs in a process of its own.
    fn spawn(&self) -> Child {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "--ignored", "runtime::install::tests::child"])
            .env("INSTALL_INTO", self.0.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn wait_for_call(&self) {
        while self.calls() == 0 {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn installer(directory: &Path) -> Installer {
    let file = directory.join("wheel");
    let sha256 = sha256_of(&file).unwrap();
    let size = file.metadata().unwrap().len();
    let wheel = Wheel {
        project: "onnxruntime",
        version: "0.0.0",
        platform: "any",
        sha256,
        size,
        folder: "onnxruntime/capi",
        libraries: &[LIBRARY],
    };
    Installer {
        directory: directory.into(),
        python: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/python3").into(),
        package: Package { provider: ExecutionProvider::Cpu, folder: "any", wheels: vec![wheel] },
    }
}

/// The error's text, without the directory, which differs from run to run.
fn text(scene: &Scene, error: &RuntimeError) -> String {
    error.to_string().replace(&scene.0.path().display().to_string(), "DIR").replace(env!("CARGO_MANIFEST_DIR"), "CRATE")
}

/// Not a test: the process that [`Scene::spawn`] starts.
#[test]
#[ignore = "is run by other tests"]
fn child() {
    if let Some(directory) = env::var_os("INSTALL_INTO") {
        installer(Path::new(&directory)).install(&()).unwrap();
    }
}

#[derive(Default)]
struct Recorder(Mutex<Vec<InstallStage>>);

impl InstallObserver for Recorder {
    fn stage(&self, stage: InstallStage) {
        self.0.lock().unwrap().push(stage);
    }

    fn progress(&self, bytes: u64, total: u64) {
        assert!(bytes <= total);
    }
}

#[test]
fn the_library_alone_is_unpacked() {
    let scene = Scene::new(GOOD);
    assert_eq!(scene.installer().installed(), None);
    let recorder = Recorder::default();
    let library = scene.installer().install(&recorder).unwrap();
    assert_eq!(library, scene.path(LIBRARY));
    scene.assert_installed();
    assert_eq!(scene.installer().installed(), Some(library));
    let stages = recorder.0.into_inner().unwrap();
    assert_eq!(
        stages,
        [InstallStage::Downloading, InstallStage::Verifying, InstallStage::Unpacking, InstallStage::Done]
    );
}

#[test]
fn wheels_are_unpacked_side_by_side_and_the_library_comes_last() {
    let scene = Scene::new(GOOD);
    let mut installer = scene.installer();
    let beside = Wheel { project: "beside", libraries: &["libbeside.so"], ..installer.package.wheels[0].clone() };
    installer.package.wheels.insert(0, beside);
    assert_eq!(installer.install(&()).unwrap(), scene.path(LIBRARY));
    assert_eq!(fs::read(scene.path("libbeside.so")).unwrap(), CONTENT);
    assert_eq!(scene.calls(), 2);
    scene.assert_installed();

    // Where the last cannot be had, nothing is there.
    let scene = Scene::new(GOOD);
    installer.directory = scene.0.path().into();
    installer.package.wheels[1].libraries = &["libother.so"];
    installer.install(&()).unwrap_err();
    assert_eq!((installer.installed(), scene.path("libbeside.so").exists(), scene.leftovers()), (None, false, 0));
}

#[test]
fn what_can_be_installed_is_described() {
    let scene = Scene::new(GOOD);
    let mut expected = Installable {
        provider: ExecutionProvider::Cpu,
        wheels: vec!["onnxruntime==0.0.0".into()],
        size: scene.path("wheel").metadata().unwrap().len(),
        library: None,
    };
    assert_eq!(scene.installer().describe(), expected);
    expected.library = Some(scene.install().unwrap());
    assert_eq!(scene.installer().describe(), expected);
}

#[test]
fn an_installed_library_needs_no_python() {
    let scene = Scene::new(GOOD);
    scene.install().unwrap();
    let offline = Installer { python: "/nowhere/python3".into(), ..scene.installer() };
    assert_eq!(offline.installed(), Some(scene.path(LIBRARY)));
    assert_eq!(offline.install(&()).unwrap(), scene.path(LIBRARY));
}

#[test]
fn what_was_installed_is_what_is_loaded() {
    let scene = Scene::new(GOOD);
    let library = scene.install().unwrap();
    scene.installer().verify().unwrap();
    fs::write(&library, b"another library").unwrap();
    let error = text(&scene, &scene.installer().verify().unwrap_err());
    assert!(error.starts_with("DIR/libfake.so: cannot be used as ONNX Runtime (its SHA-256 is "), "{error}");
    // One that an earlier version left, without sums, is installed again.
    fs::remove_file(scene.path(SUMS)).unwrap();
    assert_eq!(scene.installer().installed(), None);
    scene.install().unwrap();
    scene.assert_installed();
    scene.installer().verify().unwrap();
}

#[cfg(unix)]
#[test]
fn a_library_that_everyone_may_replace_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::new(GOOD);
    let library = scene.install().unwrap();
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    set(&library, 0o666);
    let error = text(&scene, &scene.installer().verify().unwrap_err());
    assert!(error.contains("(everyone may write to it: "), "{error}");
    set(&library, 0o644);
    set(scene.0.path(), 0o777);
    let error = text(&scene, &scene.installer().verify().unwrap_err());
    assert!(error.contains("(everyone may write to the folder that it is in: "), "{error}");
    set(scene.0.path(), 0o1777);
    scene.installer().verify().unwrap();
}

/// The user's own Python, in a folder of a stranger.
#[test]
fn nothing_of_the_current_folder_is_run() {
    let scene = Scene::new(GOOD);
    fs::write(scene.path("pip.py"), "open('ran', 'w')").unwrap();
    fs::write(scene.path("sitecustomize.py"), "open('ran', 'w')").unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--ignored", "runtime::install::tests::child_with_python"])
        .env("INSTALL_INTO", scene.0.path())
        // It finds nothing, and asks nobody.
        .env("PIP_NO_INDEX", "1")
        .env("PYTHONPATH", scene.0.path())
        .current_dir(scene.0.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert!(!scene.path("ran").exists());
}

/// Not a test: what [`nothing_of_the_current_folder_is_run`] runs in another folder.
#[test]
#[ignore = "is run by another test"]
fn child_with_python() {
    if let Some(directory) = env::var_os("INSTALL_INTO") {
        let installer = Installer { python: "python3".into(), ..installer(Path::new(&directory)) };
        installer.install(&()).unwrap_err();
    }
}

#[test]
fn a_killed_installation_is_swept_up_and_done_again() {
    let scene = Scene::new(SLOW);
    let mut child = scene.spawn();
    scene.wait_for_call();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(scene.leftovers(), 1, "the killed process left its staging directory");
    assert_eq!(scene.installer().installed(), None);

    scene.pip(GOOD);
    scene.install().unwrap();
    scene.assert_installed();
    // Lets the pip that outlived its parent go.
    fs::write(scene.path("go"), "").unwrap();
}

#[test]
fn half_a_library_is_not_taken_for_one() {
    let scene = Scene::new(GOOD);
    let staging = scene.path("staging-killed");
    fs::create_dir(&staging).unwrap();
    fs::write(staging.join(LIBRARY), &CONTENT[..3]).unwrap();
    fs::write(scene.path("install.lock"), "").unwrap();
    scene.install().unwrap();
    scene.assert_installed();
}

#[test]
fn of_two_processes_one_installs_and_the_other_waits() {
    let scene = Scene::new(SLOW);
    let children = [scene.spawn(), scene.spawn()];
    scene.wait_for_call();
    // The one that waits would have called by now.
    thread::sleep(Duration::from_millis(200));
    fs::write(scene.path("go"), "").unwrap();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    scene.assert_installed();
    assert_eq!(scene.calls(), 1);
}

#[test]
fn of_many_threads_one_installs() {
    let scene = Scene::new(GOOD);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| scene.install().unwrap());
        }
    });
    scene.assert_installed();
    assert_eq!(scene.calls(), 1);
}

#[test]
fn who_waits_hears_of_it_and_takes_over_after_a_kill() {
    let scene = Scene::new(SLOW);
    let mut child = scene.spawn();
    scene.wait_for_call();
    let recorder = Recorder::default();
    thread::scope(|scope| {
        scope.spawn(|| scene.installer().install(&recorder).unwrap());
        while recorder.0.lock().unwrap().is_empty() {
            thread::sleep(Duration::from_millis(10));
        }
        scene.pip(GOOD);
        child.kill().unwrap();
    });
    child.wait().unwrap();
    assert_eq!(recorder.0.into_inner().unwrap()[..2], [InstallStage::Waiting, InstallStage::Downloading]);
    scene.assert_installed();
    fs::write(scene.path("go"), "").unwrap();
}

#[test]
fn a_damaged_wheel_is_refused() {
    let scene = Scene::new(r#"head -c 100 "$root/wheel" > "$dest/fake.whl""#);
    let error = scene.install().unwrap_err();
    let RuntimeError::Checksum { wheel, expected, found } = &error else { panic!("{error}") };
    assert_eq!(wheel, "fake.whl");
    assert_ne!(expected, found);
    assert_eq!(scene.installer().installed(), None);
    assert_eq!(scene.leftovers(), 0);
}

#[test]
fn a_wheel_without_the_library_is_refused() {
    let scene = Scene::new(GOOD);
    let mut installer = scene.installer();
    installer.package.wheels[0].libraries = &[LIBRARY, "libother.so"];
    insta::assert_snapshot!("no_member", text(&scene, &installer.install(&()).unwrap_err()));
    assert_eq!((scene.installer().installed(), scene.leftovers()), (None, 0), "nor is what it has of use");
}

#[test]
fn what_keeps_pip_from_working_is_said() {
    let scene = Scene::new("");
    let mut errors = Vec::new();
    for pip in [
        "echo '/usr/bin/python3: No module named pip' >&2; exit 1",
        "echo 'WARNING: retrying' >&2; echo 'ERROR: No matching distribution found' >&2; echo 'ERROR: two' >&2; exit 1",
        "echo 'Traceback' >&2; echo 'OSError: [Errno 28] No space left on device' >&2; exit 2",
        "exit 3",
        "exit 0",
    ] {
        scene.pip(pip);
        errors.push(text(&scene, &scene.install().unwrap_err()));
    }
    let nowhere = Installer { python: "/nowhere/python3".into(), ..scene.installer() };
    errors.push(text(&scene, &nowhere.install(&()).unwrap_err()));
    insta::assert_snapshot!("pip", errors.join("\n"));
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let scene = Scene::new(GOOD);
    let nowhere = Installer { directory: scene.path("wheel").join("below"), ..scene.installer() };
    insta::assert_snapshot!("directory", text(&scene, &nowhere.install(&()).unwrap_err()));
}
