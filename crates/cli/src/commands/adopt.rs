//! `parapolicy adopt`: makes a policy directory from a graph.

use std::path::PathBuf;

use anyhow::anyhow;
use parapolicy_policy::{AdoptError, RoleNames, adopt as adopted};

use crate::args::AdoptArguments;
use crate::failure::{Failure, InputError as _};
use crate::output::table;
use crate::say::say;

/// Makes a policy's folder of a graph, and says what to fill in.
pub fn adopt(arguments: AdoptArguments) -> Result<(), Failure> {
    let AdoptArguments { graph, out, sample, timestep, observation, prediction } = arguments;
    let out = match out.or_else(|| graph.file_stem().map(PathBuf::from)) {
        Some(out) if out.file_name().is_some() => out,
        _ => return Err(anyhow!("OUT must name a folder to write")).input(),
    };
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let names = RoleNames { sample, timestep, observation, prediction };
    let adoption = adopted(&graph, &name, &names).map_err(failure)?;
    adoption.write(&out).map_err(failure)?;
    say(table::render_adoption(&adoption, &out))
}

fn failure(error: AdoptError) -> Failure {
    if error.is_of_input() { Failure::Input(error.into()) } else { Failure::Other(error.into()) }
}
