use std::path::Path;

use anyhow::anyhow;
use parapolicy_policy::{ProviderName, Runtime};

use crate::args::RuntimeCommand;
use crate::failure::{Failure, InputError as _};
use crate::output::table;
use crate::progress::InstallProgress;

/// Manages the libraries of ONNX Runtime.
pub fn runtime(command: &RuntimeCommand) -> Result<(), Failure> {
    match command {
        RuntimeCommand::List => {
            println!("{}", table::render_installable(&Runtime::installable()?));
            Ok(())
        }
        RuntimeCommand::Install { provider } => install(*provider),
        RuntimeCommand::Which { provider, ort_lib } => which(*provider, ort_lib.as_deref()),
    }
}

fn install(provider: ProviderName) -> Result<(), Failure> {
    ensure_library(provider)?;
    println!("{}", Runtime::install(provider, &InstallProgress::new())?.display());
    Ok(())
}

fn which(provider: ProviderName, library: Option<&Path>) -> Result<(), Failure> {
    ensure_library(provider)?;
    let found = Runtime::find(provider, library);
    let found = if library.is_some() { found.input()? } else { found? };
    let runtime = found.ok_or_else(|| {
        anyhow!("{provider}: no library was found; `parapolicy runtime install {provider}` installs one")
    })?;
    println!("{} ({})", runtime.library().display(), runtime.source());
    Ok(())
}

fn ensure_library(provider: ProviderName) -> Result<(), Failure> {
    match provider {
        ProviderName::Native => {
            Err(anyhow!("provider: native is this program's own engine and needs no library")).input()
        }
        _ => Ok(()),
    }
}
