//! The header says what the library does.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use parapolicy_policy::BackendName;
use parapolicy_sampler::{Solver, Strategies};

fn header() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include/parapolicy.h")
}

/// The committed header is the one that the sources give. `PARAPOLICY_HEADER=write cargo test -p parapolicy-ffi --test
/// header` writes it.
#[test]
fn the_header_is_that_of_the_sources() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(crate_dir.join("cbindgen.toml")).unwrap();
    let mut made = Vec::new();
    cbindgen::generate_with_config(crate_dir, config).unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    if std::env::var_os("PARAPOLICY_HEADER").is_some() {
        fs::write(header(), &made).unwrap();
    }
    let committed = fs::read_to_string(header()).unwrap();
    assert!(
        made == committed,
        "include/parapolicy.h is not that of the sources; the comment here says how to write it"
    );
}

/// What the comment above a text field has in double quotes.
fn quoted(field: &str) -> BTreeSet<String> {
    let header = fs::read_to_string(header()).unwrap();
    let (before, _) = header.split_once(&format!("  const char *{field};")).unwrap();
    let comment: Vec<_> = before.lines().rev().take_while(|line| line.trim().starts_with("//")).collect();
    comment.iter().flat_map(|line| line.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn the_header_names_all_there_is() {
    let set = |names: &mut dyn Iterator<Item = &'static str>| names.map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(quoted("sampler"), set(&mut Strategies::default().names().chain([parapolicy_eval::AUTO])));
    assert_eq!(quoted("solver"), set(&mut Solver::names()));
    assert_eq!(quoted("provider"), set(&mut parapolicy_ort::backends().iter().map(BackendName::as_str)));
}
