//! The time of an evaluation, layer by layer, compared with the limits of the machine.
//!
//! `cargo bench -p parapolicy-engine --bench kernels [-- Avx512] [original] [layers] [json=FILE]`: the network has the
//! shipped one's shape and random weights, or Diffusion Policy's own widths. Times are the best of many, taken for each layer
//! separately, because other work on the machine disturbs some. With `layers`, every layer is listed; a kernel's name leaves
//! out the other kernels. The file has all results.
#![allow(clippy::unwrap_used, reason = "a benchmark that fails has nothing to say")]

mod report;
#[path = "../../tests/unet/networks.rs"]
mod unet;

use std::time::{Duration, Instant};

use parapolicy_engine::kernel::{Kernel, Program};
use parapolicy_engine::limits::Limits;
use parapolicy_engine::network::Layers;
use report::{Batch, Report};
use unet::Random;

const BATCHES: [usize; 6] = [1, 2, 4, 8, 16, 32];
const PATIENCE: Duration = Duration::from_millis(300);

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let asked = |name: &str| arguments.iter().any(|argument| argument == name);
    let kernels = [Kernel::AmxBf16, Kernel::Avx512Bf16, Kernel::Avx512, Kernel::Avx2];
    let named = |kernel: &Kernel| asked(&format!("{kernel:?}"));
    let any = kernels.iter().any(named);
    let widths = if asked("original") { [256, 512, 1024] } else { [64, 128, 256] };
    let layers = unet::unet(1, 2, 16, &widths, 8);
    let mut reports = vec![];
    for threads in [1, 2] {
        for kernel in kernels.into_iter().filter(|kernel| kernel.is_available() && (named(kernel) || !any)) {
            reports.extend(measure(&layers, &widths, kernel, threads, asked("layers")));
        }
    }
    if let Some(file) = arguments.iter().find_map(|argument| argument.strip_prefix("json=")) {
        std::fs::write(file, serde_json::to_string_pretty(&reports).unwrap()).unwrap();
    }
}

fn measure(layers: &Layers, widths: &[usize], kernel: Kernel, threads: usize, detailed: bool) -> Option<Report> {
    let mut program = Program::new(layers.clone(), kernel, threads).unwrap();
    let weights = |batch| program.work(batch).iter().map(|work| work.weights).sum();
    let mut weights = [1, 2].map(weights).to_vec();
    weights.dedup();
    let mut report = Report::new(kernel, threads, widths, Limits::measure(kernel, threads, &weights)?);
    println!("{report}");
    for rows in BATCHES {
        let mut random = Random(2);
        program.load(rows, |sample, film| {
            sample.iter_mut().chain(film).for_each(|number| *number = random.number());
        });
        let (whole, times) = best(&mut program);
        let times: Vec<_> = times.into_iter().map(micros).collect();
        let batch = Batch::new(rows, micros(whole), &program.work(rows), &times, &layers.steps, &report.limits);
        println!("{batch}");
        batch.layers.iter().filter(|_| detailed).for_each(|layer| println!("{layer}"));
        report.batches.push(batch);
    }
    Some(report)
}

/// The best time of a whole evaluation, and of each layer.
fn best(program: &mut Program) -> (Duration, Vec<Duration>) {
    let mut best = program.time();
    let mut whole = Duration::MAX;
    let begin = Instant::now();
    while whole == Duration::MAX || begin.elapsed() < PATIENCE {
        let times = program.time();
        whole = whole.min(times.iter().sum());
        best.iter_mut().zip(times).for_each(|(best, time)| *best = time.min(*best));
    }
    (whole, best)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
