//! Random graphs, in parts and by the engine, against ONNX Runtime on the whole graph: through the whole loop of DDIM, by
//! every strategy.

mod generator;

use std::{fs, ops::Range, path::Path};

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};
use parapolicy_policy::{Batch, Inference, Manifest, Network, PolicyError};
use parapolicy_sampler::{BoxError, Denoiser, Noise, Sampler, Solver, Strategies, Strategy, Table};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use self::generator::{ACTION, HORIZON, Random, SEEN, Writer, random};
use super::{
    tests::{HOW, runtime},
    *,
};
use crate::backends;

/// Steps of a sample.
const STEPS: usize = 8;

/// The whole graph with an observation, as a denoiser.
struct Whole {
    onnx: Onnx,
    observation: Vec<f32>,
}

impl Denoiser for Whole {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        let samples = samples.as_slice().unwrap();
        let plans = vec![0; timesteps.len()];
        let batch = Batch { plans: &plans, observations: &self.observation, samples, timesteps };
        Ok(self.onnx.run(batch, prediction)?)
    }
}

/// A policy of a graph.
fn policy(graph: &[u8], clips: bool) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("denoiser.onnx"), graph).unwrap();
    let sum: String = Sha256::digest(graph).iter().map(|byte| format!("{byte:02x}")).collect();
    let entry = |name: &str, size: i64| json!([{"name": name, "shape": [size], "normalization": {"mode": "identity"}}]);
    let manifest = json!({
        "schema_version": 2, "name": "random", "n_obs_steps": 1, "horizon": HORIZON, "n_action_steps": 1,
        "observations": entry("o", SEEN), "actions": entry("a", ACTION),
        "scheduler": {
            "num_train_timesteps": 100, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "epsilon",
            "clip_sample": clips, "timestep_spacing": "leading"
        },
        "denoiser": {
            "file": "denoiser.onnx", "sha256": sum, "sample": "sample", "timestep": "timestep",
            "observation": "observation", "prediction": "prediction"
        }
    });
    fs::write(dir.path().join("policy.json"), manifest.to_string()).unwrap();
    dir
}

fn load(dir: &Path, provider: &str) -> Result<Network, PolicyError> {
    let provider = backends().parse(provider).unwrap();
    Network::load(dir, &Inference { provider, threads: 1, ..backends().inference() }.open(&()).unwrap())
}

/// The graph as it is, without parts.
fn whole(dir: &Path, manifest: &Manifest, runtime: &Runtime) -> Onnx {
    let file = GraphFile::read(dir.join("denoiser.onnx")).unwrap();
    let reading = open(&file, runtime, 1, Idle::Spin).unwrap();
    let accepted = tensors(&reading).denoiser(&manifest.signature()).unwrap();
    let layout = Layout {
        sample: "sample".into(),
        prediction: "prediction".into(),
        copies_inputs: HOW.copies_inputs(),
        plan: vec![HORIZON as usize, ACTION as usize],
    };
    let inputs = ConditioningInputs {
        timestep: "timestep".into(),
        timestep_type: accepted.timestep,
        observation: Some("observation".into()),
        is_label: false,
        seen: accepted.seen,
    };
    let timestep = accepted.timestep;
    let (path, sha256) = (file.path().to_path_buf(), file.sha256().to_owned());
    let conditioning = Conditioning::Inputs(inputs);
    Onnx { path, sha256, sessions: Sessions::open_size(reading), layout, conditioning, timestep }
}

fn sample(strategy: Strategy, table: &Table, denoiser: &mut dyn Denoiser, seed: u64) -> Option<Array1<f32>> {
    let dim = (HORIZON * ACTION) as usize;
    let mut sampler = Sampler::new(table.clone(), strategy, dim).ok()?;
    let noise = Noise::draw(seed, STEPS, dim);
    Some(sampler.sample(denoiser, &noise).unwrap().sample().to_owned())
}

#[test]
fn random_graphs_are_right_or_refused() {
    let [graphs, parted, compared] = compare(0..48, &runtime(), &["native"]);
    assert!(2 * parted > graphs, "{parted} of {graphs} in parts");
    assert!(compared > graphs * 3 * 4, "{compared} compared");
}

#[test]
#[ignore = "minutes"]
fn many_random_graphs_are_right_or_refused() {
    compare(48..1000, &runtime(), &["native"]);
}

