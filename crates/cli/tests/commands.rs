//! The commands, run whole on the shipped policy.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use ndarray::{Array2, Array3, Axis};
use ndarray_npy::{NpzReader, NpzWriter};
use parapolicy_eval::Deviation;
use parapolicy_eval::Report;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Runs the program and returns its standard output as JSON.
#[track_caller]
fn json(arguments: &[&str]) -> Value {
    let output = Command::cargo_bin("parapolicy").unwrap().current_dir(root()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn run_writes_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let arguments =
        ["run", "--solver=ddim", "--steps=8", "--episodes=1", "--json", "--sampler=sequential,paradigms,picard"];
    let printed = json(&[&arguments[..], &["--out", out.to_str().unwrap()]].concat());

    let written = fs::read_to_string(out.join("report.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), printed, "the same report is printed and written");
    let report: Report = serde_json::from_str(&written).unwrap();
    assert_eq!((report.schema_version, report.steps, report.solver.as_str()), (3, 8, "ddim"));
    assert_eq!((report.scenario.as_str(), &report.deviation), ("nominal", &None));

    let names: Vec<&str> = report.samplers.iter().map(|sampler| sampler.name.as_str()).collect();
    assert_eq!(names, ["sequential", "paradigms", "picard"]);
    for sampler in &report.samplers {
        let [episode] = &sampler.episodes[..] else { panic!("one episode was asked for") };
        assert_eq!(episode.seed, 100_000);
        assert_eq!(episode.plans, episode.control_steps.div_ceil(8), "a plan every eight actions");
        assert!(sampler.reward_mean > 0.2, "{}: the block was not moved to the goal", sampler.name);
        let latency = sampler.sampling_latency_ms.unwrap();
        assert!(0.0 < latency.p50 && latency.p50 <= latency.p90 && latency.p99 <= latency.max);
        assert!(sampler.per_action_latency_ms.unwrap().p50 < latency.p50);
    }
    let [sequential, .., picard] = &report.samplers[..] else { panic!("three samplers were asked for") };
    assert_eq!((sequential.rounds_mean, sequential.evaluations_mean), (8.0, 8.0));
    assert_eq!((sequential.speedup, sequential.window), (Some(1.0), None));
    assert!(picard.rounds_mean < 8.0 && picard.evaluations_mean > 8.0);
    assert_eq!((picard.window, picard.tolerance), (Some(20), Some(0.1)));

    let csv = fs::read_to_string(out.join("episodes.csv")).unwrap();
    assert_eq!(csv.lines().next().unwrap(), "sampler,seed,reward,success,control_steps,plans,violations");
    assert_eq!(csv.lines().count(), 4);
    let log = fs::read(out.join("episodes.mcap")).unwrap();
    assert!(log.ends_with(b"\x89MCAP0\r\n") && log.len() > 10_000, "{} bytes", log.len());
    let svg = fs::read_to_string(out.join("report.svg")).unwrap();
    assert!(svg.starts_with("<svg") && names.iter().all(|name| svg.contains(name)));
    let html = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(names.iter().all(|name| html.contains(&format!("{name}</th>"))));
    let mut gif = gif::Decoder::new(fs::File::open(out.join("episode.gif")).unwrap()).unwrap();
    let mut delays = Vec::new();
    while let Some(frame) = gif.read_next_frame().unwrap() {
        delays.push(u64::from(frame.delay));
    }
    let slowest = report.samplers.iter().map(|sampler| sampler.episodes[0].control_steps as u64).max().unwrap();
    assert!(
        delays.iter().sum::<u64>() > 10 * slowest,
        "all play on one clock, a step of which lasts a tenth of a second"
    );
    assert_eq!(gif.width(), 3 * 336, "the samplers are side by side");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

const BF16: [&str; 3] = ["--precision=bf16", "--solver=ddim", "--steps=4"];

#[test]
fn what_a_precision_costs_is_told_by_whatever_is_run_in_it() {
    let bench = |more: &[&str]| {
        let arguments = [&["bench", "--observations=3", "--sampler=picard"], &BF16[..], more].concat();
        Command::cargo_bin("parapolicy").unwrap().current_dir(root()).args(arguments).output().unwrap()
    };
    let output = bench(&[]);
    if !output.status.success() {
        let refusal = String::from_utf8(output.stderr).unwrap();
        assert!(refusal.contains("this processor has no"), "{refusal}");
        return;
    }
    let printed: Value = serde_json::from_slice(&bench(&["--json"]).stdout).unwrap();
    let [entry] = &printed["precision"].as_array().unwrap()[..] else { panic!("one solver and number of steps") };
    assert_eq!((&entry["solver"], &entry["steps"]), (&"ddim".into(), &4.into()));
    let deviation: Deviation = serde_json::from_value(entry["deviation"].clone()).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(&format!("\nddim, 4 steps: {deviation}\n")), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let written = |arguments: &[&str], name: &str| -> (Value, String, String) {
        let out = folder.path().join(name);
        let mut command = Command::cargo_bin("parapolicy").unwrap();
        let output = command.current_dir(root()).args(arguments).args(BF16).arg("--out").arg(&out).output().unwrap();
        let read = |kind: &str| fs::read_to_string(out.join(name).with_extension(kind)).unwrap();
        let report: Value = serde_json::from_str(&read("json")).unwrap();
        (report["deviation"].clone(), String::from_utf8(output.stdout).unwrap(), read("html"))
    };
    let run = written(&["run", "--episodes=1"], "report");
    let study = written(&["study", "latency", "--episodes=1", "--scenario=sims/nominal.toml"], "study");
    for (deviation, text, page) in [run, study] {
        let deviation: Deviation = serde_json::from_value(deviation).unwrap();
        assert!(deviation.prediction > 0.0 && deviation.plan > 0.0 && deviation.actions["target"] > 0.0);
        let told = deviation.to_string();
        assert!(text.contains(&told) && page.contains(&told), "{told}: {text}");
    }
}

/// The page of a run, whatever it is given, is a page of this project alone: no element of another's, nothing from elsewhere.
#[test]
fn what_a_user_names_is_text_on_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let (out, scenario) = (folder.path().join("<i>&report"), folder.path().join("short.toml"));
    let text = "name = '</title><script>alert(\"1\")</script>'\nmax_control_steps = 3\n";
    fs::write(&scenario, format!("{text}reset = {{ distribution = 'diffusion-policy', order = 'legacy' }}\n")).unwrap();
    let arguments = ["run", "--solver=ddim", "--steps=2", "--episodes=1", "--sampler=picard", "--json"];
    json(&[&arguments[..], &["--scenario", scenario.to_str().unwrap(), "--out", out.to_str().unwrap()]].concat());
    let html = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(!html.contains("<script>alert") && !html.contains("<i>&report"));
    assert!(html.contains("&#60;script&#62;alert") && html.contains("&#60;i&#62;&#38;report"), "{html}");
    for elsewhere in ["src=", "href=\"http", "url(http", "@import", "fetch("] {
        assert!(!html.contains(elsewhere), "{elsewhere}");
    }
}

#[test]
fn the_rounds_of_a_plan_are_drawn_where_they_are_logged() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["run", "--solver=ddim", "--steps=8", "--episodes=1", "--sampler=sequential", "--json"];
    for more in [&[][..], &["--log-rounds"]] {
        let out = folder.path().join(more.len().to_string());
        json(&[&arguments[..], more, &["--out", out.to_str().unwrap()]].concat());
        let html = fs::read_to_string(out.join("report.html")).unwrap();
        assert_eq!(html.contains("The rounds of one plan"), !more.is_empty());
        let svg = fs::read_to_string(out.join("rounds.svg"));
        assert_eq!(svg.ok().map(|svg| svg.matches("<title>round").count()), (!more.is_empty()).then_some(8));
    }
}

#[test]
fn compare_pairs_episodes_by_their_seeds() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = ["run", "--solver=ddim", "--sampler=sequential,picard", "--json", "--out"];
    let report = |name: &str, more: &[&str]| json(&[&run[..], &[&path(name)], more].concat());
    let before = report("a", &["--steps=4", "--episodes=2"]);
    let after = report("b", &["--steps=3", "--episodes=2", "--seed=100001"]);
    let (a, b, page) = (path("a/report.json"), path("b/report.json"), path("compare.html"));
    let mut command = Command::cargo_bin("parapolicy").unwrap();
    let output = command.current_dir(root()).args(["compare", &a, &b, "--out", &page]).output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    let reward =
        |report: &Value, episode: usize| report["samplers"][1]["episodes"][episode]["reward"].as_f64().unwrap();
    let difference = reward(&after, 0) - reward(&before, 1);
    for told in [
        &format!("{difference:+.4} (no interval)"),
        "picard, reward in B against A: too few episodes to tell them apart",
        "picard, only in A: seeds 100000",
        "picard, only in B: seeds 100002",
        "steps: 4 | 3",
    ] {
        assert!(table.contains(told), "{told}: {table}");
    }
    let html = fs::read_to_string(page).unwrap();
    assert!(html.contains(&format!("<td>{difference:+.4}</td>")) && html.contains("only in B: seeds 100002"));
}

#[test]
fn run_refines_plans_beside_those_that_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let arguments = ["run", "--scenario=sims/keep_out.toml", "--refine=30", "--sampler=sequential", "--seed=100003"];
    let more = ["--solver=ddim", "--steps=8", "--episodes=1", "--json", "--out", out.to_str().unwrap()];
    let report: Report = serde_json::from_value(json(&[&arguments[..], &more].concat())).unwrap();
    let [sampled, refined] = &report.samplers[..] else { panic!("one sampler was asked for, twice") };
    assert_eq!([&sampled.name, &refined.name], ["sequential", "sequential, refined"]);
    assert!(sampled.violation_rate > 0.0 && sampled.violating_episodes == 1.0 && sampled.refinement.is_none());
    assert_eq!((refined.violation_rate, refined.violating_episodes), (0.0, 0.0));
    let refinement = refined.refinement.as_ref().unwrap();
    assert!(refinement.refined_plans > 0 && refinement.violating_plans == 0 && refinement.rounds_mean < 15.0);
    assert!(refined.rounds_mean > sampled.rounds_mean, "what refinement takes is counted");
}

