use std::path::Path;

use parapolicy_control::controller::Controller;

use crate::failure::Failure;

/// There is none.
pub enum Log {}

/// Refuses.
pub fn start(_controller: &mut Controller, _path: &Path, _numbers: usize) -> Result<Log, Failure> {
    Err(Failure::LeftOut { what: "`log` asks for a log file", feature: "log" })
}

/// Never called: there is no log to finish.
pub fn finish(log: Log) -> Result<(), Failure> {
    match log {}
}
