//! Every option of `sample` and `run` against C, C++ and Python: a page of the book, made of this table, of the program's help, of
//! the header and of Python's stubs.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod options {
    pub mod rows;
    pub mod sources;
}

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use options::rows::{BESIDES, ROWS};
use options::sources::{Fields, Keywords, help, root};

const PAGE: &str = "docs/src/robot/options.md";

/// What stands between backticks.
fn named(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_option_of_the_program_is_in_the_table() {
    let listed: Vec<&str> = ROWS.iter().map(|row| row.option).collect();
    let rows: BTreeSet<_> = listed.iter().map(ToString::to_string).collect();
    assert_eq!(rows.len(), listed.len(), "an option is listed twice");
    let there: BTreeSet<String> = ["sample", "run"].into_iter().flat_map(help).map(|(option, _)| option).collect();
    let missing: Vec<_> = there.difference(&rows).collect();
    assert!(
        missing.is_empty(),
        "crates/cli/tests/options/rows.rs does not say what these are in C and Python: {missing:?}"
    );
    let gone: Vec<_> = rows.difference(&there).collect();
    assert!(gone.is_empty(), "the program has no such options: {gone:?}");
}

#[test]
fn what_the_table_names_is_there() {
    let (fields, keywords) = (Fields::read(), Keywords::read());
    for row in ROWS {
        for name in named(row.c).filter(|_| !row.c.starts_with("no: ")) {
            assert!(fields.has(name), "--{}: the header has no `{name}`", row.option);
        }
        for name in named(row.python).filter(|_| !row.python.starts_with("no: ")) {
            assert!(keywords.has(name), "--{}: Python has no `{name}`", row.option);
        }
        for cell in [row.c, row.python] {
            assert!(named(cell).next().is_some() || cell.starts_with("no: "), "--{}: {cell}", row.option);
        }
    }
}

#[test]
fn what_the_bindings_have_is_in_the_table() {
    let told: BTreeSet<&str> =
        ROWS.iter().flat_map(|row| named(row.c).chain(named(row.python))).chain(BESIDES.iter().copied()).collect();
    let there = Fields::read().options().chain(Keywords::read().options());
    let missing: Vec<_> = there.filter(|name| !told.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "neither a row nor a list of crates/cli/tests/options/rows.rs has {missing:?}");
}

/// `PARAPOLICY_OPTIONS=write cargo test -p parapolicy-cli --test options` writes it.
#[test]
fn the_page_is_that_of_the_table() {
    let mut page = String::from(
        "# Options of the program, in C, C++ and Python\n\n\
         What `parapolicy sample` and `parapolicy run` can do, and what it is called elsewhere. `options`, `config` and `drawing` are structs of the\n\
         header; C++ has the same fields in `Options`, `Config` and `Drawing`, and the functions as methods. A test makes this page, and fails where an\n\
         option is missing.\n\n\
         | option | commands | C and C++ | Python |\n|---|---|---|---|\n",
    );
    let (of_sample, of_run) = (help("sample"), help("run"));
    for row in ROWS {
        let has = |options: &[(String, String)]| options.iter().any(|(option, _)| option == row.option);
        let commands = match (has(&of_sample), has(&of_run)) {
            (true, true) => "both",
            (true, false) => "`sample`",
            _ => "`run`",
        };
        let cell = |cell: &str| {
            cell.strip_prefix("no: ").map_or_else(|| cell.to_owned(), |why| format!("does not apply: {why}"))
        };
        writeln!(page, "| `--{}` | {commands} | {} | {} |", row.option, cell(row.c), cell(row.python)).unwrap();
    }
    let path = root().join(PAGE);
    if std::env::var_os("PARAPOLICY_OPTIONS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap();
    assert!(there == page, "{PAGE} is not that of the table; the comment here says how to write it");
}
