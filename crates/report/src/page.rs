//! Pages that open anywhere, without a network.

mod episode;
pub mod figure;
pub mod pusht_table;
pub mod report;
pub mod rounds;

use parapolicy_eval::Report;
use parapolicy_pusht::PUSHT;

/// A plot's size on a page, px: small, so that its text is legible where it is scaled down to a telephone.
pub const PLOT: (u32, u32) = (380, 285);

/// Whether the episodes of a report can be drawn here.
fn is_pusht(report: &Report) -> bool {
    report.environment == PUSHT.as_str()
}

/// A command line as a shell takes it.
#[must_use]
pub fn shell(command: &[String]) -> String {
    let quoted = shlex::try_join(command.iter().map(String::as_str));
    // What holds a NUL byte never was a command line.
    quoted.unwrap_or_else(|_| command.join(" "))
}
