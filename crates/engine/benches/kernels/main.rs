//! What an evaluation takes, layer by layer, and how far that is from what the machine can do.
//!
//! `cargo bench -p parapolicy-engine --bench kernels [-- Avx512] [layers]`: the network is the shipped one's shape with random
//! weights. Times are the best of many, each layer's for itself: a machine with other things to do disturbs some. With
//! `layers`, every layer is listed; a kernel's name leaves out the others.
#![allow(clippy::unwrap_used, reason = "a benchmark that fails has nothing to say")]

mod limits;
#[path = "../../tests/unet/mod.rs"]
mod unet;

use std::time::{Duration, Instant};

use limits::Limits;
use parapolicy_engine::kernel::{Kernel, Program, Work};
use parapolicy_engine::network::{Layer, Layers};
use unet::Random;

const BATCHES: [usize; 6] = [1, 2, 4, 8, 16, 32];
const PATIENCE: Duration = Duration::from_millis(300);

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let detailed = arguments.iter().any(|argument| argument == "layers");
    let kernels = [Kernel::AmxBf16, Kernel::Avx512Bf16, Kernel::Avx512, Kernel::Avx2];
    let named = |kernel: &Kernel| arguments.iter().any(|argument| *argument == format!("{kernel:?}"));
    let any = kernels.iter().any(named);
    let layers = unet::unet(1, 2, 16, &[64, 128, 256], 8);
    for threads in [1, 2] {
        for kernel in kernels.into_iter().filter(|kernel| named(kernel) || !any) {
            if let Some(limits) = Limits::measure(kernel, threads) {
                measure(&layers, kernel, threads, &limits, detailed);
            }
        }
    }
}

fn measure(layers: &Layers, kernel: Kernel, threads: usize, limits: &Limits, detailed: bool) {
    println!("\n{kernel:?}, {threads} threads: {limits}");
    let mut program = Program::new(layers, kernel, threads).unwrap();
    let mut one = None;
    for batch in BATCHES {
        let mut random = Random(2);
        program.load(batch, |sample, film| {
            sample.iter_mut().chain(film).for_each(|number| *number = random.number());
        });
        let (whole, best) = best(&mut program);
        let work = program.work(batch);
        let least: f64 = work.iter().map(|work| limits.least(work)).sum();
        let one = *one.get_or_insert(whole);
        println!(
            "  batch {batch:>2}: {:7.1} us, {:4.1} times batch 1; layers {:7.1} us, {:3.0} % of the limit",
            micros(whole),
            micros(whole) / micros(one),
            micros(best.iter().sum()),
            100.0 * least / micros(best.iter().sum()),
        );
        if detailed {
            for ((layer, work), time) in layers.layers.iter().zip(&work).zip(&best) {
                print(layer, work, limits, *time);
            }
        }
    }
}

/// The best time of a whole evaluation, and of each layer.
fn best(program: &mut Program) -> (Duration, Vec<Duration>) {
    let mut best = program.time();
    let mut whole = Duration::MAX;
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let times = program.time();
        whole = whole.min(times.iter().sum());
        best.iter_mut().zip(times).for_each(|(best, time)| *best = time.min(*best));
    }
    (whole, best)
}

fn print(layer: &Layer, work: &Work, limits: &Limits, time: Duration) {
    let convolution = &layer.convolution;
    println!(
        "    {:>3} -> {:<3} taps {} positions {:>2}: {:6.2} us, {:3.0} % of the limit ({})",
        convolution.inputs,
        convolution.outputs,
        convolution.geometry.taps,
        layer.output.positions,
        micros(time),
        100.0 * limits.least(work) / micros(time),
        limits.binding(work),
    );
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
