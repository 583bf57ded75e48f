//! The time of a batch of p rows.

use std::time::{Duration, Instant};

use ndarray::{Array2, s};
use parapolicy_sampler::{BoxError, Denoiser, Noise};
use rand::{SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;

use super::BatchTime;

/// The p that are measured: every one while a single row is a large change, then in steps of about an eighth.
const ROWS: [usize; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128];

/// A small batch is repeated until this many rows were evaluated, as a plan's rounds follow each other too.
const ROWS_A_VISIT: usize = 8;

/// Minimum and maximum number of passes; every pass visits each p once.
const PASSES: [usize; 2] = [5, 60];
const TIME: Duration = Duration::from_secs(5);

/// Times batches of noise, of all sizes in turn and in another order each time, so that other load affects all sizes
/// alike. `None` if `stopped` says so in between.
pub(super) fn batch_times(
    denoiser: &mut dyn Denoiser,
    dim: usize,
    timestep: f32,
    stopped: &dyn Fn() -> bool,
) -> Result<Option<Vec<BatchTime>>, BoxError> {
    let mut bench = Bench::new(denoiser, dim, timestep);
    let mut times = ROWS.map(|_| Vec::new());
    // The first batches of a size find memory unmapped and caches cold.
    for rows in ROWS {
        if stopped() {
            return Ok(None);
        }
        bench.visit(rows, &mut Vec::new())?;
    }
    let mut order: Vec<usize> = (0..ROWS.len()).collect();
    let mut generator = ChaCha8Rng::seed_from_u64(0);
    let started = Instant::now();
    for pass in 0..PASSES[1] {
        if pass >= PASSES[0] && started.elapsed() >= TIME {
            break;
        }
        order.shuffle(&mut generator);
        for &size in &order {
            if stopped() {
                return Ok(None);
            }
            bench.visit(ROWS[size], &mut times[size])?;
        }
    }
    Ok(Some(ROWS.into_iter().zip(times).map(|(rows, times)| BatchTime::of(rows, times)).collect()))
}

/// Minimum and maximum number of visits of a single row.
const VISITS: [usize; 2] = [3, 40];
const ROW_TIME: Duration = Duration::from_millis(200);

/// The median time of a batch of one row, in milliseconds.
pub(crate) fn row_ms(denoiser: &mut dyn Denoiser, dim: usize, timestep: f32) -> Result<f64, BoxError> {
    let mut bench = Bench::new(denoiser, dim, timestep);
    bench.visit(1, &mut Vec::new())?;
    let mut times = Vec::new();
    let started = Instant::now();
    for visit in 0..VISITS[1] {
        if visit >= VISITS[0] && started.elapsed() >= ROW_TIME {
            break;
        }
        bench.visit(1, &mut times)?;
    }
    Ok(BatchTime::of(1, times).median_ms)
}

/// A network, and batches to time it with.
struct Bench<'a> {
    denoiser: &'a mut dyn Denoiser,
    noise: Noise,
    timesteps: Vec<f32>,
    prediction: Array2<f32>,
}

impl<'a> Bench<'a> {
    fn new(denoiser: &'a mut dyn Denoiser, dim: usize, timestep: f32) -> Self {
        let most = ROWS[ROWS.len() - 1];
        let prediction = Array2::zeros((most, dim));
        Self { denoiser, noise: Noise::draw(0, most, dim), timesteps: vec![timestep; most], prediction }
    }

    /// Batches of this size, each in milliseconds.
    fn visit(&mut self, rows: usize, times: &mut Vec<f64>) -> Result<(), BoxError> {
        for _ in 0..(ROWS_A_VISIT / rows).max(1) {
            times.push(self.time(rows)?);
        }
        Ok(())
    }

    /// One batch, in milliseconds.
    fn time(&mut self, rows: usize) -> Result<f64, BoxError> {
        let samples = self.noise.steps().slice_move(s![..rows, ..]);
        let prediction = self.prediction.slice_mut(s![..rows, ..]);
        let started = Instant::now();
        self.denoiser.predict(samples, &self.timesteps[..rows], prediction)?;
        Ok(milliseconds(started.elapsed()))
    }
}

impl BatchTime {
    fn of(rows: usize, mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[(share * (times.len() - 1) as f64).round() as usize];
        Self { rows, median_ms: at(0.5), p10_ms: at(0.1), p90_ms: at(0.9) }
    }
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    1e3 * time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayView2, ArrayViewMut2};

    use super::*;

    /// Records the batch sizes of its calls.
    #[derive(Default)]
    struct Asked(Vec<usize>);

    impl Denoiser for Asked {
        fn predict(
            &mut self,
            samples: ArrayView2<'_, f32>,
            timesteps: &[f32],
            prediction: ArrayViewMut2<'_, f32>,
        ) -> Result<(), BoxError> {
            assert_eq!((samples.dim(), timesteps.len()), (prediction.dim(), samples.nrows()));
            self.0.push(samples.nrows());
            Ok(())
        }
    }

    #[test]
    fn every_pass_asks_for_every_size_in_another_order() {
        let mut asked = Asked::default();
        let times = batch_times(&mut asked, 3, 50.0, &|| false).unwrap().unwrap();
        assert!(times.iter().map(|time| time.rows).eq(ROWS));
        assert!(times.iter().all(|time| time.p10_ms <= time.median_ms && time.median_ms <= time.p90_ms));
        let mut whole: Vec<usize> = ROWS.iter().flat_map(|&rows| vec![rows; (8 / rows).max(1)]).collect();
        let passes: Vec<&[usize]> = asked.0.chunks(whole.len()).collect();
        assert_eq!(passes.len(), 1 + PASSES[1], "a warm-up, then as many as may be of a network that costs nothing");
        whole.sort_unstable();
        for pass in &passes {
            let mut sorted = pass.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, whole);
        }
        assert_ne!(passes[1], passes[2]);
    }
}
