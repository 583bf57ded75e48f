//! What the sampler itself costs: the network is replaced by one that takes no time. Items are rounds.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use ndarray::{ArrayView2, ArrayViewMut2, Zip};
use parapolicy_sampler::{
    BetaSchedule, BoxError, Denoiser, Noise, Sampler, SchedulerConfig, Solver, Strategy, Table, WindowConfig,
};

const STEPS: usize = 100;
/// Sixteen actions of two values.
const DIM: usize = 32;

fn main() {
    divan::main();
}

/// ε̂ = 0.9 x: about the noise, and hardly any arithmetic.
struct Instant;

impl Denoiser for Instant {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        _timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        Zip::from(prediction).and(samples).for_each(|prediction, sample| *prediction = 0.9 * sample);
        Ok(())
    }
}

#[divan::bench(args = ["sequential", "paradigms", "picard"])]
fn sample(bencher: Bencher<'_, '_>, name: &str) {
    let config = SchedulerConfig {
        num_train_timesteps: STEPS,
        beta_schedule: BetaSchedule::SquaredcosCapV2,
        ..SchedulerConfig::default()
    };
    // Tolerance 0: as many rounds as there can be.
    let windows = WindowConfig { window: 20, tolerance: 0.0 };
    let made = Table::new(&config, Solver::Ddpm, STEPS).and_then(|table| {
        let strategy = name.parse::<Strategy>()?.with_window(windows);
        Sampler::new(table, strategy, DIM)
    });
    let mut sampler = match made {
        Ok(sampler) => sampler,
        Err(error) => return eprintln!("{error}"),
    };
    let noise = Noise::draw(0, STEPS, DIM);
    let rounds = sampler.sample(&mut Instant, &noise).map_or(0, |sample| sample.statistics().rounds);
    bencher.counter(ItemsCount::new(rounds)).bench_local(|| sampler.sample(&mut Instant, black_box(&noise)).is_ok());
}
