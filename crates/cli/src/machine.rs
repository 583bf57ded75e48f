use parapolicy_control::Machine;

/// The machine that the program runs on.
pub fn describe(threads: usize, runtime: String) -> Machine {
    let what = sysinfo::RefreshKind::nothing().with_cpu(sysinfo::CpuRefreshKind::nothing());
    let system = sysinfo::System::new_with_specifics(what).ok();
    let cpus = system.as_ref().map_or(&[][..], sysinfo::System::cpus);
    Machine {
        cpu: cpus.first().map_or("unknown", sysinfo::Cpu::brand).trim().to_owned(),
        cores: cpus.len(),
        threads,
        os: sysinfo::System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
        runtime,
    }
}
