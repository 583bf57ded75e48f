//! Everything that runs graphs for this program.

use parapolicy_policy::Backends;
use parapolicy_remote::Remote;

/// The engine, ONNX Runtime's providers, and servers.
pub fn backends() -> Backends {
    let here = parapolicy_ort::backends();
    // Its name is none of theirs.
    here.clone().with(&Remote).unwrap_or(here)
}
