use std::io::Write;

use anyhow::Result;
use parapolicy_control::SamplerReport;

/// Writes one CSV row an episode.
pub fn write(samplers: &[SamplerReport], file: &mut dyn Write) -> Result<()> {
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
