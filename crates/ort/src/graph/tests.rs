//! The graphs of the engine's tests, in parts where they fall into them, against what `PyTorch` says they must answer.

use ndarray::{Array2, ArrayD, IxDyn};
use parapolicy_npz::Npz;
use parapolicy_policy::TimestepType;

use super::*;

/// Each form that exporters give the U-Net and the transformers.
const IN_PARTS: [&str; 12] =
    ["plain", "fast", "traced", "deep", "flat", "bias", "slices", "tokens", "turned", "placed", "both", "last"];
/// Tokens attend to each other before they meet the sample: only what is before that is precomputed.
const EMBEDDED: [&str; 2] = ["encoded", "causal"];
/// The timestep takes its batch's size of the sample.
const WHOLE: [&str; 2] = ["reshaped", "centred"];

/// On the processor, on one thread.
pub const HOW: Execution =
    Execution { provider: ExecutionProvider::Cpu, precision: Precision::F32, threads: 1, idle: Idle::Spin, device: 0 };

pub fn runtime() -> Runtime {
    Runtime::find_or_install(ExecutionProvider::Cpu, None, &()).unwrap()
}

pub fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/data").join(file)
}

pub fn numbers(graph: &str, key: &str) -> ArrayD<f64> {
    Npz::open(&data("expected.npz")).unwrap().numbers::<IxDyn>(&format!("{graph}_{key}")).unwrap()
}

pub fn floats(numbers: &ArrayD<f64>) -> Vec<f32> {
    numbers.iter().map(|&number| number as f32).collect()
}

/// What goes in and comes out of a graph.
pub fn described(graph: &str, graph_tensors: &GraphTensors) -> (Layout, ConditioningInputs) {
    described_as(["sample", "observation"].map(|key| numbers(graph, key).shape()[1..].to_vec()), graph_tensors)
}

/// The shapes of a plan, and of an observation.
pub fn described_as([plan, seen]: [Vec<usize>; 2], graph_tensors: &GraphTensors) -> (Layout, ConditioningInputs) {
    let is_float =
        graph_tensors.inputs.iter().any(|input| input.name == "timestep" && input.to_string().contains("f32"));
    let layout = Layout { sample: "sample".into(), prediction: "prediction".into(), copies_inputs: false, plan };
    let conditioning_inputs = ConditioningInputs {
        timestep: "timestep".into(),
        timestep_type: if is_float { TimestepType::Float32 } else { TimestepType::Int64 },
        observation: Some("observation".into()),
        is_label: false,
        seen,
    };
    (layout, conditioning_inputs)
}

/// A graph without a manifest.
fn opened(graph: &str, runtime: &Runtime) -> Onnx {
    let file = GraphFile::read(data(&format!("{graph}.onnx"))).unwrap();
    let reading = open(&file, runtime, 1, Idle::Spin).unwrap();
    let graph_tensors = tensors(&reading);
    let (layout, conditioning_inputs) = described(graph, &graph_tensors);
    let timestep = conditioning_inputs.timestep_type;
    let (sessions, conditioning) = ToOpen { file: &file, tensors: &graph_tensors, runtime, how: HOW }
        .open(reading, &layout, conditioning_inputs)
        .unwrap();
    let (path, sha256) = (file.path().to_path_buf(), file.sha256().to_owned());
    Onnx { path, sha256, sessions, layout, conditioning, timestep }
}

#[test]
fn graphs_answer_what_pytorch_answers() {
    let runtime = runtime();
    for graph in IN_PARTS.into_iter().chain(EMBEDDED).chain(WHOLE) {
        let mut onnx = opened(graph, &runtime);
        assert_eq!(matches!(onnx.conditioning, Conditioning::Precomputed(_)), !WHOLE.contains(&graph), "{graph}");
        let [samples, observations, expected] =
            ["sample", "observation", "prediction"].map(|key| floats(&numbers(graph, key)));
        let timesteps: Vec<_> = numbers(graph, "timestep").iter().map(|&timestep| timestep as f32).collect();
        let dim = samples.len() / timesteps.len();
        onnx.bind(&observations).unwrap();
        // Rows in another order each time, and as many as once met already.
        for plans in [vec![0, 1, 2], vec![2], vec![1, 0], vec![2, 0, 1]] {
            let of = |numbers: &[f32]| -> Vec<f32> {
                plans.iter().flat_map(|plan| numbers[plan * dim..][..dim].to_vec()).collect()
            };
            let (samples, expected) = (of(&samples), of(&expected));
            let timesteps: Vec<_> = plans.iter().map(|&plan| timesteps[plan]).collect();
            let batch = Batch { plans: &plans, observations: &observations, samples: &samples, timesteps: &timesteps };
            let mut found = Array2::zeros((plans.len(), dim));
            onnx.run(batch, found.view_mut()).unwrap();
            let norm = |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|x| x * x).sum::<f32>().sqrt();
            let difference = norm(&mut found.iter().zip(&expected).map(|(found, expected)| found - expected));
            let deviation = difference / norm(&mut expected.iter().copied());
            assert!(deviation < 1e-5, "{graph}, {plans:?}: {deviation:e}");
        }
    }
}
