//! `parapolicy inspect`: describes a model folder.

use parapolicy_policy::inspect as describe;

use super::print_json;
use crate::args::InspectArguments;
use crate::failure::{Failure, InputError as _};

/// Prints what a model folder holds.
pub fn inspect(arguments: &InspectArguments) -> Result<(), Failure> {
    let provider = arguments.runtime.provider(&arguments.model)?;
    print_json(&describe(&arguments.model, &provider).input()?)
}
