//! What a calibration is valid for.

use serde::{Deserialize, Serialize};

use parapolicy_policy::{Inference, Manifest, Network, sha256};

use crate::Cpu;

/// What a calibration is valid for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CalibrationKey {
    /// Version of this program: the number of rounds of a strategy can change with it.
    pub parapolicy: String,
    /// SHA-256 of the graph, in lower-case hexadecimal.
    pub model_sha256: String,
    /// What executes the graph: `native`, `cpu`, `openvino`, …
    pub provider: String,
    /// Precision of the products: `f32`, `bf16` or `f16`.
    pub precision: String,
    /// Version of ONNX Runtime, or of the engine; ONNX Runtime's build information where its version is unknown.
    pub runtime: String,
    /// Processor's name.
    pub cpu: String,
    /// Logical cores.
    pub cores: usize,
    /// Threads of the network.
    pub threads: usize,
    /// Whether threads are pinned to cores.
    pub pinned: bool,
    /// What idle threads do: `spin` or `sleep`.
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

    /// A unique name: the model's checksum, and the checksum of the whole key.
    pub(super) fn file_name(&self) -> String {
        let all = sha256(format!("{self:?}"));
        format!("{:.12}-{all:.12}.json", self.model_sha256)
    }
}