#[test]
fn environments_together_have_a_throughput_and_no_latency_of_a_plan() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let arguments = ["run", "--solver=ddim", "--steps=8", "--episodes=4", "--environments=3", "--sampler=picard"];
    let printed = json(&[&arguments[..], &["--json", "--out", out.to_str().unwrap()]].concat());
    let report: Report = serde_json::from_value(printed).unwrap();
    assert_eq!(report.environments, 3);
    let [sampler] = &report.samplers[..] else { panic!("one sampler was asked for") };
    let seeds: Vec<u64> = sampler.episodes.iter().map(|episode| episode.seed).collect();
    assert_eq!(seeds, [100_000, 100_001, 100_002, 100_003]);
    assert_eq!((sampler.sampling_latency_ms, sampler.per_action_latency_ms, sampler.speedup), (None, None, None));
    assert!(sampler.throughput.plans_per_second > 0.0);
    assert!((1.5..=3.0).contains(&sampler.throughput.plans_per_call), "{:?}", sampler.throughput);
    assert!(sampler.reward_mean > 0.2, "the block was not moved to the goal");
    let svg = fs::read_to_string(out.join("report.svg")).unwrap();
    assert!(svg.contains("milliseconds a call") && !svg.contains("milliseconds a plan"));
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("Latency of a call"));
    assert!(out.join("episode.gif").metadata().unwrap().len() > 1000);
}

