//! What is installed for a provider: the shared libraries of a few wheels, side by side in a folder.

use std::env::consts::{ARCH, OS};

use super::{RuntimeError, wheel::Wheel};
use crate::ProviderName;

/// What is installed for a provider.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub provider: ProviderName,
    /// Name of the folder.
    pub folder: &'static str,
    /// Its wheels; ONNX Runtime's comes last, so that where its library is, all are.
    pub wheels: Vec<Wheel>,
}

/// Folder of the shared libraries in ONNX Runtime's wheels.
const CAPI: &str = "onnxruntime/capi";

impl Package {
    /// The package for the machine this was built for.
    pub fn of(provider: ProviderName) -> Result<Self, RuntimeError> {
        let package = match provider {
            ProviderName::Native => None,
            ProviderName::Cpu => cpu(),
            ProviderName::OpenVino => openvino(),
        };
        let (system, processor) = platform();
        package.ok_or_else(|| RuntimeError::Platform { provider, platform: format!("{system} {processor}") })
    }

    /// File name of ONNX Runtime's library: the first that its wheel names.
    pub fn library(&self) -> &'static str {
        self.wheels.last().and_then(|wheel| wheel.libraries.first()).copied().unwrap_or_default()
    }
}

/// Operating system and processor, as the wheels tell them apart: on Linux they ask for glibc.
fn platform() -> (&'static str, &'static str) {
    (if OS == "linux" && !cfg!(target_env = "gnu") { "linux without glibc" } else { OS }, ARCH)
}

/// ONNX Runtime, for the processor alone.
fn cpu() -> Option<Package> {
    const LINUX: &[&str] = &["libonnxruntime.so.1.31.1"];
    const MACOS: &[&str] = &["libonnxruntime.1.31.1.dylib"];
    let (platform, libraries, size, sha256) = match platform() {
        ("linux", "x86_64") => (
            "manylinux_2_28_x86_64",
            LINUX,
            23_760_717,
            "74a6a52994616c4d18b33db1e13c226333a70a6ba07480a5cab9c2a50dff1430",
        ),
        ("linux", "aarch64") => (
            "manylinux_2_28_aarch64",
            LINUX,
            21_420_628,
            "dcaedc50333876f3829ab966b242147f0e548229e29c36fe44622ecf748c25ee",
        ),
        ("macos", "aarch64") => {
            ("macosx_14_0_arm64", MACOS, 20_881_825, "e4ad067d36e2220218e085d7223283b2ee1bc73d887e811fd14d21cf901a11ee")
        }
        _ => return None,
    };
    let sha256 = sha256.into();
    let wheel = Wheel { project: "onnxruntime", version: "1.31.1", platform, sha256, size, folder: CAPI, libraries };
    Some(Package { provider: ProviderName::Cpu, folder: "1.31.1", wheels: vec![wheel] })
}

/// ONNX Runtime with OpenVINO, and what of that computes on processors.
fn openvino() -> Option<Package> {
    const LIBRARIES: &[&str] = &[
        "libonnxruntime.so.1.24.1",
        "libonnxruntime_providers_shared.so",
        "libonnxruntime_providers_openvino.so",
        "libopenvino.so.2541",
        "libopenvino_onnx_frontend.so.2541",
        "libopenvino_intel_cpu_plugin.so",
        "libtbb.so.12",
    ];
    let ("linux", "x86_64") = platform() else { return None };
    let wheel = Wheel {
        project: "onnxruntime-openvino",
        version: "1.24.1",
        platform: "manylinux_2_28_x86_64",
        sha256: "2c3bb73e68ac27f4891af8a595c1faf574ec68b772e6583c90a0b997a1822782".into(),
        size: 84_433_183,
        folder: CAPI,
        libraries: LIBRARIES,
    };
    Some(Package { provider: ProviderName::OpenVino, folder: "openvino-1.24.1", wheels: vec![wheel] })
}
