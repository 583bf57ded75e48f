//! Programs in C and C++, compiled with the header, linked with the library, and run.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, iter};

const C: &[&str] = &["-std=c11"];
const CPP: &[&str] = &["-std=c++17"];
const STRICT: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-O1"];

/// What gcc and clang watch the program with; they see what it allocates, and so does the library's memory.
const WATCHED: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// The magic bytes of the format.
const MCAP: &[u8] = b"\x89MCAP0\r\n";

/// Comes before what a program has noted itself.
const SEARCHED: &str = "LD_LIBRARY_PATH";

#[derive(Clone, Copy)]
enum Linked {
    Static,
    Shared,
}

struct Program {
    folder: tempfile::TempDir,
    file: PathBuf,
}

fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo puts the library that it makes for the tests: beside them.
fn libraries() -> PathBuf {
    env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// Where shared libraries are searched first: cargo would have the one found that was built last for its users, which may
/// have other features.
fn searched() -> OsString {
    let others = env::var_os(SEARCHED).unwrap_or_default();
    env::join_paths(iter::once(libraries()).chain(env::split_paths(&others))).unwrap()
}

/// Compiles a program; warnings are errors.
fn program(source: &str, linked: Linked, flags: &[&str]) -> Program {
    let (compiler, variable, standard) = if source.ends_with(".cpp") { ("c++", "CXX", CPP) } else { ("cc", "CC", C) };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("program");
    let mut compile = Command::new(env::var_os(variable).unwrap_or_else(|| compiler.into()));
    compile.args(standard).args(STRICT).args(flags).arg("-I").arg(crate_dir().join("include"));
    compile.arg(crate_dir().join(source)).arg("-o").arg(&file);
    match linked {
        Linked::Static => compile.arg(libraries().join("libparapolicy.a")),
        Linked::Shared => {
            compile.arg("-L").arg(libraries()).arg("-lparapolicy").arg(format!("-Wl,-rpath,{}", libraries().display()))
        }
    };
    compile.args(["-lpthread", "-ldl", "-lm"]);
    let made = compile.output().unwrap();
    assert!(made.status.success(), "{compile:?}\n{}", String::from_utf8_lossy(&made.stderr));
    Program { folder, file }
}

/// Runs a program on the policy of the examples; returns what it said.
fn run(program: &Program, within: Option<&[&str]>, more: &[&str]) -> String {
    let mut command = match within {
        Some([tool, arguments @ ..]) => {
            let mut command = Command::new(tool);
            command.args(arguments).arg(&program.file);
            command
        }
        _ => Command::new(&program.file),
    };
    command.arg(crate_dir().join("examples/point")).args(more).current_dir(program.folder.path());
    let ran = command.env(SEARCHED, searched()).output().unwrap();
    let said = [ran.stdout, ran.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(ran.status.success(), "{:?}\n{said}", ran.status);
    said
}

#[test]
fn the_loop_in_c_leads_the_point_to_its_target() {
    let program = program("examples/c/loop.c", Linked::Static, WATCHED);
    let said = run(&program, None, &["loop.mcap"]);
    // A file that was closed ends as it begins.
    let log = std::fs::read(program.folder.path().join("loop.mcap")).unwrap();
    assert!(log.starts_with(MCAP) && log.ends_with(MCAP), "{} bytes", log.len());
    assert!(said.contains("source 0, withheld 0"), "{said}");
}

#[test]
fn the_loop_in_cpp_leads_the_point_to_its_targets() {
    let said = run(&program("examples/cpp/loop.cpp", Linked::Shared, WATCHED), None, &[]);
    // The policy's formula, its velocities clipped at 1.
    assert!(said.contains("the first plan leads to (-0.202, 0.122)"), "{said}");
}

#[test]
fn chunking_in_c_and_cpp_keeps_its_limits_and_refines_plans() {
    for (source, linked) in [("examples/c/chunking.c", Linked::Static), ("examples/cpp/chunking.cpp", Linked::Shared)] {
        let said = run(&program(source, linked, WATCHED), None, &[]);
        assert!(said.contains("a plan was refined: action 0, number "), "{said}");
    }
}

#[test]
fn misuse_is_told_by_codes_and_words() {
    run(&program("tests/c/misuse.c", Linked::Shared, WATCHED), None, &[]);
}

#[test]
fn a_forked_child_is_told_that_it_has_no_threads() {
    let policy = crate_dir().join("../../models/pusht");
    run(&program("tests/c/fork.c", Linked::Shared, &[]), None, &[policy.to_str().unwrap()]);
}

/// Slow, and valgrind has to be installed: `cargo test -p parapolicy-ffi -- --ignored valgrind`.
#[test]
#[ignore = "needs valgrind"]
fn valgrind_finds_nothing() {
    let suppressions = format!("--suppressions={}", crate_dir().join("tests/valgrind.supp").display());
    let valgrind: &[&str] = &[
        "valgrind",
        "--quiet",
        "--error-exitcode=99",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite",
        "--show-leak-kinds=definite",
        &suppressions,
    ];
    for (source, linked) in [
        ("tests/c/misuse.c", Linked::Static),
        ("examples/c/loop.c", Linked::Shared),
        ("examples/cpp/loop.cpp", Linked::Static),
    ] {
        run(&program(source, linked, &[]), Some(valgrind), &[]);
    }
}
