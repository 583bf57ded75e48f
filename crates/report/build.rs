//! Names the commit that the program is built from, for reports.

use std::fs;
use std::path::Path;
use std::process::Command;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // A copy of these sources in another repository has that one's commits.
    let is_ours = git(&["rev-parse", "--show-toplevel"])
        .is_some_and(|top| fs::canonicalize(top).ok() == fs::canonicalize(&root).ok());
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).filter(|_| is_ours);
    let changes = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    let commit = commit.map_or_else(String::new, |commit| format!("{commit}{}", if changes { "+" } else { "" }));
    println!("cargo::rustc-env=PARAPOLICY_COMMIT={commit}");
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| is_ours && Path::new(log).exists()) {
        println!("cargo::rerun-if-changed={log}");
    }
    for sources in
        fs::read_dir(root.join("crates")).into_iter().flatten().flatten().map(|folder| folder.path().join("src"))
    {
        println!("cargo::rerun-if-changed={}", sources.display());
    }
}

/// What git says; none where it is not there, or this is no repository.
fn git(arguments: &[&str]) -> Option<String> {
    let said = Command::new("git").args(arguments).output().ok()?;
    said.status.success().then(|| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}