/// Draws with `arguments` and returns `actions` and `sample`.
fn draw(folder: &Path, arguments: &[&str]) -> (Array2<f64>, Array2<f32>, Value) {
    let (input, output) = (folder.join("in.npz"), folder.join("out.npz"));
    let paths = ["sample", "--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
    let statistics = json(&[&paths, arguments].concat());
    let mut npz = NpzReader::new(fs::File::open(&output).unwrap()).unwrap();
    (npz.by_name("actions").unwrap(), npz.by_name("sample").unwrap(), statistics)
}

fn write_input(folder: &Path, noise: Option<(Array2<f32>, Array3<f32>)>) {
    let mut npz = NpzWriter::new(fs::File::create(folder.join("in.npz")).unwrap());
    npz.add_array("observation", &Array2::from_shape_fn((2, 20), |(step, i)| 150.0 + 8.0 * i as f64 + step as f64))
        .unwrap();
    if let Some((initial, steps)) = noise {
        npz.add_array("initial_noise", &initial).unwrap();
        npz.add_array("step_noise", &steps).unwrap();
    }
    npz.finish().unwrap();
}

#[test]
fn sample_is_fixed_by_seed_or_noise() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_input(folder, None);
    let (first, sample, statistics) = draw(folder, &["--steps=12", "--seed=7"]);
    assert_eq!((first.dim(), sample.dim()), ((16, 2), (16, 2)));
    assert!(sample.iter().all(|value| value.abs() <= 1.0), "the last step ends at a clipped prediction");
    assert!(statistics["rounds"].as_u64().unwrap() <= 12);
    assert_eq!(draw(folder, &["--steps=12", "--seed=7"]).0, first);
    assert_ne!(draw(folder, &["--steps=12", "--seed=8"]).0, first);

    let noise = (Array2::from_elem((16, 2), 0.5), Array3::from_elem((12, 16, 2), -0.25));
    write_input(folder, Some(noise));
    let given = draw(folder, &["--steps=12", "--seed=7"]).0;
    assert_ne!(given, first, "the noise in the file is used");
    assert_eq!(draw(folder, &["--steps=12", "--seed=8"]).0, given, "and the seed then changes nothing");
}

