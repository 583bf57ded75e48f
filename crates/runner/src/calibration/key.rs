//! What a calibration is valid for.

use serde::{Deserialize, Serialize};

use crate::{Cpu, Manifest, Policy, Precision, ProviderName, hash};

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
    /// In which products are computed: `f32` or `bf16`.
    pub precision: String,
    /// Version of ONNX Runtime, or of the engine; what the former says of its build, where its version is unknown.
    pub runtime: String,
    /// Processor's name.
    pub cpu: String,
    /// Logical cores.
    pub cores: usize,
    /// Threads of the network.
    pub threads: usize,
}

impl CalibrationKey {
    /// The key of a calibration of this policy on this machine.
    pub fn of(policy: &Policy) -> Self {
        let provider = &policy.provider;
        Self::new(&policy.manifest, provider.name(), provider.version(), provider.precision(), provider.threads())
    }

    /// The key of a calibration of a policy on this machine, run by a `version` of `provider`.
    pub(super) fn new(
        manifest: &Manifest,
        provider: ProviderName,
        version: &str,
        precision: Precision,
        threads: usize,
    ) -> Self {
        let Cpu { name: cpu, cores } = Cpu::of_this_machine();
        Self {
            parapolicy: env!("CARGO_PKG_VERSION").into(),
            model_sha256: manifest.denoiser.sha256.to_ascii_lowercase(),
            provider: provider.to_string(),
            precision: precision.to_string(),
            runtime: version.into(),
            cpu,
            cores,
            threads,
        }
    }

    /// A name that no other key has: the model's sum, and the sum of all of it.
    pub(super) fn file_name(&self) -> String {
        let all = hash::sha256(format!("{self:?}"));
        format!("{:.12}-{all:.12}.json", self.model_sha256)
    }
}
