//! Mutants of archives, and of arrays in sound archives. `MUTANTS` says how many.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::io::{Cursor, Write as _};
use std::path::Path;
use std::time::Duration;

use ndarray::{Array1, Array2, Ix1, Ix2};
use ndarray_npy::{NpzWriter, WriteNpyExt as _};
use parapolicy_hostile::{Bounds, Outcome, run};
use parapolicy_npz::Npz;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A mutant has 128 KiB at most, and what it unpacks to a thousand times that.
const BOUNDS: Bounds = Bounds { bytes: 256 << 20, time: Duration::from_secs(5) };

fn attempt(path: &Path, bytes: &[u8]) -> Outcome {
    std::fs::write(path, bytes).unwrap();
    let Ok(mut npz) = Npz::open(path) else { return Outcome::Refused };
    let state = npz.numbers::<Ix2>("state");
    let end = npz.numbers::<Ix1>("end");
    (state.is_ok() || end.is_ok()).then_some(()).ok_or(()).into()
}

#[test]
fn mutants_of_archives_are_read_or_refused() {
    let archive = |compressed| {
        let mut file = Cursor::new(Vec::new());
        let mut npz = if compressed { NpzWriter::new_compressed(&mut file) } else { NpzWriter::new(&mut file) };
        npz.add_array("state", &Array2::<f64>::from_elem((3, 5), 0.5)).unwrap();
        npz.add_array("end", &Array1::from(vec![3_i64])).unwrap();
        npz.finish().unwrap();
        file.into_inner()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let summary = run("npz", &[archive(true), archive(false)], 3000, BOUNDS, |bytes| attempt(&path, bytes));
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
}

#[test]
fn mutants_of_arrays_are_read_or_refused() {
    let mut seeds = Vec::new();
    for array in [Array2::<f64>::zeros((3, 5)), Array2::zeros((3, 5)).reversed_axes()] {
        let mut npy = Vec::new();
        array.write_npy(&mut npy).unwrap();
        seeds.push(npy);
    }
    let mut npy = Vec::new();
    Array2::<f32>::zeros((2, 2)).write_npy(&mut npy).unwrap();
    seeds.push(npy);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let summary = run("npy", &seeds, 3000, BOUNDS, |npy| {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file("state.npy", SimpleFileOptions::default()).unwrap();
        archive.write_all(npy).unwrap();
        attempt(&path, &archive.finish().unwrap().into_inner())
    });
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
}
