//! Describes the machine for reports.

use parapolicy_eval::Machine;
use parapolicy_eval::{Calibration, Cpu, Roofline};
use parapolicy_policy::{Network, Provider};

/// The machine that the program runs on, and what runs the network on it.
#[must_use]
pub fn describe(provider: &Provider) -> Machine {
    let Cpu { name: cpu, cores } = Cpu::of_this_machine();
    let os = sysinfo::System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned());
    let precision = Some(provider.precision().to_string());
    Machine { cpu, cores, threads: provider.threads(), os, runtime: provider.to_string(), precision }
}

/// How far the policy's batches are from the machine's limits, from its calibration; a damaged calibration counts as
/// none.
#[must_use]
pub fn roofline(policy: &Network) -> Roofline {
    let known = Calibration::load(policy).ok().flatten();
    let unknown = "this model was not calibrated on this machine: `parapolicy calibrate` measures it";
    known.map_or_else(|| Roofline::Unknown(unknown.into()), |calibration| calibration.roofline().clone())
}
