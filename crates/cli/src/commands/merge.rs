//! `parapolicy merge`: puts the reports of a run's parts together.

use std::path::PathBuf;

use parapolicy_control::{BoxError, Environment};
use parapolicy_eval::{Recordings, Report, Run, Scenario};
use parapolicy_policy::Manifest;
use parapolicy_report::Outputs;

use super::{print_json, written_to};
use crate::args::MergeArguments;
use crate::failure::{Failure, InputError as _};
use crate::output::table;
use crate::say::say;

/// Merges reports, and writes what a run of all their episodes would have left.
pub fn merge(arguments: &MergeArguments) -> Result<(), Failure> {
    let MergeArguments { reports, out, only, json } = arguments;
    let named =
        |path: &PathBuf| -> Result<_, Failure> { Ok((path.display().to_string(), Report::load(path).input()?)) };
    let parts = reports.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    let report = parapolicy_eval::merge(&parts).input()?;
    let outputs = Outputs::prepare(out, only)?;
    let played = Elsewhere(report.scenario.clone());
    let files = outputs.write(&Run { report: &report, recordings: &Recordings::default(), scenario: &played })?;
    if *json {
        return print_json(&report);
    }
    say(table::render(&report))?;
    say(written_to(out, &files))
}

/// What was played, on other machines.
struct Elsewhere(String);

impl Scenario for Elsewhere {
    fn name(&self) -> &str {
        &self.0
    }

    fn make(&self, _manifest: &Manifest) -> Result<Box<dyn Environment>, BoxError> {
        Err("episodes that are merged are not played again".into())
    }
}
