//! Parts of the library that a build may leave out. What needs such a part is refused by name.

use parapolicy_control::InferenceOptions;
use parapolicy_policy::Backends;

use crate::failure::Failure;

/// What a build without the feature `ort` does not know.
const ORT_PROVIDERS: [&str; 4] = ["cpu", "openvino", "cuda", "tensorrt"];

/// The providers of this build.
#[cfg(feature = "ort")]
pub fn backends() -> Backends {
    parapolicy_ort::backends()
}

/// The providers of this build.
#[cfg(not(feature = "ort"))]
pub fn backends() -> Backends {
    Backends::default()
}

/// Refuses options that ask for ONNX Runtime where it is not on the list.
pub fn check(options: &InferenceOptions<'_>, backends: &Backends) -> Result<(), Failure> {
    let left_out = |what| Err(Failure::LeftOut { what, feature: "ort" });
    if options.provider.is_some_and(|name| ORT_PROVIDERS.contains(&name) && backends.parse(name).is_err()) {
        return left_out("`provider` asks for ONNX Runtime");
    }
    if options.library.is_some() && !backends.iter().any(|backend| backend.backend().takes_library()) {
        return left_out("`ort_lib` asks for ONNX Runtime");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use parapolicy_policy::{BackendName, NATIVE};

    use super::*;

    fn with_provider(name: &str) -> InferenceOptions<'_> {
        InferenceOptions { provider: Some(name), ..InferenceOptions::default() }
    }

    #[test]
    fn the_engine_alone_refuses_onnx_runtime_by_name() {
        let engine = Backends::default();
        let told = |options| check(&options, &engine).unwrap_err().to_string();
        let remedy = "which this library was built without: build it with the feature `ort`";
        for name in ORT_PROVIDERS {
            assert_eq!(told(with_provider(name)), format!("`provider` asks for ONNX Runtime, {remedy}"));
        }
        let library = InferenceOptions { library: Some("libonnxruntime.so".into()), ..InferenceOptions::default() };
        assert_eq!(told(library), format!("`ort_lib` asks for ONNX Runtime, {remedy}"));
        // What no build knows is told by the list.
        for name in ["native", "magic"] {
            assert!(check(&with_provider(name), &engine).is_ok());
        }
    }

    #[cfg(feature = "ort")]
    #[test]
    fn the_providers_of_onnx_runtime_are_those_of_its_crate() {
        let others: Vec<_> = backends().iter().filter(|name| *name != NATIVE).map(BackendName::as_str).collect();
        assert_eq!(others, ORT_PROVIDERS);
        for name in ORT_PROVIDERS {
            assert!(check(&with_provider(name), &backends()).is_ok());
        }
    }
}
