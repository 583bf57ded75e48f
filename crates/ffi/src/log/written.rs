use std::path::Path;
use std::sync::Arc;

use parapolicy_control::controller::Controller;
pub use parapolicy_log::LogFile as Log;

use crate::failure::Failure;

/// Logs every episode of `controller` from the next one on. A message has at most `numbers` numbers.
pub fn start(controller: &mut Controller, path: &Path, numbers: usize) -> Result<Log, Failure> {
    let log = Log::create(path, numbers)?;
    controller.observed_by(Arc::new(log.run("controller")));
    Ok(log)
}

/// Writes what is left, and closes the file.
pub fn finish(log: Log) -> Result<(), Failure> {
    log.finish()?;
    Ok(())
}
