//! `parapolicy view`: starts the viewer.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use anyhow::{Context as _, anyhow};
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
    fn instructions(&self) -> Result<Value, Failure> {
        if self.clock == ClockName::Virtual {
            return Err(anyhow!("--clock: nobody can watch virtual time pass")).input();
        }
        let inference = self.model.runtime.inference(&self.model.model)?;
        Ok(json!({
            "model": self.model.model,
            "provider": inference.provider.to_string(),
            "precision": inference.precision.to_string(),
            "threads": inference.threads,
            "pin": inference.pinned,
            "devices": inference.devices,
            "ort_lib": inference.library,
            "sampler": self.sampler.to_string(),
            "window": self.sampling.window.window,
            "tolerance": self.sampling.window.tolerance,
            "solver": self.sampling.solver.to_string(),
            "steps": self.sampling.steps,
            "scenarios": self.scenarios,
            "seed": self.seed,
            "clock": self.clock.to_string(),
            "demos": self.demos,
            "replay": self.replay,
            "screenshot": self.screenshot,
            "step": self.step,
        }))
    }
}
