//! Policies that run, and graphs that are refused. ONNX Runtime is found, or installed once.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../../policy/tests/common/policies.rs"]
mod policies;

use std::fs;

use ndarray::{Array1, Array2, ArrayView2, array, s};
use parapolicy_ort::{CPU, ExecutionProvider, Runtime, RuntimeError, backends};
use parapolicy_policy::{BackendName, Inference, Network, PolicyError, Provider, inspect};
use parapolicy_sampler::{BatchedDenoiser, BatchedSampler, Denoiser, Noise, Sampler, Solver, Strategy, Table};
use policies::{
    encoded_policy, fixture, inpainted_policy, json, policy, policy_from, text, told_policy, write_manifest,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

fn provider(provider: BackendName) -> Provider {
    Inference { provider, threads: 1, ..backends().inference() }.open(&()).unwrap()
}

fn load(dir: &TempDir) -> Result<Network, PolicyError> {
    Network::load(dir.path(), &provider(CPU))
}

fn refusal(dir: &TempDir) -> String {
    text(dir.path(), &load(dir).unwrap_err())
}

/// What `NumPy` says, see `fixtures/make.py`.
struct Expected {
    observation: Array2<f64>,
    samples: Array2<f32>,
    timesteps: Vec<f32>,
    prediction: Array2<f32>,
    product: Array2<f32>,
    actions: Array2<f64>,
}

impl Expected {
    fn read() -> Self {
        let json = json("expected.json");
        Self {
            observation: read(&json["observation"]),
            samples: read(&json["samples"]),
            timesteps: serde_json::from_value(json["timesteps"].clone()).unwrap(),
            prediction: read(&json["prediction"]),
            product: read(&json["product"]),
            actions: read(&json["actions"]),
        }
    }
}

fn read<T: Clone + DeserializeOwned>(json: &Value) -> Array2<T> {
    let rows: Vec<Vec<T>> = serde_json::from_value(json.clone()).unwrap();
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

fn assert_close<'a>(found: impl Into<ArrayView2<'a, f32>>, expected: impl Into<ArrayView2<'a, f32>>) {
    let (found, expected) = (found.into(), expected.into());
    assert_eq!(found.dim(), expected.dim());
    let difference = (&found - &expected).iter().fold(0.0_f32, |largest, d| largest.max(d.abs()));
    assert!(difference < 1e-6, "differs by {difference}");
}

#[test]
fn predictions_are_numpys() {
    let expected = Expected::read();
    let sum = &expected.prediction;
    let without_sample = sum - &expected.samples * 0.5;
    let graphs = [
        ("affine.onnx", sum),
        ("float_timestep.onnx", sum),
        ("product.onnx", &expected.product),
        ("deaf.onnx", &without_sample),
    ];
    for (graph, answer) in graphs {
        let dir = policy_from(graph);
        let mut policy = load(&dir).unwrap();
        let mut bound = policy.bind(expected.observation.view()).unwrap();
        // Growing and shrinking, as windows do.
        for rows in [1, 3, 2, 3, 0] {
            let mut prediction = Array2::from_elem((rows, 8), f32::NAN);
            let samples = expected.samples.slice(s![..rows, ..]);
            bound.predict(samples, &expected.timesteps[..rows], prediction.view_mut()).unwrap();
            assert_close(&prediction, answer.slice(s![..rows, ..]));
        }
    }
}

/// The encoder adds up what the other graph adds up itself.
#[test]
fn the_denoiser_sees_what_the_encoder_makes_of_observations() {
    let expected = Expected::read();
    let mut policy = load(&encoded_policy("encoder.onnx")).unwrap();
    assert_eq!((policy.manifest().observation_dim(), policy.manifest().seen_dim()), (3, 1));
    let mut prediction = Array2::zeros((3, 8));
    let mut bound = policy.bind(expected.observation.view()).unwrap();
    bound.predict(expected.samples.view(), &expected.timesteps, prediction.view_mut()).unwrap();
    assert_close(&prediction, &expected.prediction);

    let other = &expected.observation + 50.0;
    let mut bound = policy.bind_batched([other.view(), expected.observation.view()]).unwrap();
    bound.predict_batched(&[1, 1, 1], expected.samples.view(), &expected.timesteps, prediction.view_mut()).unwrap();
    assert_close(&prediction, &expected.prediction);
}

/// A quarter of what the network sees is added to each number of a plan.
#[test]
fn the_denoiser_sees_the_task_after_each_observation() {
    let names = ["push", "pull", "lift"];
    let predicted = |dir: &TempDir, task: Option<&str>| {
        let inference = Inference { task: task.map(str::to_owned), ..provider(CPU).inference().clone() };
        let mut policy = Network::load(dir.path(), &inference.open(&()).unwrap())?;
        assert_eq!((policy.manifest().observation_dim(), policy.manifest().seen_dim()), (2, 3));
        let (samples, mut prediction) = (Array2::zeros((1, 8)), Array2::from_elem((1, 8), f32::NAN));
        let observation = array![[1.0, 2.0], [3.0, 5.0]];
        let seen = policy.see(observation.view())?;
        policy.bind(observation.view())?.predict(samples.view(), &[0.0], prediction.view_mut()).unwrap();
        let again = prediction.clone();
        let mut bound = policy.bind_seen([&seen])?;
        bound.predict_batched(&[0], samples.view(), &[0.0], prediction.view_mut()).unwrap();
        assert_eq!(prediction, again);
        Ok::<_, PolicyError>(prediction)
    };
    let dir = told_policy(&names);
    for (task, name) in names.into_iter().enumerate() {
        // Eleven, and the task in both steps.
        let expected = 0.25 * (11.0 + 2.0 * task as f32);
        assert_close(&predicted(&dir, Some(name)).unwrap(), &Array2::from_elem((1, 8), expected));
    }
    assert_close(&predicted(&told_policy(&["push"]), None).unwrap(), &Array2::from_elem((1, 8), 2.75));

    let refused = |dir: &TempDir, task| predicted(dir, task).unwrap_err().to_string();
    assert_eq!(refused(&dir, None), "task: none is named, and the policy knows several: `push`, `pull`, `lift`");
    assert_eq!(refused(&dir, Some("throw")), "task: the policy knows no `throw`; it knows `push`, `pull`, `lift`");
    let untold = refused(&policy_from("affine.onnx"), Some("push"));
    assert_eq!(untold, "task: `push` is named, but the policy is told none; leave it out");
}

#[test]
fn observations_without_an_input_are_held_in_the_plan() {
    let expected = Expected::read();
    let mut policy = load(&inpainted_policy()).unwrap();
    let dim = policy.manifest().sample_dim();
    assert_eq!((policy.manifest().plan_dim(), dim), (5, 20));
    let table = Table::new(&policy.manifest().scheduler, Solver::Ddpm, 10).unwrap();
    let noise = Noise::draw(0, 10, dim);
    let normalized =
        (&expected.observation / &array![[256.0, 256.0, 3.0]] - array![[1.0, 1.0, 0.0]]).mapv(|x| x as f32);
    let other = &expected.observation + 50.0;
    for strategy in [Strategy::sequential(), "picard".parse().unwrap()] {
        let mut sampler = Sampler::new(table.clone(), strategy, dim).unwrap();
        let mut bound = policy.bind(expected.observation.view()).unwrap();
        let sample = sampler.sample(&mut bound, &noise).unwrap().sample().to_owned();
        let plan = sample.to_shape((4, 5)).unwrap();
        assert_close(plan.slice(s![..2, 2..]), &normalized);
        let origin = policy.origin(expected.observation.view()).unwrap();
        assert_eq!(policy.actions(sample.view(), &origin).dim(), (4, 2));

        let mut sampler = BatchedSampler::new(table.clone(), strategy, dim, 2).unwrap();
        let mut bound = policy.bind_batched([other.view(), expected.observation.view()]).unwrap();
        let noises = [noise.clone(), noise.clone()];
        let samples: Vec<_> =
            sampler.sample(&mut bound, &noises).unwrap().iter().map(|s| s.sample().to_owned()).collect();
        assert_close(&samples[1].to_shape((1, 20)).unwrap(), &sample.to_shape((1, 20)).unwrap());
        assert!((samples[0][2] - samples[1][2] - 50.0 / 256.0).abs() < 1e-6);
    }
}

#[test]
fn encoders_that_do_not_fit_are_refused() {
    let mut errors = refusal(&encoded_policy("fixed_encoder.onnx"));
    for (field, value) in [("size", json!(2)), ("features", json!("keypoints")), ("sha256", json!("0".repeat(64)))] {
        let dir = encoded_policy("encoder.onnx");
        let path = dir.path().join("policy.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        manifest["encoder"][field] = value;
        write_manifest(dir.path(), &manifest);
        errors += &format!("\n{}", refusal(&dir));
    }
    insta::assert_snapshot!("encoders", errors);
}

#[test]
fn binding_again_forgets_the_observation_before() {
    let expected = Expected::read();
    let mut policy = load(&policy_from("affine.onnx")).unwrap();
    let mut predict = |observation: ArrayView2<'_, f64>| {
        let mut prediction = Array2::zeros((3, 8));
        let mut bound = policy.bind(observation).unwrap();
        bound.predict(expected.samples.view(), &expected.timesteps, prediction.view_mut()).unwrap();
        prediction
    };
    let before = predict(expected.observation.view());
    let other = predict((&expected.observation + 50.0).view());
    assert!(before.iter().zip(&other).all(|(before, other)| before != other));
    assert_eq!(predict(expected.observation.view()), before);
}

#[test]
fn rows_are_denoised_for_the_observation_of_their_plan() {
    let expected = Expected::read();
    let mut policy = load(&policy_from("affine.onnx")).unwrap();
    let observations = [0.0, 50.0, -20.0].map(|shift| &expected.observation + shift);
    let mut alone = |plan: usize, row: usize| {
        let mut prediction = Array2::zeros((1, 8));
        let mut bound = policy.bind(observations[plan].view()).unwrap();
        let rows = s![row..=row, ..];
        bound.predict(expected.samples.slice(rows), &expected.timesteps[row..=row], prediction.view_mut()).unwrap();
        prediction
    };
    let calls = [[0, 1, 2], [1, 1, 2], [0, 0, 0], [2, 1, 0]];
    let one_by_one = calls.map(|plans| [0, 1, 2].map(|row| alone(plans[row], row)));

    let mut bound = policy.bind_batched(observations.iter().map(|one| one.view())).unwrap();
    for (plans, one_by_one) in calls.iter().zip(&one_by_one) {
        let mut prediction = Array2::zeros((3, 8));
        bound.predict_batched(plans, expected.samples.view(), &expected.timesteps, prediction.view_mut()).unwrap();
        for (row, alone) in one_by_one.iter().enumerate() {
            assert_close(prediction.slice(s![row..=row, ..]), alone);
        }
    }
}

#[test]
fn plans_without_an_observation_are_refused() {
    let expected = Expected::read();
    let dir = policy_from("affine.onnx");
    let mut policy = load(&dir).unwrap();
    let (good, wide) = (expected.observation.clone(), Array2::zeros((2, 4)));
    let mut strange = good.clone();
    strange[[0, 1]] = f64::NAN;
    let mut errors = [vec![], vec![&good, &wide], vec![&good, &good, &strange]]
        .map(|observations| {
            text(dir.path(), &policy.bind_batched(observations.into_iter().map(|one| one.view())).unwrap_err())
        })
        .to_vec();
    let mut bound = policy.bind_batched([good.view(), good.view()]).unwrap();
    for plans in [&[0, 2, 1][..], &[0, 1]] {
        let mut prediction = Array2::zeros((3, 8));
        let answer = bound.predict_batched(plans, expected.samples.view(), &expected.timesteps, prediction.view_mut());
        errors.push(answer.unwrap_err().to_string());
    }
    insta::assert_snapshot!("plans", errors.join("\n"));
}

#[test]
fn a_sampler_draws_the_same_plan_twice() {
    let expected = Expected::read();
    let mut policy = load(&policy_from("affine.onnx")).unwrap();
    let table = Table::new(&policy.manifest().scheduler, Solver::Ddpm, 10).unwrap();
    let mut sampler = Sampler::new(table, Strategy::sequential(), 8).unwrap();
    let noise = Noise::draw(3, 10, 8);
    let mut draw = || {
        let mut bound = policy.bind(expected.observation.view()).unwrap();
        sampler.sample(&mut bound, &noise).unwrap().sample().to_owned()
    };
    assert_eq!(draw(), draw());
}

#[test]
fn actions_are_in_raw_units() {
    let expected = Expected::read();
    let policy = load(&policy_from("affine.onnx")).unwrap();
    let origin = policy.origin(expected.observation.view()).unwrap();
    let actions = policy.actions(expected.samples.row(0), &origin);
    assert_eq!(actions.dim(), (4, 2));
    assert!((&actions - &expected.actions).iter().all(|difference| difference.abs() < 1e-9));
}

#[test]
fn a_policy_may_move_to_another_thread() {
    let expected = Expected::read();
    let mut policy = load(&policy_from("affine.onnx")).unwrap();
    let worker = std::thread::spawn(move || policy.bind(expected.observation.view()).map(drop));
    worker.join().unwrap().unwrap();
}

#[test]
fn observations_that_are_none_are_refused() {
    let expected = Expected::read();
    let dir = policy_from("affine.onnx");
    let mut policy = load(&dir).unwrap();
    let mut refusal = |observation: &Array2<f64>| text(dir.path(), &policy.bind(observation.view()).unwrap_err());
    let with = |position: [usize; 2], value: f64| {
        let mut observation = expected.observation.clone();
        observation[position] = value;
        observation
    };
    let errors = [
        refusal(&Array2::zeros((0, 3))),
        refusal(&Array2::zeros((2, 4))),
        refusal(&with([0, 1], f64::NAN)),
        refusal(&with([1, 2], f64::INFINITY)),
        refusal(&with([1, 2], 1e300)),
    ];
    insta::assert_snapshot!("observations", errors.join("\n"));
}

#[test]
fn batches_that_do_not_fit_are_refused() {
    let expected = Expected::read();
    let mut policy = load(&policy_from("affine.onnx")).unwrap();
    let mut bound = policy.bind(expected.observation.view()).unwrap();
    let mut refusal = |samples: ArrayView2<'_, f32>, timesteps: &[f32], shape: (usize, usize)| {
        bound.predict(samples, timesteps, Array2::zeros(shape).view_mut()).unwrap_err().to_string()
    };
    let samples = expected.samples.view();
    let errors = [
        refusal(samples.slice(s![.., ..7]), &[0.0; 3], (3, 7)),
        refusal(samples, &[0.0, 0.0], (3, 8)),
        refusal(samples, &[0.0; 3], (2, 8)),
        refusal(samples.slice(s![..;2, ..]), &[0.0, 0.0], (2, 8)),
    ];
    insta::assert_snapshot!("batches", errors.join("\n"));
}

