//! `parapolicy inspect`: describes a model folder.

use parapolicy_policy::{DenoiserManifest, inspect as describe, inspect_denoiser};

use super::print_json;
use crate::args::InspectArguments;
use crate::failure::{Failure, InputError as _};

/// Prints what a model folder holds.
pub fn inspect(arguments: &InspectArguments) -> Result<(), Failure> {
    let provider = arguments.runtime.provider(&arguments.model)?;
    if DenoiserManifest::is_in(&arguments.model) {
        return print_json(&inspect_denoiser(&arguments.model, &provider).input()?);
    }
    print_json(&describe(&arguments.model, &provider).input()?)
}
