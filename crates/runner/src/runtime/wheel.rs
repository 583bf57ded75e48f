//! The wheel ONNX Runtime is taken from: one version, one file per platform, one checksum each.

use std::env::consts::{ARCH, OS};

use super::RuntimeError;

/// A wheel, as pip names it and as it must be.
#[derive(Clone, Debug)]
pub(super) struct Wheel {
    /// Version of ONNX Runtime.
    pub version: &'static str,
    /// pip's name of the platform.
    pub platform: &'static str,
    /// SHA-256 of the wheel.
    pub sha256: String,
    /// Size of the wheel in bytes, for the progress bar.
    pub size: u64,
    /// File name of the shared library, in `onnxruntime/capi` of the wheel.
    pub library: &'static str,
}

impl Wheel {
    /// The wheel for the machine this was built for.
    pub fn for_this_machine() -> Result<Self, RuntimeError> {
        const VERSION: &str = "1.31.1";
        const LINUX: &str = "libonnxruntime.so.1.31.1";
        const MACOS: &str = "libonnxruntime.1.31.1.dylib";
        let (platform, library, size, sha256) = match (OS, ARCH) {
            ("linux", "x86_64") if cfg!(target_env = "gnu") => (
                "manylinux_2_28_x86_64",
                LINUX,
                23_760_717,
                "74a6a52994616c4d18b33db1e13c226333a70a6ba07480a5cab9c2a50dff1430",
            ),
            ("linux", "aarch64") if cfg!(target_env = "gnu") => (
                "manylinux_2_28_aarch64",
                LINUX,
                21_420_628,
                "dcaedc50333876f3829ab966b242147f0e548229e29c36fe44622ecf748c25ee",
            ),
            ("macos", "aarch64") => (
                "macosx_14_0_arm64",
                MACOS,
                20_881_825,
                "e4ad067d36e2220218e085d7223283b2ee1bc73d887e811fd14d21cf901a11ee",
            ),
            _ => return Err(RuntimeError::Platform { platform: format!("{OS} {ARCH}") }),
        };
        Ok(Self { version: VERSION, platform, sha256: sha256.into(), size, library })
    }

    /// What pip is asked for.
    pub fn requirement(&self) -> String {
        format!("onnxruntime=={}", self.version)
    }

    /// Path of the shared library in the wheel.
    pub fn member(&self) -> String {
        format!("onnxruntime/capi/{}", self.library)
    }
}
