//! `parapolicy runtime`: manages the libraries of ONNX Runtime.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use parapolicy_ort::{ExecutionProvider, Runtime};
use parapolicy_policy::BackendName;

use crate::args::RuntimeCommand;
use crate::failure::{Failure, InputError as _};
use crate::output::table;
use crate::progress::InstallProgress;
use crate::say::say;
use crate::stop::Stop;

/// Manages the libraries of ONNX Runtime.
pub fn runtime(command: &RuntimeCommand) -> Result<(), Failure> {
    match command {
        RuntimeCommand::List => say(table::render_installable(&Runtime::installable()?)),
        RuntimeCommand::Install { provider } => install(*provider),
        RuntimeCommand::Which { provider, ort_lib } => which(*provider, ort_lib.as_deref()),
    }
}

fn install(provider: BackendName) -> Result<(), Failure> {
    Stop::listen()?;
    say(Runtime::install(of(provider)?, &InstallProgress::new())?.display())
}

fn which(provider: BackendName, library: Option<&Path>) -> Result<(), Failure> {
    let found = Runtime::find(of(provider)?, library);
    let found = if library.is_some() { found.input()? } else { found? };
    let runtime = found.ok_or_else(|| {
        anyhow!("{provider}: no library was found; `parapolicy runtime install {provider}` installs one")
    })?;
    say(format_args!("{} ({})", runtime.library().display(), runtime.source()))
}

/// The execution provider of this name.
fn of(provider: BackendName) -> Result<ExecutionProvider, Failure> {
    let found = ExecutionProvider::of(provider);
    found.with_context(|| format!("provider: {provider} is this program's own engine and needs no library")).input()
}
