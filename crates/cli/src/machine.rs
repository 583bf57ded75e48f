use parapolicy_control::Machine;
use parapolicy_runner::Cpu;

/// The machine that the program runs on.
pub fn describe(threads: usize, runtime: String) -> Machine {
    let Cpu { name: cpu, cores } = Cpu::of_this_machine();
    let os = sysinfo::System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned());
    Machine { cpu, cores, threads, os, runtime }
}
