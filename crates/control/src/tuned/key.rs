//! What a measurement is valid for.

use std::path::PathBuf;

use parapolicy_policy::{Inference, Manifest, cache_directory, sha256};
use serde::{Deserialize, Serialize};

use super::{Cpu, TunedError};

/// What a measurement is valid for; threads and precision belong to its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TunedKey {
    /// Version of this program.
    pub parapolicy: String,
    /// SHA-256 of the graph, in lower-case hexadecimal.
    pub model_sha256: String,
    /// What executes the graph.
    pub provider: String,
    /// Version of ONNX Runtime, or of the engine.
    pub runtime: String,
    /// Processor's name.
    pub cpu: String,
    /// Logical cores.
    pub cores: usize,
    /// Whether threads are pinned to cores.
    pub pinned: bool,
    /// What idle threads do: `spin` or `sleep`.
    pub idle: String,
    /// Numbers of the devices that share batches.
    pub devices: Vec<u32>,
}

impl TunedKey {
    /// Of a policy on this machine, run as `inference` says by a `version` of its provider.
    #[must_use]
    pub fn new(manifest: &Manifest, inference: &Inference, version: &str) -> Self {
        let Inference { provider, pinned, idle, ref devices, .. } = *inference;
        let Cpu { name: cpu, cores } = Cpu::of_this_machine();
        Self {
            parapolicy: env!("CARGO_PKG_VERSION").into(),
            model_sha256: manifest.denoiser.sha256.to_ascii_lowercase(),
            provider: provider.to_string(),
            runtime: version.into(),
            cpu,
            cores,
            pinned,
            idle: idle.to_string(),
            devices: if devices.is_empty() { vec![0] } else { devices.clone() },
        }
    }

    /// Where it is kept: one file for each policy, provider and way of running it; machines that share a folder have the same,
    /// and each refuses what another has measured.
    pub(super) fn path(&self) -> Result<PathBuf, TunedError> {
        let Self { model_sha256, provider, pinned, idle, devices, .. } = self;
        let way = sha256(format!("{provider} {pinned} {idle} {devices:?}"));
        let name = format!("{model_sha256:.12}-{provider}-{way:.6}.json");
        Ok(cache_directory().ok_or(TunedError::NoCache)?.join("tuned").join(name))
    }

    /// The first field in which this is not what is `expected`: its path from the root, what it says, what it would have to.
    pub(super) fn difference(&self, expected: &Self) -> Option<(&'static str, String, String)> {
        let fields = |key: &Self| {
            [
                ("key.parapolicy", key.parapolicy.clone()),
                ("key.model_sha256", key.model_sha256.clone()),
                ("key.provider", key.provider.clone()),
                ("key.runtime", key.runtime.clone()),
                ("key.cpu", key.cpu.clone()),
                ("key.cores", key.cores.to_string()),
                ("key.pinned", key.pinned.to_string()),
                ("key.idle", key.idle.clone()),
                ("key.devices", format!("{:?}", key.devices)),
            ]
        };
        let pairs = fields(self).into_iter().zip(fields(expected));
        let differing = pairs.into_iter().find(|((_, found), (_, expected))| found != expected);
        differing.map(|((field, found), (_, expected))| (field, found, expected))
    }
}