#[test]
fn sample_says_when_it_was_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_input(folder, None);
    let residual_in_file = || {
        let mut npz = NpzReader::new(fs::File::open(folder.join("out.npz")).unwrap()).unwrap();
        npz.by_name::<ndarray::OwnedRepr<f64>, ndarray::Ix0>("residual").ok().map(ndarray::Array0::into_scalar)
    };
    let (cut, _, statistics) = draw(folder, &["--steps=30", "--window=5", "--rounds=2"]);
    assert_eq!(statistics["rounds"], 2);
    assert!(statistics["residual"].as_f64().unwrap() > 0.0);
    assert_eq!(residual_in_file(), statistics["residual"].as_f64());
    assert_eq!(
        draw(folder, &["--steps=30", "--window=5", "--rounds=2"]).0,
        cut,
        "rounds, not time, are the same again"
    );

    let (whole, _, statistics) = draw(folder, &["--steps=30", "--window=5", "--deadline=10min"]);
    assert_eq!((&statistics["residual"], residual_in_file()), (&Value::Null, None));
    assert_ne!(whole, cut);
}

#[test]
fn plans_of_several_seeds_are_drawn_together() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_input(folder, None);
    let output = folder.join("many.npz");
    let paths =
        ["--input", folder.join("in.npz").to_str().unwrap(), "--output", output.to_str().unwrap()].map(str::to_owned);
    let arguments = ["sample", "--steps=12", "--seed=7", "--count=3"];
    let arguments: Vec<&str> = arguments.into_iter().chain(paths.iter().map(String::as_str)).collect();
    let statistics = json(&arguments);
    let mut npz = NpzReader::new(fs::File::open(&output).unwrap()).unwrap();
    let (actions, samples): (Array3<f64>, Array3<f32>) =
        (npz.by_name("actions").unwrap(), npz.by_name("sample").unwrap());
    assert_eq!((actions.dim(), samples.dim()), ((3, 16, 2), (3, 16, 2)));
    let plans = statistics["plans"].as_array().unwrap();
    let evaluations: u64 = plans.iter().map(|plan| plan["evaluations"].as_u64().unwrap()).sum();
    assert_eq!((plans.len(), statistics["together"]["evaluations"].as_u64()), (3, Some(evaluations)));
    for (plan, seed) in [7, 8, 9].into_iter().enumerate() {
        let alone = draw(folder, &["--steps=12", &format!("--seed={seed}")]).1;
        let largest = (&samples.index_axis(Axis(0), plan) - &alone).fold(0.0f32, |most, value| most.max(value.abs()));
        // A batch of another size is summed in another order.
        assert!(largest < 1e-3, "plan {plan} is {largest} from the one of seed {seed}");
    }
}

#[test]
fn every_sampler_ends_at_the_same_plan() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_input(folder, None);
    for solver in ["ddpm", "ddim", "ddim:0.5", "dpmsolver++"] {
        let draw = |sampler: &str| {
            let arguments =
                [&format!("--solver={solver}"), &format!("--sampler={sampler}"), "--steps=20", "--tolerance=0"];
            draw(folder, &arguments).1
        };
        let reference = draw("sequential");
        for sampler in ["paradigms", "picard"] {
            let largest = (&draw(sampler) - &reference).iter().fold(0.0f32, |most, value| most.max(value.abs()));
            assert!(largest < 1e-4, "{sampler} is {largest} from sequential with {solver}");
        }
    }
}

