//! What lies in a folder where a policy was looked for.

use std::{
    fs,
    path::{Path, PathBuf},
};

use parapolicy_files::printable;

use super::MANIFEST_FILE;

/// The most that is looked at in a folder that has no manifest.
const MOST: usize = 1000;

/// Folders that are named, at most.
const NAMED: usize = 3;

/// Why there is no manifest in `folder`, as far as can be seen there, and what to do.
pub(super) fn why(folder: &Path) -> String {
    if folder.is_file() {
        let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(".".as_ref());
        return format!("it is a file, and a policy is a directory: give {}", shown(parent));
    }
    if !folder.is_dir() {
        let here = std::env::current_dir().ok().filter(|_| folder.is_relative());
        let from = here.map(|here| format!(", seen from {}", shown(&here))).unwrap_or_default();
        return format!("there is no such directory{from}");
    }
    within(&listed(folder))
}

/// The same, of a folder with these in it.
fn within(found: &[PathBuf]) -> String {
    let first = |ending: &str| found.iter().find(|path| path.extension().is_some_and(|found| found == ending));
    let is_there = |name: &str| found.iter().any(|path| path.file_name().is_some_and(|found| found == name));
    if is_there("config.json") && first("safetensors").is_some() {
        return "it looks like a checkpoint of LeRobot: export it, `python -m export lerobot` in `models`".into();
    }
    if let Some(checkpoint) = first("ckpt") {
        let checkpoint = shown(checkpoint);
        return format!(
            "it has a checkpoint, {checkpoint}: export it, if it is one of Diffusion Policy, by `python -m export diffusion-policy` in `models`"
        );
    }
    if let Some(graph) = first("onnx") {
        return format!("it has a graph, {}: `parapolicy adopt` makes a policy of it", shown(graph));
    }
    let mut policies: Vec<_> = found.iter().filter(|path| path.join(MANIFEST_FILE).is_file()).collect();
    policies.sort();
    match policies[..] {
        [] => "neither a policy's files nor a checkpoint's are in it".into(),
        _ => {
            let names: Vec<_> = policies.iter().take(NAMED).map(|path| shown(path)).collect();
            let more = if policies.len() > NAMED { ", …" } else { "" };
            format!("policies are in directories below it: give one, {}{more}", names.join(", "))
        }
    }
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().take(MOST);
    found.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}
