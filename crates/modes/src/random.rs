//! Randomness that does not depend on the number of threads: every iteration and every block of points has a stream of its own.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rand_distr::{Beta, ChiSquared, Distribution, Exp1, Gamma, StandardUniform};

/// What a draw is for. Each has streams of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// What is drawn in order, by one thread.
    Serial,
    /// The labels of a block of points.
    Labels(usize),
    /// The tables of a group.
    Tables(usize),
    /// The words of a topic.
    Words(usize),
    /// Weights of the topics in a document, and of its words the topics.
    Document(usize),
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
        Purpose::Words(topic) => (2 << 60) + topic as u64,
        Purpose::Document(document) => (3 << 60) + document as u64,
        Purpose::Report => 4 << 60,
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

/// Gamma(shape, 1) of one shape, many times. A shape a under 1 is drawn as by Ahrens & Dieter (1974), GS, with b = 1 + a/e:
///
/// ```text
/// with probability 1/b   x = exp(−E/a),  accepted with exp(−x);      else   x = 1 + E,  accepted with x^{a−1};      E ~ Exp(1)
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) enum GammaVariates {
    /// a, 1/a and b.
    Small([f64; 3]),
    /// None where the shape is no number that can be used.
    Large(Option<Gamma<f64>>),
}

impl GammaVariates {
    pub fn new(shape: f64) -> Self {
        match shape > 0.0 && shape < 1.0 {
            true => Self::Small([shape, shape.recip(), 1.0 + shape / std::f64::consts::E]),
            false => Self::Large(Gamma::new(shape, 1.0).ok()),
        }
    }

    pub fn sample(&self, generator: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::Small(constants) => small_gamma(generator, constants),
            Self::Large(gamma) => gamma.map_or(0.0, |gamma| gamma.sample(generator)),
        }
    }
}

fn small_gamma(generator: &mut ChaCha8Rng, [shape, inverse, b]: &[f64; 3]) -> f64 {
    loop {
        let side = uniform(generator) * b;
        let exponential: f64 = Exp1.sample(generator);
        // What is left of the number that has chosen the side is uniform again.
        if side < 1.0 {
            let x = (-exponential * inverse).exp();
            if side < 1.0 - x || side < (-x).exp() {
                return x;
            }
        } else {
            let x = 1.0 + exponential;
            if (side - 1.0) < (b - 1.0) * x.powf(shape - 1.0) {
                return x;
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of Gamma(a, 1) are a, its mean logarithm is digamma(a).
    #[test]
    fn small_shapes_have_their_moments() {
        const DRAWS: usize = 200_000;
        let mut generator = generator(4, 0, Purpose::Serial);
        // digamma, from tables.
        for (shape, log) in
            [(0.1, -10.423_754_940_411_076), (0.5, -1.963_510_026_021_423_5), (0.9, -0.754_926_949_940_513)]
        {
            let variates = GammaVariates::new(shape);
            let drawn: Vec<f64> = (0..DRAWS).map(|_| variates.sample(&mut generator)).collect();
            let mean = |of: &dyn Fn(f64) -> f64| drawn.iter().map(|x| of(*x)).sum::<f64>() / DRAWS as f64;
            // Standard errors: the root of a, of the fourth moment, and of trigamma(a) < 1/a + 1/a².
            let error = |variance: f64| 4.5 * (variance / DRAWS as f64).sqrt();
            assert!((mean(&|x| x) - shape).abs() < error(shape), "{shape}");
            assert!(
                (mean(&|x| (x - shape).powi(2)) - shape).abs() < error(2.0 * shape * shape + 6.0 * shape),
                "{shape}"
            );
            assert!((mean(&f64::ln) - log).abs() < error(1.0 / shape + 1.0 / shape.powi(2)), "{shape}");
        }
    }
}
