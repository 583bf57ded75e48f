//! The processor that times are measured on.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sysinfo::{CpuRefreshKind, RefreshKind, System};

/// The processor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    /// Its name.
    pub name: String,
    /// Logical cores.
    pub cores: usize,
}

impl Cpu {
    /// The processor that this program runs on.
    #[must_use]
    pub fn of_this_machine() -> Self {
        static CPU: LazyLock<Cpu> = LazyLock::new(Cpu::read);
        CPU.clone()
    }

    fn read() -> Self {
        let what = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
        let system = System::new_with_specifics(what).ok();
        let cpus = system.as_ref().map_or(&[][..], System::cpus);
        let name = cpus.first().map_or("unknown", sysinfo::Cpu::brand).trim().to_owned();
        Self { name, cores: cpus.len() }
    }
}