#[test]
fn a_graph_of_whole_timesteps_refuses_others_by_its_input() {
    let expected = Expected::read();
    let timesteps = [0.0, 12.0, 12.5];
    for (graph, whole) in [("affine.onnx", true), ("float_timestep.onnx", false)] {
        let mut policy = load(&policy_from(graph)).unwrap();
        let unfit = policy.check_timesteps(&timesteps).err().map(|error| error.to_string());
        let mut bound = policy.bind(expected.observation.view()).unwrap();
        let answer = bound.predict(expected.samples.view(), &timesteps, Array2::zeros((3, 8)).view_mut());
        let refused = answer.err().map(|error| error.to_string());
        assert_eq!(refused, unfit);
        let start = "the graph's input `timestep` takes whole numbers (int64), but a timestep is 12.5";
        assert_eq!(refused.is_some_and(|refused| refused.starts_with(start)), whole, "{graph}");
    }
}

#[test]
fn graphs_that_are_not_what_the_manifest_says_are_refused() {
    let graphs = ["fixed_batch", "fixed_output", "long_horizon", "double_sample", "extra_input"];
    let errors = graphs.map(|graph| refusal(&policy_from(&format!("{graph}.onnx"))));
    insta::assert_snapshot!("graphs", errors.join("\n"));
}