/// In the library that has OpenVINO, against its own kernels for the processor. There is one for Linux on x86-64.
#[test]
#[ignore = "minutes; alone, as a process loads one library: cargo test -p parapolicy-ort --lib -- --ignored openvino"]
fn random_graphs_by_openvino_are_right_or_refused() {
    let runtime = Runtime::find_or_install(ExecutionProvider::OpenVino, None, &()).unwrap();
    let [graphs, _, compared] = compare(0..40, &runtime, &["openvino"]);
    assert!(compared > graphs * 3 * 4, "{compared} compared");
}

/// Compares the samples of random graphs by `cpu` and by `providers`; returns how many graphs there are, how many are in parts,
/// and how many samples were compared.
fn compare(seeds: Range<u64>, runtime: &Runtime, providers: &[&'static str]) -> [usize; 3] {
    let (graphs, mut parted, mut others, mut compared) = (seeds.clone().count(), 0, 0, 0);
    for seed in seeds {
        let found = compare_one(&random(seed), runtime, providers);
        (parted, others, compared) = (parted + found[0], others + found[1], compared + found[2]);
    }
    println!("{parted} of {graphs} in parts, {others} by {providers:?}, {compared} samples");
    [graphs, parted, compared]
}

/// Whether the graph is in parts, how many of `providers` run it, and how many samples were compared.
fn compare_one(random: &Random, runtime: &Runtime, providers: &[&'static str]) -> [usize; 3] {
    let dir = policy(&random.bytes, true);
    let mut networks = vec![("cpu", load(dir.path(), "cpu").unwrap())];
    for &provider in providers {
        match load(dir.path(), provider) {
            Ok(network) => networks.push((provider, network)),
            Err(error) => {
                println!("{}, {provider}: {error}", random.description);
                assert!(error.to_string().contains("denoiser.onnx"), "{}: {error}", random.description);
            }
        }
    }
    let manifest = networks[0].1.manifest().clone();
    let parted = is_parted(&dir.path().join("denoiser.onnx"), &manifest, runtime);
    let mut whole = Whole { onnx: whole(dir.path(), &manifest, runtime), observation: vec![] };
    let table = Table::new(&manifest.scheduler, Solver::Ddim { eta: 0.0 }, STEPS).unwrap();
    let (mut compared, mut most) = (0, 0.0_f32);
    // Ids and thresholds on either side, and raw numbers near where they matter.
    for (at, near) in [(0, -0.4), (1, 0.6), (2, 0.1)] {
        let step = if at == 2 { random.unit / 3.0 } else { 0.9 };
        let raw = random.unit + near * step;
        let seen = [f64::from(at) + 0.2, raw, 0.7 * near, 0.3 - near];
        whole.observation = seen.map(|number| number as f32).to_vec();
        let seen = Array2::from_shape_vec((1, SEEN as usize), seen.to_vec()).unwrap();
        for strategy in Strategies::default().iter() {
            let Some(expected) = sample(strategy, &table, &mut whole, at as u64) else { continue };
            for (name, network) in &mut networks {
                let mut bound = network.bind(seen.view()).unwrap();
                let found = sample(strategy, &table, &mut bound, at as u64).unwrap();
                let off = (&found - &expected).iter().fold(0.0_f32, |most, x| most.max(x.abs()));
                assert!(off <= 1e-4, "{}, {name}, {strategy}, observation {at}: {off}", random.description);
                (compared, most) = (compared + 1, most.max(off));
            }
        }
    }
    println!("{}: {most:e} off at most", random.description);
    [usize::from(parted), networks.len() - 1, compared]
}

/// Of both exporters of `torch`, by `data/make.py`.
#[test]
fn exported_graphs_are_right_or_refused() {
    let runtime = runtime();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/graph/random_graphs/data");
    for name in ["clipped", "ids", "masked", "normed"] {
        for exporter in ["traced", "dynamo"] {
            let description = format!("{name}_{exporter}");
            let bytes = fs::read(data.join(format!("{description}.onnx"))).unwrap();
            let [parted, ..] =
                compare_one(&Random { bytes, unit: 1e4, description: description.clone() }, &runtime, &["native"]);
            // Masks and thresholds are truth values, which cannot be at the boundary: those graphs are run whole.
            assert_eq!(parted == 1, ["clipped", "ids"].contains(&name), "{description}");
        }
    }
}

/// `x·σ((t − 50)/10 + 4·clip(o − 100, −1, 1))`, whose clip no random observation between −1 and 1 reaches. The values are those
/// of ONNX Runtime on such a graph in the loop of `diffusers`.
#[test]
fn a_clip_far_from_the_origin_is_seen() {
    let mut writer = Writer::new(0);
    let axes = writer.ints(&[1, 2]);
    let timesteps = writer.node("Cast", &["timestep"], &[("to", 1)]);
    let [fifty, rate, hundred, four, low, high] =
        [50.0, 0.1, 100.0, 4.0, -1.0, 1.0].map(|number| writer.scalar(number));
    let centred = writer.node("Sub", &[&timesteps, &fifty], &[]);
    let ramp = writer.node("Mul", &[&centred, &rate], &[]);
    let ramp = writer.node("Unsqueeze", &[&ramp, &axes], &[]);
    let [first, end, along] = [0, 1, 1].map(|number| writer.ints(&[number]));
    let column = writer.node("Slice", &["observation", &first, &end, &along], &[]);
    let column = writer.node("Unsqueeze", &[&column, &along], &[]);
    let centred = writer.node("Sub", &[&column, &hundred], &[]);
    let clipped = writer.node("Clip", &[&centred, &low, &high], &[]);
    let scaled = writer.node("Mul", &[&clipped, &four], &[]);
    let sum = writer.node("Add", &[&ramp, &scaled], &[]);
    let gate = writer.node("Sigmoid", &[&sum], &[]);
    let prediction = writer.node("Mul", &["sample", &gate], &[]);
    let dir = policy(&writer.model(&prediction, false), false);
    let mut network = load(dir.path(), "cpu").unwrap();
    let dim = (HORIZON * ACTION) as usize;
    for (steps, expected) in [(10, 0.778), (100, 0.889)] {
        let table = Table::new(&network.manifest().scheduler, Solver::Ddim { eta: 0.0 }, steps).unwrap();
        let noise = Noise::from_parts(Array1::ones(dim), Array2::zeros((steps, dim))).unwrap();
        let mut sampler = Sampler::new(table, Strategy::sequential(), dim).unwrap();
        let seen = Array2::from_elem((1, SEEN as usize), 100.5);
        let found = sampler.sample(&mut network.bind(seen.view()).unwrap(), &noise).unwrap().sample().to_owned();
        assert!(found.iter().all(|number| (number - expected).abs() < 6e-4), "{steps} steps: {found}");
    }
}

fn is_parted(path: &Path, manifest: &Manifest, runtime: &Runtime) -> bool {
    matches!(
        Onnx::open(&GraphFile::read(path).unwrap(), &manifest.signature(), runtime, HOW).unwrap().conditioning,
        Conditioning::Precomputed(_)
    )
}

/// What a graph says for each row, where it takes the timestep or the observation of the first row for all of them, or
/// looks at the whole batch.
fn mixing(kind: &str) -> Vec<u8> {
    let mut writer = Writer::new(0);
    let axes = writer.ints(&[1, 2]);
    let timesteps = writer.node("Cast", &["timestep"], &[("to", 1)]);
    let column = writer.node("Unsqueeze", &[&timesteps, &axes], &[]);
    let (zero, one) = (writer.ints(&[0]), writer.ints(&[1]));
    let factor = match kind {
        "first timestep" => writer.node("Slice", &[&column, &zero, &one, &zero], &[]),
        "mean of timesteps" => writer.node("ReduceMean", &[&column, &zero], &[("keepdims", 1)]),
        "first observation" => {
            let first = writer.node("Slice", &["observation", &zero, &one, &zero], &[]);
            let number = writer.node("ReduceSum", &[&first, &one], &[("keepdims", 1)]);
            writer.node("Unsqueeze", &[&number, &one], &[])
        }
        "largest sample" => writer.node("ReduceMax", &["sample"], &[("keepdims", 1)]),
        "rows" => {
            let shape = writer.node("Shape", &["sample"], &[]);
            let rows = writer.node("Gather", &[&shape, &zero], &[("axis", 0)]);
            writer.node("Cast", &[&rows], &[("to", 1)])
        }
        _ => column.clone(),
    };
    let scaled = writer.node("Mul", &["sample", &factor], &[]);
    let prediction = writer.node("Add", &[&scaled, &column], &[]);
    writer.model(&prediction, false)
}

#[test]
fn graphs_whose_rows_look_at_each_other_are_refused() {
    for (kind, named) in [
        ("first timestep", "on the timesteps of other rows"),
        ("mean of timesteps", "on the timesteps of other rows"),
        ("first observation", "on the observations of other rows"),
        ("largest sample", "on the samples of other rows"),
        ("rows", "on the number of other rows"),
    ] {
        let dir = policy(&mixing(kind), true);
        for provider in ["cpu", "native"] {
            let refusal = load(dir.path(), provider).unwrap_err().to_string();
            assert!(provider == "native" || refusal.contains(named), "{kind}: {refusal}");
        }
    }
    load(policy(&mixing("none"), true).path(), "cpu").unwrap();
}
