//! `parapolicy replay`: replays a recorded trace.

use parapolicy_pusht::{Trace, replay as replay_trace};

use super::print_json;
use crate::args::ReplayArguments;
use crate::failure::{Failure, InputError as _};

/// Replays a trace open loop and prints how far the simulator deviates from it.
pub fn replay(arguments: &ReplayArguments) -> Result<(), Failure> {
    let trace = Trace::load(&arguments.trace).input()?;
    print_json(&replay_trace(&trace, arguments.resync)?)
}
