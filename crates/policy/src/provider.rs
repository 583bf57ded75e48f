//! An open provider, ready to run graphs.

use std::{fmt, sync::Arc};

use crate::{BackendName, Idle, Inference, LibraryDescription, OpenBackend, Precision};

/// A provider that [`Inference`] opened, ready to run policies' graphs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Provider {
    inference: Inference,
    backend: Arc<dyn OpenBackend>,
}

impl Provider {
    pub(crate) fn new(inference: Inference, backend: Arc<dyn OpenBackend>) -> Self {
        Self { inference, backend }
    }

    /// The requested inference, with threads and devices resolved.
    pub fn inference(&self) -> &Inference {
        &self.inference
    }

    /// Name of the backend.
    pub fn name(&self) -> BackendName {
        self.inference.provider
    }

    /// Precision of the products.
    pub fn precision(&self) -> Precision {
        self.inference.precision
    }

    /// Threads that work on each batch.
    pub fn threads(&self) -> usize {
        self.inference.threads
    }

    /// What idle threads do, where the provider has this setting.
    pub fn idle(&self) -> Idle {
        self.inference.idle
    }

    /// Numbers of the devices that share the rows of every batch.
    pub fn devices(&self) -> &[u32] {
        &self.inference.devices
    }

    /// Version of the backend; the library's build information where its version is unknown.
    pub fn version(&self) -> &str {
        self.backend.version()
    }

    /// The shared library that runs graphs, if one does.
    pub fn library(&self) -> Option<LibraryDescription> {
        self.backend.library()
    }

    pub(crate) fn backend(&self) -> &dyn OpenBackend {
        &*self.backend
    }
}

/// For reports: `ONNX Runtime 1.31.1`, `ONNX Runtime 1.24.1 with openvino in bf16`, `native 0.1.0`.
impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.backend.title())?;
        if self.precision() != Precision::F32 {
            write!(f, " in {}", self.precision())?;
        }
        if self.idle() == Idle::Sleep {
            f.write_str(", threads asleep in between")?;
        }
        match self.devices() {
            [0] => Ok(()),
            devices => {
                let numbers: Vec<_> = devices.iter().map(ToString::to_string).collect();
                write!(f, " on devices {}", numbers.join(", "))
            }
        }
    }
}
