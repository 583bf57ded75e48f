//! `parapolicy demos`: lists, checks, merges and exports demonstrations.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use parapolicy_lerobot::ExportError;
use parapolicy_pusht::{
    Demonstration, DemonstrationStep, OBSERVATION_SIZE, Renderer, ReplayErrors, SaveError, Trace, replay,
};
use serde::Serialize;

use super::print_json;
use crate::args::{
    Demos, DemosCheckArguments, DemosExportArguments, DemosFormat, DemosListArguments, DemosMergeArguments,
};
use crate::failure::{Failure, InputError as _, one_line};
use crate::output::table;
use crate::say::say;
use crate::stop::Stop;

/// Lists, checks, merges and exports recorded demonstrations.
pub fn demos(command: &Demos) -> Result<(), Failure> {
    Stop::listen()?;
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
        Stop::current().check("nothing was listed")?;
        listed.extend(Demonstration::load(&path).input()?.into_iter().map(listing));
    }
    if arguments.json {
        return print_json(&listed);
    }
    say(table::render_demonstrations(&listed))
}

/// Says of every file what is wrong with it, or how far the simulator ends up from it.
fn check(arguments: &DemosCheckArguments) -> Result<(), Failure> {
    let mut refused = 0;
    let files = files(&arguments.paths)?;
    for (checked, path) in files.iter().enumerate() {
        Stop::current().check(&format!("{checked} of {} files were checked", files.len()))?;
        match replayed(path) {
            Ok(summary) => say(format_args!("{}: {summary}", path.display()))?,
            Err(error) => {
                refused += 1;
                say(one_line(&error))?;
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
        merged.retain(|(_, demonstration)| demonstration.best_reward().is_some_and(|reward| reward >= least));
    }
    if merged.is_empty() {
        return Err(anyhow!("none of {found} demonstrations is left")).input();
    }
    let merged = of_one_kind(merged)?;
    let saved = Demonstration::save(&merged, &arguments.out);
    match saved {
        Err(error @ SaveError::Exists(_)) => Err(error).input(),
        saved => Ok(saved?),
    }?;
    say(format_args!("{} of {found} demonstrations written to {}", merged.len(), arguments.out.display()))
}

fn export(arguments: &DemosExportArguments) -> Result<(), Failure> {
    let DemosFormat::LeRobot = arguments.format;
    let demonstrations = of_one_kind(load(&arguments.paths)?)?;
    let renderer = arguments.images.then(|| Renderer::new(OBSERVATION_SIZE, OBSERVATION_SIZE)).transpose()?;
    let stopped = || Stop::current().is_asked();
    let exported = match parapolicy_lerobot::export_unless(&demonstrations, renderer, &arguments.out, &stopped) {
        Err(error @ (ExportError::Exists(_) | ExportError::Empty)) => Err(error).input(),
        exported => Ok(exported?),
    }?;
    let (episodes, frames, out) = (exported.episodes, exported.frames, arguments.out.display());
    say(format_args!("{episodes} demonstrations, {frames} control steps, written to {out}"))
}

/// All demonstrations of files, and of those in folders, each with its file.
fn load(paths: &[PathBuf]) -> Result<Vec<(PathBuf, Demonstration)>, Failure> {
    let mut demonstrations = Vec::new();
    for path in files(paths)? {
        Stop::current().check("nothing was written")?;
        demonstrations.extend(Demonstration::load(&path).input()?.into_iter().map(|one| (path.clone(), one)));
    }
    Stop::current().check("nothing was written")?;
    Ok(demonstrations)
}

/// Refuses demonstrations of which only some have rewards or velocities: one file has them of all control steps, or of none.
fn of_one_kind(demonstrations: Vec<(PathBuf, Demonstration)>) -> Result<Vec<Demonstration>, Failure> {
    type Has = fn(&DemonstrationStep) -> bool;
    let arrays: [(&str, Has); 2] =
        [("reward", |step| step.reward.is_some()), ("agent_velocity", |step| step.agent_velocity.is_some())];
    for (array, has) in arrays {
        let with = demonstrations.iter().find(|(_, one)| one.steps.iter().all(has));
        let without = demonstrations.iter().find(|(_, one)| !one.steps.iter().all(has));
        if let (Some((with, _)), Some((without, _))) = (with, without) {
            let (with, without) = (with.display(), without.display());
            return Err(anyhow!(
                "{without}: has no `{array}`, which {with} has and would lose: put files that have it into one output, and those \
                 that do not into another"
            ))
            .input();
        }
    }
    Ok(demonstrations.into_iter().map(|(_, demonstration)| demonstration).collect())
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
