//! `parapolicy demos`: lists, checks, merges and exports demonstrations.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use parapolicy_files::printable;
use parapolicy_lerobot::ExportError;
use parapolicy_pusht::{Demonstration, OBSERVATION_SIZE, Renderer, ReplayErrors, SaveError, Trace, replay};
use serde::Serialize;

use super::print_json;
use crate::args::{
    Demos, DemosCheckArguments, DemosExportArguments, DemosFormat, DemosListArguments, DemosMergeArguments,
};
use crate::failure::{Failure, InputError as _, one_line};
use crate::output::table;

/// Lists, checks, merges and exports recorded demonstrations.
pub fn demos(command: &Demos) -> Result<(), Failure> {
    match command {
        Demos::List(arguments) => list(arguments),
        Demos::Check(arguments) => check(arguments),
        Demos::Merge(arguments) => merge(arguments),
        Demos::Export(arguments) => export(arguments),
    }
}

/// A demonstration in a list.
#[derive(Serialize)]
pub struct Listed {
    /// The file that it is in.
    pub file: String,
    /// The seed that it began with, if that is known.
    pub seed: Option<u32>,
    /// Its length.
    pub control_steps: usize,
    /// The largest reward, if rewards were recorded.
    pub best_reward: Option<f64>,
}

fn list(arguments: &DemosListArguments) -> Result<(), Failure> {
    let mut listed = Vec::new();
    for path in files(&arguments.paths)? {
        let listing = |demonstration: Demonstration| Listed {
            file: path.display().to_string(),
            seed: demonstration.seed,
            control_steps: demonstration.steps.len(),
            best_reward: demonstration.best_reward(),
        };
        listed.extend(Demonstration::load(&path).input()?.into_iter().map(listing));
    }
    if arguments.json {
        return print_json(&listed);
    }
    println!("{}", table::render_demonstrations(&listed));
    Ok(())
}

/// Says of every file what is wrong with it, or how far the simulator ends up from it.
fn check(arguments: &DemosCheckArguments) -> Result<(), Failure> {
    let mut refused = 0;
    for path in files(&arguments.paths)? {
        match replayed(&path) {
            Ok(summary) => println!("{}", printable(&format!("{}: {summary}", path.display()))),
            Err(error) => {
                refused += 1;
                println!("{}", one_line(&error));
            }
        }
    }
    if refused > 0 { Err(anyhow!("{refused} files cannot be trained on")).input() } else { Ok(()) }
}

fn replayed(path: &Path) -> anyhow::Result<String> {
    let demonstrations = Demonstration::load(path)?.len();
    let report = replay(&Trace::load(path)?, false)?;
    let (ReplayErrors::OpenLoop { final_position_error_px: error, .. }
    | ReplayErrors::Resync { step_position_error_px: error, .. }) = report.errors;
    let (half, all) = (error.p50, error.max);
    Ok(format!(
        "{demonstrations} demonstrations; replayed, the block of half of them ends within {half:.2} px, of all within {all:.2} px"
    ))
}

fn merge(arguments: &DemosMergeArguments) -> Result<(), Failure> {
    let mut merged = load(&arguments.paths)?;
    let found = merged.len();
    if let Some(least) = arguments.min_reward {
        merged.retain(|demonstration| demonstration.best_reward().is_some_and(|reward| reward >= least));
    }
    if merged.is_empty() {
        return Err(anyhow!("none of {found} demonstrations is left")).input();
    }
    let saved = Demonstration::save(&merged, &arguments.out);
    match saved {
        Err(error @ SaveError::Exists(_)) => Err(error).input(),
        saved => Ok(saved?),
    }?;
    println!("{} of {found} demonstrations written to {}", merged.len(), arguments.out.display());
    Ok(())
}

fn export(arguments: &DemosExportArguments) -> Result<(), Failure> {
    let DemosFormat::LeRobot = arguments.format;
    let demonstrations = load(&arguments.paths)?;
    let renderer = arguments.images.then(|| Renderer::new(OBSERVATION_SIZE, OBSERVATION_SIZE)).transpose()?;
    let exported = match parapolicy_lerobot::export(&demonstrations, renderer, &arguments.out) {
        Err(error @ (ExportError::Exists(_) | ExportError::Empty)) => Err(error).input(),
        exported => Ok(exported?),
    }?;
    let (episodes, frames, out) = (exported.episodes, exported.frames, arguments.out.display());
    println!("{episodes} demonstrations, {frames} control steps, written to {out}");
    Ok(())
}

/// All demonstrations of files, and of those in folders.
fn load(paths: &[PathBuf]) -> Result<Vec<Demonstration>, Failure> {
    let mut demonstrations = Vec::new();
    for path in files(paths)? {
        demonstrations.extend(Demonstration::load(&path).input()?);
    }
    Ok(demonstrations)
}

/// Files, and those in folders, in alphabetical order.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let within = fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        let within: Vec<PathBuf> = within.with_context(|| format!("{}: cannot be read", path.display())).input()?;
        let mut within: Vec<_> =
            within.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "npz")).collect();
        within.sort();
        files.extend(within);
    }
    if files.is_empty() {
        return Err(anyhow!("there are no demonstrations in the folders given")).input();
    }
    Ok(files)
}
