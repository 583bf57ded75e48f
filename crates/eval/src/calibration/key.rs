//! What a calibration is valid for.

use serde::{Deserialize, Serialize};

use parapolicy_policy::{Inference, Manifest, Network, sha256};

use crate::Cpu;

/// What a calibration is valid for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CalibrationKey {
    /// Version of this program: how many rounds a strategy takes is the program's.
    pub parapolicy: String,
    /// SHA-256 of the graph, in lower-case hexadecimal.
    pub model_sha256: String,
    /// What executes the graph: `native`, `cpu`, `openvino`, …
    pub provider: String,
    /// In which products are computed: `f32`, `bf16` or `f16`.
    pub precision: String,
    /// Version of ONNX Runtime, or of the engine; what the former says of its build, where its version is unknown.
    pub runtime: String,
    /// Processor's name.
    pub cpu: String,
    /// Logical cores.
    pub cores: usize,
    /// Threads of the network.
    pub threads: usize,
    /// Whether they keep to cores of their own.
    pub pinned: bool,
    /// What they do in between: `spin` or `sleep`.
    pub idle: String,
    /// Numbers of the devices that share batches.
    pub devices: Vec<u32>,
}

impl CalibrationKey {
    /// The key of a calibration of this policy on this machine.
    pub fn of(policy: &Network) -> Self {
        let provider = policy.provider();
        Self::new(policy.manifest(), provider.inference(), provider.version())
    }

    /// The key of a calibration of a policy on this machine, run as `inference` says by a `version` of its provider.
    pub(super) fn new(manifest: &Manifest, inference: &Inference, version: &str) -> Self {
        let Inference { provider, precision, pinned, idle, ref devices, .. } = *inference;
        let Cpu { name: cpu, cores } = Cpu::of_this_machine();
        Self {
            parapolicy: env!("CARGO_PKG_VERSION").into(),
            model_sha256: manifest.denoiser.sha256.to_ascii_lowercase(),
            provider: provider.to_string(),
            precision: precision.to_string(),
            runtime: version.into(),
            cpu,
            cores,
            threads: inference.threads(),
            pinned,
            idle: idle.to_string(),
            devices: if devices.is_empty() { vec![0] } else { devices.clone() },
        }
    }

    /// A name that no other key has: the model's sum, and the sum of all of it.
    pub(super) fn file_name(&self) -> String {
        let all = sha256(format!("{self:?}"));
        format!("{:.12}-{all:.12}.json", self.model_sha256)
    }
}
