//! What the program, the header and Python's stubs have, read from them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// Structs of the header that callers fill.
const STRUCTS: [&str; 3] = ["options", "config", "drawing"];

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The options of a command, and the lines that introduce them.
pub fn help(command: &str) -> Vec<(String, String)> {
    let output = Command::cargo_bin("parapolicy").unwrap().args([command, "--help"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let option = |line: &str| {
        let line = line.trim();
        let name = line.strip_prefix("--")?.split([' ', '[', '=']).next()?;
        Some((name.to_owned(), line.to_owned()))
    };
    text.lines().filter_map(option).filter(|(name, _)| name != "help").collect()
}

/// Names in the header: `options.steps`, `parapolicy_policy_load`.
pub struct Fields(BTreeSet<String>);

impl Fields {
    pub fn read() -> Self {
        let header = fs::read_to_string(root().join("crates/ffi/include/parapolicy.h")).unwrap();
        let mut names: BTreeSet<String> =
            header.split(|c: char| !c.is_alphanumeric() && c != '_').map(Into::into).collect();
        for name in STRUCTS {
            let (before, _) = header.split_once(&format!("\n}} parapolicy_{name};")).unwrap();
            let (_, body) = before.rsplit_once("typedef struct {").unwrap();
            let fields = body.lines().map(str::trim).filter(|line| !line.starts_with("//"));
            let field =
                |line: &str| line.strip_suffix(';')?.rsplit([' ', '*']).next().map(|field| format!("{name}.{field}"));
            names.extend(fields.filter_map(field));
        }
        Self(names)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The fields alone.
    pub fn options(self) -> impl Iterator<Item = String> {
        self.0.into_iter().filter(|name| name.contains('.'))
    }
}

/// Names in the stubs: `Policy(threads=)`, `sampling(steps=)`, `Controller.observe`.
pub struct Keywords(BTreeSet<String>);

impl Keywords {
    pub fn read() -> Self {
        let stubs = fs::read_to_string(root().join("crates/python/python/parapolicy/_native.pyi")).unwrap();
        let (mut names, mut class, mut function) = (BTreeSet::new(), "", "");
        for line in stubs.lines() {
            if let Some(rest) = line.strip_prefix("class ") {
                class = rest.split(['(', ':']).next().unwrap();
                function = if class == "_Sampling" { "sampling" } else { "" };
            } else if let Some(rest) = line.strip_prefix("    def ") {
                let method = rest.split('(').next().unwrap();
                function = if method == "__new__" { class } else { method };
                names.insert(format!("{class}.{method}"));
                names.extend(parameters(rest).map(|name| format!("{function}({name}=)")));
            } else if let Some((name, _)) = parameter(line, function == "sampling") {
                names.insert(format!("{function}({name}=)"));
            }
        }
        Self(names)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// What calls that draw plans take, and what makes policies and controllers.
    pub fn options(self) -> impl Iterator<Item = String> {
        const CALLS: [&str; 5] = ["Policy(", "Controller(", "sampling(", "sample(", "sample_many("];
        let is_option = |name: &String| CALLS.iter().any(|call| name.starts_with(call));
        self.0.into_iter().filter(is_option).filter(|name| !name.ends_with("(observations=)"))
    }
}

/// Of a function in one line.
fn parameters(function: &str) -> impl Iterator<Item = &str> {
    let inner = function.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map_or("", |(inner, _)| inner);
    inner
        .split(", ")
        .filter_map(|one| one.split_once(": "))
        .map(|(name, _)| name.trim())
        .filter(|name| !name.starts_with('*'))
}

/// Of a function over several lines, or a field.
fn parameter(line: &str, field: bool) -> Option<(&str, &str)> {
    let indent = if field { "    " } else { "        " };
    let (name, kind) = line.strip_prefix(indent)?.split_once(": ")?;
    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit()) && !name.is_empty();
    (is_name && (field || kind.ends_with(','))).then_some((name, kind))
}
