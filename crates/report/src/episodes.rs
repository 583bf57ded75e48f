//! `episodes.csv`: a row an episode.

use std::io::Write;

use parapolicy_control::BoxError;
use parapolicy_eval::{ReportOutput, Run, SamplerReport};

/// One row an episode.
pub struct CsvOutput;

impl ReportOutput for CsvOutput {
    fn file_name(&self) -> &'static str {
        "episodes.csv"
    }

    fn write(&self, run: &Run<'_>, file: &mut dyn Write) -> Result<(), BoxError> {
        Ok(write(&run.report.samplers, file)?)
    }
}

fn write(samplers: &[SamplerReport], file: &mut dyn Write) -> csv::Result<()> {
    let mut csv = csv::Writer::from_writer(file);
    csv.write_record(["sampler", "seed", "reward", "success", "control_steps", "plans", "violations"])?;
    for sampler in samplers {
        for episode in &sampler.episodes {
            csv.serialize((
                &sampler.name,
                episode.seed,
                episode.reward,
                episode.success,
                episode.control_steps,
                episode.plans,
                episode.violations,
            ))?;
        }
    }
    csv.flush()?;
    Ok(())
}
