use parapolicy_control::Machine;

/// The machine that the program runs on.
pub fn describe(threads: usize, runtime: String) -> Machine {
    let system = sysinfo::System::new_with_specifics(
        sysinfo::RefreshKind::nothing().with_cpu(sysinfo::CpuRefreshKind::nothing()),
    );
    let cpu = system.cpus().first().map_or("unknown", sysinfo::Cpu::brand).trim().to_owned();
    let os = sysinfo::System::long_os_version().unwrap_or_else(|| std::env::consts::OS.to_owned());
    Machine { cpu, cores: system.cpus().len(), threads, os, runtime }
}