#[test]
fn names_that_the_graph_does_not_have_are_refused() {
    let dir = policy_from("affine.onnx");
    let manifest: Value = serde_json::from_slice(&fs::read(dir.path().join("policy.json")).unwrap()).unwrap();
    let errors = ["sample", "timestep", "observation", "prediction"].map(|field| {
        let mut manifest = manifest.clone();
        manifest["denoiser"][field] = json!("nothing");
        write_manifest(dir.path(), &manifest);
        refusal(&dir)
    });
    insta::assert_snapshot!("names", errors.join("\n"));
}

#[test]
fn files_that_are_no_graph_are_refused() {
    let graph = fs::read(fixture("affine.onnx")).unwrap();
    let truncated = refusal(&policy(&graph[..graph.len() / 2]));
    let foreign = refusal(&policy(b"PK\x03\x04 this is no graph"));
    let empty = refusal(&policy(b""));
    for error in [&truncated, &foreign, &empty] {
        // The rest is ONNX Runtime's to say, and differs between its versions.
        assert!(error.starts_with("DIR/denoiser.onnx: "), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn a_graph_of_another_sum_is_refused_before_it_is_opened() {
    let dir = policy_from("affine.onnx");
    fs::write(dir.path().join("denoiser.onnx"), b"something else").unwrap();
    insta::assert_snapshot!("sum", refusal(&dir));

    fs::remove_file(dir.path().join("denoiser.onnx")).unwrap();
    insta::assert_snapshot!("missing_graph", refusal(&dir));
}

#[test]
fn inspection_describes_what_cannot_be_loaded_too() {
    let dir = policy_from("affine.onnx");
    let good = inspect(dir.path(), &provider(CPU)).unwrap();
    assert!(good.graph.sha256_matches);
    assert_eq!(good.graph.mismatch, None);
    let tensors = good.graph.inputs.iter().chain(&good.graph.outputs);
    let tensors: Vec<_> = tensors.map(|tensor| format!("{}: {}", tensor.name, tensor.dtype)).collect();
    insta::assert_snapshot!("inspected_tensors", tensors.join("\n"));

    fs::copy(fixture("fixed_batch.onnx"), dir.path().join("denoiser.onnx")).unwrap();
    let bad = inspect(dir.path(), &provider(CPU)).unwrap();
    assert!(!bad.graph.sha256_matches);
    insta::assert_snapshot!("inspected_mismatch", bad.graph.mismatch.unwrap());
    assert_eq!(bad.runtime.unwrap().library, provider(CPU).library().unwrap().library);
    assert_eq!(bad.provider, "cpu");
}

#[test]
fn threads_are_not_pinned() {
    let pinned = Inference { provider: CPU, threads: 1, pinned: true, ..Inference::default() };
    let refused = pinned.open(&()).unwrap_err().to_string();
    assert_eq!(refused, "pin: the provider cpu does not pin its threads; leave it out, or name the provider native");
}

/// A process loads one library, and the one that is loaded here computes on processors alone.
#[test]
fn a_provider_that_the_library_lacks_is_refused() {
    provider(CPU);
    let error = Runtime::find(ExecutionProvider::OpenVino, None).unwrap_err();
    assert!(matches!(error, RuntimeError::NoProvider { provider: ExecutionProvider::OpenVino, .. }), "{error}");
    assert!(error.to_string().contains("this build of ONNX Runtime has no openvino; "), "{error}");
}

#[test]
#[should_panic(expected = "length of the sample")]
fn a_sample_of_another_length_is_a_bug_of_the_caller() {
    let policy = load(&policy_from("affine.onnx")).unwrap();
    let origin = policy.origin(Array2::zeros((2, 3)).view()).unwrap();
    policy.actions(Array1::zeros(7).view(), &origin);
}

/// ONNX Runtime would read a null pointer, and the process would be gone.
#[test]
fn inputs_that_are_left_out_where_the_runtime_reads_them_are_refused() {
    let graph = fs::read(fixture("affine.onnx")).unwrap();
    let field = |tag: u8, content: &[u8]| [&[tag, content.len() as u8][..], content].concat();
    for (operator, input) in [("LayerNormalization", 2), ("Max", 2)] {
        let node = [(0x0a, "a"), (0x0a, "b"), (0x0a, ""), (0x12, "y"), (0x22, operator)];
        let node = node.map(|(tag, content)| field(tag, content.as_bytes())).concat();
        // Another part of the model's graph, with one more node.
        let error = refusal(&policy(&[&graph[..], &field(0x3a, &field(0x0a, &node))].concat()));
        let expected = format!("DIR/denoiser.onnx: node `y` ({operator}) leaves out its input {input}");
        assert!(error.starts_with(&expected), "{error}");
    }
}

/// ONNX Runtime would read them beside the graph, or in the current folder, whatever they are by then.
#[test]
fn weights_in_other_files_are_refused() {
    let graph = fs::read(fixture("affine.onnx")).unwrap();
    // Another part of the model's graph, in which there is a constant `w` that is elsewhere.
    let elsewhere = [0x3a, 7, 0x2a, 5, 0x42, 1, b'w', 0x70, 1];
    let error = refusal(&policy(&[&graph[..], &elsewhere].concat()));
    let expected = "DIR/denoiser.onnx: keeps the numbers of tensor `w` in another file, which the sum of this one does not \
                    cover: export the graph with all its weights in one";
    assert!(error.starts_with(expected), "{error}");
}
