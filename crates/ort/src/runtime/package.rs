//! What is installed for a provider: the shared libraries of a few wheels, side by side in a folder.

use std::env::consts::{ARCH, OS};

use super::{RuntimeError, wheel::Wheel};
use crate::ExecutionProvider;

/// What is installed for a provider.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub provider: ExecutionProvider,
    /// Name of the folder.
    pub folder: &'static str,
    /// Its wheels; ONNX Runtime's comes last, so that where its library is, all are.
    pub wheels: Vec<Wheel>,
}

/// Folder of the shared libraries in ONNX Runtime's wheels.
const CAPI: &str = "onnxruntime/capi";

impl Package {
    /// The package for the machine this was built for.
    pub fn of(provider: ExecutionProvider) -> Result<Self, RuntimeError> {
        let package = match provider {
            ExecutionProvider::Cpu => cpu(),
            ExecutionProvider::OpenVino => openvino(),
            ExecutionProvider::Cuda | ExecutionProvider::TensorRt => nvidia(provider),
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
    Some(Package { provider: ExecutionProvider::Cpu, folder: "1.31.1", wheels: vec![wheel] })
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
    Some(Package { provider: ExecutionProvider::OpenVino, folder: "openvino-1.24.1", wheels: vec![wheel] })
}

/// ONNX Runtime with CUDA and `TensorRT`, and of NVIDIA's libraries what CUDA's provider needs, in the order in which they
/// need each other. `TensorRT` itself comes from the system: there are no wheels of it that pip could download.
fn nvidia(provider: ExecutionProvider) -> Option<Package> {
    let ("linux", "x86_64") = platform() else { return None };
    let wheel = |project, version, platform, size, sha256: &str, folder, libraries| Wheel {
        project,
        version,
        platform,
        sha256: sha256.into(),
        size,
        folder,
        libraries,
    };
    let wheels = vec![
        wheel(
            "nvidia-cuda-runtime",
            "13.5.37",
            "manylinux2014_x86_64",
            2_504_024,
            "df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d",
            "nvidia/cu13/lib",
            &["libcudart.so.13"],
        ),
        wheel(
            "nvidia-cuda-nvrtc",
            "13.5.37",
            "manylinux2010_x86_64",
            58_185_930,
            "86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc",
            "nvidia/cu13/lib",
            &["libnvrtc-builtins.so.13.5", "libnvrtc.so.13"],
        ),
        wheel(
            "nvidia-cublas",
            "13.10.0.20",
            "manylinux1_x86_64",
            444_289_903,
            "dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84",
            "nvidia/cu13/lib",
            &["libcublasLt.so.13", "libcublas.so.13"],
        ),
        wheel(
            "nvidia-curand",
            "10.4.5.25",
            "manylinux_2_27_x86_64",
            77_113_015,
            "22bb226a857e5888fe6b54ae465fc4371296bcff13a35f79e19691bcf454f529",
            "nvidia/cu13/lib",
            &["libcurand.so.10"],
        ),
        wheel(
            "nvidia-cudnn-cu13",
            "9.28.0.42",
            "manylinux_2_27_x86_64",
            516_782_127,
            "7358353c75bb121a58e5f7712fe6d588883dc1df8ba00f428237e44e97543c4d",
            "nvidia/cudnn/lib",
            CUDNN,
        ),
        wheel(
            "onnxruntime-gpu",
            "1.31.1",
            "manylinux_2_28_x86_64",
            255_567_609,
            "f659529e07c21ec6b6179fd1bfaf82ffb7c3dc9c0916e18f6f313f9a690891be",
            CAPI,
            &[
                "libonnxruntime.so.1.31.1",
                "libonnxruntime_providers_shared.so",
                "libonnxruntime_providers_cuda.so",
                "libonnxruntime_providers_tensorrt.so",
            ],
        ),
    ];
    Some(Package { provider, folder: "cuda-1.31.1", wheels })
}

const CUDNN: &[&str] = &[
    "libcudnn_graph.so.9",
    "libcudnn_ops.so.9",
    "libcudnn_heuristic.so.9",
    "libcudnn_cnn.so.9",
    "libcudnn_adv.so.9",
    "libcudnn_ext.so.9",
    "libcudnn_engines_precompiled.so.9",
    "libcudnn_engines_runtime_compiled.so.9",
    "libcudnn_engines_tensor_ir.so.9",
    "libcudnn.so.9",
];
