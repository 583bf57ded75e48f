//! `parapolicy view`: starts the viewer.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use anyhow::{Context as _, anyhow};
use parapolicy_pusht::Scenario;
use serde_json::{Value, json};

use crate::args::{ClockName, ViewArguments};
use crate::failure::{Failure, InputError as _};

/// The viewer is a separate program next to this one, so that building this one does not require its graphics
/// libraries.
const PROGRAM: &str = "parapolicy-viewer";

/// Has the viewer show what is asked for, and waits until it is closed.
pub fn view(arguments: &ViewArguments) -> Result<(), Failure> {
    let mut viewer = Command::new(program()?);
    // Mesa looks for a compositor there, and complains where there is no session.
    if env::var_os("XDG_RUNTIME_DIR").is_none() {
        viewer.env("NODEVICE_SELECT", "1");
    }
    let status = viewer.arg(arguments.instructions()?.to_string()).status().context(PROGRAM)?;
    match status.code() {
        Some(0) => Ok(()),
        // It has said why.
        Some(code) => Err(Failure::Told(u8::try_from(code).unwrap_or(1))),
        None => Err(killed(status)),
    }
}

fn killed(status: ExitStatus) -> Failure {
    anyhow!("{PROGRAM} ended: {status}").into()
}

fn program() -> Result<PathBuf, Failure> {
    let beside = env::current_exe()?.with_file_name(PROGRAM).with_extension(env::consts::EXE_EXTENSION);
    let profile = if cfg!(debug_assertions) { "" } else { " --release" };
    let missing = || anyhow!("the viewer is not built: `cargo build{profile} -p parapolicy-viewer` builds it");
    Ok(Some(beside).filter(|program| program.exists()).with_context(missing)?)
}

impl ViewArguments {
    /// Refuses paths that instructions cannot hold, and seeds that a scenario does not have. What cannot be read is the viewer's
    /// to tell.
    fn check(&self) -> Result<(), Failure> {
        let paths = [("--model", Some(&self.model.model)), ("--ort-lib", self.model.runtime.ort_lib.as_ref())];
        let more = [
            ("--demos", Some(&self.demos)),
            ("--replay", self.replay.as_ref()),
            ("--screenshot", self.screenshot.as_ref()),
        ];
        let scenarios = self.scenarios.iter().map(|path| ("--scenario", Some(path)));
        for (name, path) in paths.into_iter().chain(more).chain(scenarios) {
            if let Some(path) = path.filter(|path| path.to_str().is_none()) {
                return Err(anyhow!("{name}: {} is not UTF-8; `view` takes paths that are", path.display())).input();
            }
        }
        for path in &self.scenarios {
            let most = Scenario::load(path).map_or(u64::MAX, |scenario| scenario.reset.distribution.largest_seed());
            if self.seed > most {
                let path = path.display();
                return Err(anyhow!("--seed: {} is beyond {most}, the largest seed of {path}", self.seed)).input();
            }
        }
        Ok(())
    }

    fn instructions(&self) -> Result<Value, Failure> {
        if self.clock == ClockName::Virtual {
            return Err(anyhow!("--clock: nobody can watch virtual time pass")).input();
        }
        if self.clock != ClockName::Real && self.continuity.is_some() {
            return Err(anyhow!("--continuity: only with --clock real")).input();
        }
        if !self.model.runtime.endpoints.is_empty() {
            return Err(anyhow!("--endpoint: the viewer runs the network on this machine; leave it out")).input();
        }
        self.check()?;
        let inference = self.model.runtime.inference(&self.model.model)?;
        let window = &self.sampling.window;
        let manifest = window.within.as_ref().map(|_| self.model.manifest()).transpose()?;
        Ok(json!({
            "model": self.model.model,
            "provider": inference.provider.to_string(),
            "precision": inference.precision.to_string(),
            "threads": inference.threads,
            "pin": inference.pinned,
            "devices": inference.devices,
            "ort_lib": inference.library,
            "task": inference.task,
            "sampler": self.sampler.to_string(),
            "window": window.window,
            "tolerance": window.tolerance(manifest.as_ref())?,
            "solver": self.sampling.solver.to_string(),
            "steps": self.sampling.steps,
            "scenarios": self.scenarios,
            "seed": self.seed,
            "clock": self.clock.to_string(),
            "continuity": self.continuity.unwrap_or_default().to_string(),
            "demos": self.demos,
            "replay": self.replay,
            "screenshot": self.screenshot,
            "step": self.step,
        }))
    }
}
