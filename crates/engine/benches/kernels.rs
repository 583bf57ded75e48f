//! What an evaluation takes, layer by layer, and how far that is from what the machine can do.
//!
//! `cargo bench -p parapolicy-engine --bench kernels`
#![allow(clippy::unwrap_used, reason = "a benchmark that fails has nothing to say")]

#[path = "../tests/unet/mod.rs"]
mod unet;

use std::time::{Duration, Instant};

use parapolicy_engine::kernel::{Kernel, Program};
use unet::Random;

fn main() {
    let layers = unet::unet(1, 2, 16, &[64, 128, 256], 8);
    let mut random = Random(2);
    for kernel in Kernel::ALL.into_iter().rev().filter(|kernel| kernel.is_available()) {
        for threads in [1, 2] {
            let mut program = Program::new(&layers, kernel, threads).unwrap();
            print!("{kernel:?} {threads}:");
            let mut one = 0.0;
            for batch in [1, 2, 4, 5, 6, 8, 9, 12, 16, 32] {
                let mut prediction = vec![0.0; batch * 32];
                program.load(batch, |sample, film| {
                    sample.copy_from_slice(&random.numbers(batch * 32, 1.0));
                    film.copy_from_slice(&random.numbers(film.len(), 1.0));
                });
                let time = best(|| program.run(&mut prediction)).as_secs_f64() * 1e6;
                if batch == 1 {
                    one = time;
                }
                print!("  {batch}: {time:.0} us ({:.1})", time / one);
            }
            println!();
        }
    }
}

fn best(mut f: impl FnMut()) -> Duration {
    let begin = Instant::now();
    let mut best = Duration::MAX;
    while begin.elapsed() < Duration::from_millis(400) {
        let start = Instant::now();
        f();
        best = best.min(start.elapsed());
    }
    best
}
