//! `parapolicy view` starts the viewer beside it, and says how to get it where it is not.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use assert_cmd::Command;

/// One test at a time: what another starts while a program is written holds on to the file, and that cannot be run then.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The program in a folder of its own.
fn alone(folder: &Path) -> Command {
    let program = folder.join("parapolicy");
    fs::copy(env!("CARGO_BIN_EXE_parapolicy"), &program).unwrap();
    Command::new(program)
}

#[test]
fn without_its_viewer_it_says_how_to_get_it() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let output = alone(folder.path()).arg("view").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
    assert!(text.contains("-p parapolicy-viewer"), "{text}");
}

/// The viewer's own tests read what is said here.
#[test]
fn the_viewer_is_told_what_to_show() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let viewer = folder.path().join("parapolicy-viewer");
    fs::write(&viewer, "#!/bin/sh\necho \"$1\"\nexit 7\n").unwrap();
    fs::set_permissions(&viewer, fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = [
        "view",
        "--solver",
        "ddim",
        "--steps",
        "10",
        "--window",
        "8",
        "--clock",
        "real",
        "--threads",
        "1",
        "--continuity",
        "exponential",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = alone(folder.path()).current_dir(root).args(arguments).output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr),
        (Some(7), Vec::new()),
        "the viewer has said what there is to say"
    );
    insta::assert_snapshot!("instructions", String::from_utf8(output.stdout).unwrap());
}
