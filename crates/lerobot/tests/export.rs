//! What is written: the same bytes each time, whole or not at all. What LeRobot makes of it is tested in `models/training/tests`.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::{Path, PathBuf};

use parapolicy_lerobot::{ExportError, export};
use parapolicy_pusht::{Demonstration, DemonstrationStep, Renderer, World};

fn demonstrations() -> Vec<Demonstration> {
    let mut world = World::new();
    let mut step = |step: usize| {
        let (state, velocity) = (world.state(), world.agent().velocity);
        let action = [256.0, 400.0 + 5.0 * step as f64];
        let reward = world.step(action).unwrap().reward;
        DemonstrationStep::new(state, velocity, action, reward)
    };
    let mut demonstration = |seed, steps| Demonstration { seed, steps: (0..steps).map(&mut step).collect() };
    vec![demonstration(Some(7), 5), demonstration(None, 1), demonstration(Some(9), 3)]
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let names = [
        "data/chunk-000/file-000.parquet",
        "meta/episodes/chunk-000/file-000.parquet",
        "meta/info.json",
        "meta/stats.json",
        "meta/tasks.parquet",
    ];
    names.map(|name| (name.into(), fs::read(folder.join(name)).unwrap())).into()
}

#[test]
fn the_same_demonstrations_make_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = folder.path().join(name);
        let exported = export(&demonstrations(), Some(Renderer::new(96, 96).unwrap()), &path).unwrap();
        assert_eq!((exported.episodes, exported.frames), (3, 9));
        files(&path)
    };
    assert_eq!(write("one"), write("other"));
}

#[test]
fn nothing_is_overwritten_and_nothing_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset");
    assert!(matches!(export(&[], None, &path), Err(ExportError::Empty)));
    let idle = Demonstration { seed: None, steps: Vec::new() };
    assert!(matches!(export(&[idle], None, &path), Err(ExportError::Empty)));
    fs::write(&path, "mine").unwrap();
    assert!(matches!(export(&demonstrations(), None, &path), Err(ExportError::Exists(_))));
    let error = export(&demonstrations(), None, &path.join("within")).unwrap_err();
    assert!(error.to_string().contains("dataset/within: could not be written"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn the_folder_has_the_permissions_of_any_new_one() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let (path, new) = (folder.path().join("dataset"), folder.path().join("new"));
    export(&demonstrations(), None, &path).unwrap();
    fs::create_dir(&new).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&new));
}
