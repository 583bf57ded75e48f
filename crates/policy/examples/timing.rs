//! How long a policy takes to load, how much memory that needs, and how long its plans take:
//! `cargo run --release -p parapolicy-policy --example timing -- FOLDER [bf16]`.
//!
//! Plans are of DDPM with 100 steps, one strategy in turn after the other, medians of nine. Memory is what the process has on
//! Linux, at its peak and after loading.

use std::{env, fs, time::Instant};

use ndarray::Array2;
use parapolicy_policy::{Inference, Network, Precision};
use parapolicy_sampler::{Noise, Sampler, Solver, Strategy, Table, WindowConfig};

const PLANS: usize = 9;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let folder = arguments.next().ok_or("names no folder of a policy")?;
    let precision = if arguments.next().as_deref() == Some("bf16") { Precision::Bf16 } else { Precision::F32 };
    let provider = Inference { precision, ..Inference::default() }.open(&())?;

    let began = Instant::now();
    let mut network = Network::load(folder.as_ref(), &provider)?;
    println!("{provider}, {} threads: loaded in {:.2} s", provider.threads(), began.elapsed().as_secs_f64());
    println!("memory: {} at the peak, {} after loading", status("VmHWM:"), status("VmRSS:"));

    let manifest = network.manifest();
    let (dim, seen) = (manifest.sample_dim(), [manifest.n_obs_steps, manifest.observation_dim()]);
    let table = Table::new(&manifest.scheduler, Solver::Ddpm, 100)?;
    let strategies = [("sequential", Strategy::sequential()), ("picard", Strategy::picard(WindowConfig::default()))];
    let mut samplers = Vec::new();
    for (name, strategy) in strategies {
        samplers.push((name, Sampler::new(table.clone(), strategy, dim)?, Vec::new(), [0, 0]));
    }
    for plan in 0..PLANS {
        let observation = Array2::from_shape_fn(seen, |(step, at)| 256.0 + (plan * 7 + step + at * 3) as f64);
        let noise = Noise::draw(plan as u64, 100, dim);
        for (_, sampler, times, work) in &mut samplers {
            let began = Instant::now();
            let sample = sampler.sample(&mut network.bind(observation.view())?, &noise)?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
            let statistics = sample.statistics();
            *work = [work[0] + statistics.rounds, work[1] + statistics.evaluations];
        }
    }
    for (name, _, mut times, [rounds, rows]) in samplers {
        times.sort_by(f64::total_cmp);
        let [median, least] = [times[PLANS / 2], times[0]];
        let each = |number: usize| number as f64 / PLANS as f64;
        println!("{name}: {median:.1} ms ({least:.1} at least), {:.1} rounds, {:.1} rows", each(rounds), each(rows));
    }
    Ok(())
}

/// A line of the process's status.
fn status(line: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|found| found.strip_prefix(line));
    found.map_or_else(|| "unknown".into(), |found| found.trim().to_owned())
}
