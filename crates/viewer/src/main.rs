//! The window of `parapolicy view`: a program of its own, as `parapolicy` takes a third of the time to build without it.

use std::process::ExitCode;

use parapolicy_viewer::instructions::{Failure, Instructions};

fn main() -> ExitCode {
    let Some(instructions) = std::env::args().nth(1) else {
        eprintln!("error: this is the window of `parapolicy view`: run that");
        return ExitCode::from(2);
    };
    let instructions: Result<Instructions, _> = serde_json::from_str(&instructions);
    let carried_out =
        instructions.map_err(|error| Failure::Input(error.into())).and_then(|instructions| instructions.carry_out());
    match carried_out {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", parapolicy_files::printable(&failure.to_string()));
            ExitCode::from(if matches!(failure, Failure::Input(_)) { 2 } else { 1 })
        }
    }
}
