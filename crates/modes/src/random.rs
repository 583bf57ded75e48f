//! Randomness that does not depend on the number of threads: every iteration and every block of points has a stream of its own.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rand_distr::{Beta, ChiSquared, Distribution, Gamma, StandardUniform};

/// What a draw is for. Each has streams of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// What is drawn in order, by one thread.
    Serial,
    /// The labels of a block of points.
    Labels(usize),
    /// The tables of a group.
    Tables(usize),
    /// Weights and parameters that are asked for between iterations.
    Report,
    /// The last labels of a split or merge.
    Launch {
        /// Which move of the iteration.
        number: usize,
        /// Which part of the points.
        part: usize,
    },
}

/// The generator for a purpose in an iteration. Iterations and purposes do not share numbers: the seed and the iteration are
/// the key of ChaCha, the purpose is its stream.
pub(crate) fn generator(seed: u64, iteration: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&iteration.to_le_bytes());
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(match purpose {
        Purpose::Serial => 0,
        Purpose::Labels(block) => 1 + block as u64,
        Purpose::Tables(group) => (1 << 60) + group as u64,
        Purpose::Report => 1 << 61,
        // There are fewer than 2³² points, so fewer blocks and parts.
        Purpose::Launch { number, part } => ((1 + number as u64) << 32) + part as u64,
    });
    generator
}

/// Uniform on [0, 1).
pub(crate) fn uniform(generator: &mut ChaCha8Rng) -> f64 {
    StandardUniform.sample(generator)
}

/// A whole number under `bound`, which is not 0.
pub(crate) fn below(generator: &mut ChaCha8Rng, bound: usize) -> usize {
    // The bias of this is under 2⁻²⁰ for as many points as there may be.
    ((uniform(generator) * bound as f64) as usize).min(bound - 1)
}

/// The logarithm of Gamma(shape, 1). For small shapes the number itself would be 0: Gamma(a) = Gamma(a+1) U^{1/a}.
pub(crate) fn log_gamma_variate(generator: &mut ChaCha8Rng, shape: f64) -> f64 {
    let draw =
        |generator: &mut ChaCha8Rng, shape: f64| Gamma::new(shape, 1.0).map_or(0.0, |gamma| gamma.sample(generator));
    if shape >= 1.0 {
        return draw(generator, shape).ln();
    }
    let larger = draw(generator, shape + 1.0).ln();
    larger + (1.0 - uniform(generator)).ln() / shape
}

/// Logarithms of Dirichlet weights, into `weights`, which holds their parameters.
pub(crate) fn log_dirichlet(generator: &mut ChaCha8Rng, weights: &mut [f64]) {
    weights.iter_mut().for_each(|weight| *weight = log_gamma_variate(generator, *weight));
    let total = log_sum_exp(weights);
    weights.iter_mut().for_each(|weight| *weight -= total);
}

/// χ² with `degrees` of freedom.
pub(crate) fn chi_squared(generator: &mut ChaCha8Rng, degrees: f64) -> f64 {
    ChiSquared::new(degrees).map_or(degrees, |chi| chi.sample(generator))
}

/// Beta(a, b).
pub(crate) fn beta(generator: &mut ChaCha8Rng, a: f64, b: f64) -> f64 {
    Beta::new(a, b).map_or(0.5, |beta| beta.sample(generator))
}

/// log Σ exp.
pub(crate) fn log_sum_exp(values: &[f64]) -> f64 {
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match top.is_finite() {
        true => top + values.iter().map(|value| (value - top).exp()).sum::<f64>().ln(),
        false => top,
    }
}

/// An index with probability ∝ exp(`weights`).
pub(crate) fn categorical(generator: &mut ChaCha8Rng, weights: &[f64]) -> usize {
    let total = log_sum_exp(weights);
    let mut left = uniform(generator);
    for (index, weight) in weights.iter().enumerate() {
        left -= (weight - total).exp();
        if left < 0.0 {
            return index;
        }
    }
    weights.iter().rposition(|weight| *weight > f64::NEG_INFINITY).unwrap_or(0)
}