#[test]
fn bench_measures_beside_sequential() {
    let arguments = ["bench", "--solver=ddpm,ddim", "--steps=6", "--observations=3", "--sampler=picard", "--json"];
    let bench = json(&arguments);
    assert!(bench["roofline"].is_object() && bench["precision"].is_null(), "{bench}");
    let rows = bench["rows"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| (row["solver"].as_str(), row["sampler"].as_str())).collect();
    let expected = [("ddpm", "sequential"), ("ddpm", "picard"), ("ddim", "sequential"), ("ddim", "picard")];
    assert_eq!(names, expected.map(|(solver, sampler)| (Some(solver), Some(sampler))));
    for pair in rows.chunks(2) {
        assert_eq!((&pair[0]["rounds_mean"], &pair[0]["speedup"]), (&6.0.into(), &1.0.into()));
        assert_eq!(pair[0]["deviation"]["max"], 0.0);
        assert!(pair[1]["rounds_mean"].as_f64().unwrap() < 6.0);
        assert!(pair.iter().all(|row| (0.0..1.0).contains(&row["outside_network"].as_f64().unwrap())));
        assert!(pair[1]["deviation"]["p50"].as_f64().unwrap() < 0.1);
    }
}

#[test]
fn budgets_cut_plans_short_but_the_reference_and_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (out, plot) = (folder.path().join("report"), folder.path().join("anytime.svg"));
    let budget = ["--steps=8", "--window=3", "--rounds=2", "--sampler=sequential,picard", "--json"];
    let run = [&["run", "--episodes=1", "--out", out.to_str().unwrap()], &budget[..]].concat();
    let bench = [&["bench", "--observations=3", "--anytime", plot.to_str().unwrap()], &budget[..]].concat();
    for rows in [&json(&run)["samplers"], &json(&bench)["rows"]] {
        assert_eq!((&rows[0]["rounds_mean"], &rows[0]["cut_short"]["share"]), (&8.0.into(), &0.0.into()));
        assert_eq!((&rows[1]["rounds_mean"], &rows[1]["cut_short"]["share"]), (&2.0.into(), &1.0.into()));
        assert!(rows[1]["cut_short"]["residual_p50"].as_f64().unwrap() > 0.0);
    }
    assert!(fs::read_to_string(plot).unwrap().starts_with("<svg"));
}

#[test]
fn bench_goes_on_without_a_sampler_that_refuses_a_solver() {
    let arguments = ["bench", "--solver=ddim,ddpm", "--steps=4", "--observations=1", "--sampler=speculative,picard"];
    let bench = json(&[&arguments[..], &["--json"]].concat());
    let rows = bench["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 6);
    let refused: Vec<_> = rows.iter().filter(|row| row.get("refused").is_some()).collect();
    let [row] = &refused[..] else { panic!("one row is refused: {refused:?}") };
    assert_eq!((&row["sampler"], &row["solver"], &row["steps"]), (&"speculative".into(), &"ddim".into(), &4.into()));
    assert!(row["refused"].as_str().unwrap().contains("`ddim` is not supported"));

    let output = Command::cargo_bin("parapolicy").unwrap().current_dir(root()).args(arguments).output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("\nnot measured: speculative, ddim, 4 steps (solver"), "{table}");
}

#[test]
fn inspect_shows_the_model() {
    let shown = json(&["inspect", "models/pusht"]);
    assert_eq!(shown["graph"]["sha256_matches"], true);
    assert_eq!(shown["manifest"]["horizon"], 16);
    assert_eq!(shown["graph"]["mismatch"], Value::Null);
}

/// Where a library that is not there is named, and none is installed.
#[test]
fn the_native_provider_needs_no_onnx_runtime() {
    let empty = tempfile::tempdir().unwrap();
    let native = |arguments: &[&str]| {
        let mut command = Command::cargo_bin("parapolicy").unwrap();
        command.env("ORT_DYLIB_PATH", empty.path().join("nothing.so")).env("PARAPOLICY_CACHE", empty.path());
        command.current_dir(root()).args(arguments).arg("--provider=native");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let inspected = native(&["inspect", "models/pusht"]);
    assert_eq!((&inspected["provider"], &inspected["runtime"]), (&Value::from("native"), &Value::Null));
    assert_eq!(inspected["graph"]["inputs"][0]["dtype"], "Tensor<f32>(batch, 16, 2)");
    assert_eq!(inspected["graph"]["mismatch"], Value::Null);

    let out = empty.path().join("report");
    let run = ["run", "--solver=ddim", "--steps=8", "--episodes=1", "--json", "--sampler=sequential"];
    let report = native(&[&run[..], &["--out", out.to_str().unwrap()]].concat());
    assert!(report["machine"]["runtime"].as_str().unwrap().starts_with("native "), "{report}");
    assert!(report["samplers"][0]["reward_mean"].as_f64().unwrap() > 0.2);
}
