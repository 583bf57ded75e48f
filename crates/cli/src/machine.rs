use parapolicy_control::Machine;
use parapolicy_runner::{Cpu, Provider};

/// The machine that the program runs on, and what runs the network on it.
pub fn describe(provider: &Provider) -> Machine {
    let Cpu { name: cpu, cores } = Cpu::of_this_machine();
    let os = sysinfo::System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned());
    Machine { cpu, cores, threads: provider.threads(), os, runtime: provider.to_string() }
}
