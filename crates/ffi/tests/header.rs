//! The header says what the library does.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::Path;

/// The committed header is the one that the sources give. `PARAPOLICY_HEADER=write cargo test -p parapolicy-ffi --test
/// header` writes it.
#[test]
fn the_header_is_that_of_the_sources() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(crate_dir.join("cbindgen.toml")).unwrap();
    let mut made = Vec::new();
    cbindgen::generate_with_config(crate_dir, config).unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let path = crate_dir.join("include/parapolicy.h");
    if std::env::var_os("PARAPOLICY_HEADER").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(
        made == committed,
        "include/parapolicy.h is not that of the sources; the comment here says how to write it"
    );
}
