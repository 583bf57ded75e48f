//! An output written outside of the eval crate, in one file: the samplers of a run as a table in Markdown.
//!
//! `cargo run -p parapolicy-eval --example outside_output -- report.json` prints the table of a report.

use std::io::Write;

use parapolicy_control::BoxError;
use parapolicy_eval::{Recordings, Report, ReportOutput, Run, Scenario};

/// `samplers.md`: a row a sampler.
pub struct Markdown;

impl ReportOutput for Markdown {
    fn file_name(&self) -> &'static str {
        "samplers.md"
    }

    /// There is nothing to compare in a run without a sampler.
    fn applies(&self, run: &Run<'_>) -> bool {
        !run.report.samplers.is_empty()
    }

    fn write(&self, run: &Run<'_>, file: &mut dyn Write) -> Result<(), BoxError> {
        let Report { model, scenario, solver, steps, samplers, .. } = run.report;
        writeln!(file, "`{}` in {scenario}, {solver} in {steps} steps\n", model.name)?;
        writeln!(file, "| sampler | reward | success | rounds | p50 ms |\n|---|---|---|---|---|")?;
        for sampler in samplers {
            let latency = sampler.sampling_latency_ms.map_or("-".into(), |latency| format!("{:.1}", latency.p50));
            let (reward, success) = (sampler.reward_mean, 100.0 * sampler.success_rate);
            let (name, rounds) = (&sampler.name, sampler.rounds_mean);
            writeln!(file, "| {name} | {reward:.3} | {success:.0} % | {rounds:.1} | {latency} |")?;
        }
        Ok(())
    }
}

/// The scenario of a report whose run is over: a name, and nothing to play.
struct Played(String);

impl Scenario for Played {
    fn name(&self) -> &str {
        &self.0
    }

    fn make(
        &self,
        _manifest: &parapolicy_policy::Manifest,
    ) -> Result<Box<dyn parapolicy_control::Environment>, BoxError> {
        Err("the run is over".into())
    }
}

/// Writes an output of a report, if there is anything to write.
///
/// # Errors
/// Whatever keeps it from being written.
pub fn write(output: &dyn ReportOutput, report: &Report, file: &mut dyn Write) -> Result<(), BoxError> {
    let (recordings, scenario) = (Recordings::default(), Played(report.scenario.clone()));
    let run = Run { report, recordings: &recordings, scenario: &scenario };
    if output.applies(&run) { output.write(&run, file) } else { Ok(()) }
}

fn main() -> Result<(), BoxError> {
    let path = std::env::args().nth(1).ok_or("name a report.json")?;
    write(&Markdown, &Report::load(path.as_ref())?, &mut std::io::stdout())
}
