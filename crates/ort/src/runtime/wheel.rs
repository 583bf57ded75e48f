//! The wheels ONNX Runtime is taken from: one version, one file per platform, one checksum each.

/// A wheel: its name and version for pip, its checksum, and the libraries taken from it.
#[derive(Clone, Debug)]
pub(super) struct Wheel {
    /// What pip knows it by.
    pub project: &'static str,
    pub version: &'static str,
    /// pip's name of the platform.
    pub platform: &'static str,
    /// SHA-256 of the wheel.
    pub sha256: String,
    /// Size of the wheel in bytes, for the progress bar.
    pub size: u64,
    /// Folder of the shared libraries in the wheel.
    pub folder: &'static str,
    /// The shared libraries that are unpacked.
    pub libraries: &'static [&'static str],
}

impl Wheel {
    /// What pip is asked for.
    pub fn requirement(&self) -> String {
        format!("{}=={}", self.project, self.version)
    }

    /// Path of a shared library in the wheel.
    pub fn member(&self, library: &str) -> String {
        format!("{}/{library}", self.folder)
    }
}
