//! One word of a vocabulary, and a symmetric Dirichlet prior: a point is the index of a word.
//!
//! ```text
//! phi ~ Dir(λ, …, λ),  x ~ phi       c_v: how often word v occurs,  N = Σ c
//! log ml = log Γ(V λ) − log Γ(V λ + N) + Σ_v log Γ(λ + c_v) − log Γ(λ)
//! ```

use libm::lgamma;
use rand_chacha::ChaCha8Rng;

use super::Component;
use crate::{
    error::{ModesError, positive},
    points::{Block, Points},
    random::GammaVariates,
};

/// A distribution over `V` words.
#[derive(Clone, Debug)]
pub struct Categorical {
    words: usize,
    pseudo_count: f64,
}

/// Probabilities of the words, but for their sum.
#[derive(Clone, Debug)]
pub struct CategoricalParameters {
    rates: Vec<f64>,
    log_total: f64,
}

impl CategoricalParameters {
    fn log_probability(&self, word: f64) -> f64 {
        self.rates[word as usize].ln() - self.log_total
    }
}

impl Categorical {
    /// Of so many `words`, V, under the prior Dir(`pseudo_count`), λ of every word.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if there are no words, or more than 4294967295, or the pseudo-count is not positive and finite.
    pub fn new(words: usize, pseudo_count: f64) -> Result<Self, ModesError> {
        if words == 0 || u32::try_from(words).is_err() {
            return Err(ModesError::out_of_range("words", words, "1 to 4294967295"));
        }
        Ok(Self { words, pseudo_count: positive("pseudo_count", pseudo_count)? })
    }

    /// V.
    pub fn words(&self) -> usize {
        self.words
    }

    /// λ.
    pub fn pseudo_count(&self) -> f64 {
        self.pseudo_count
    }

    /// P(word), its parameters integrated out: (λ + c_v) / (V λ + N).
    pub(crate) fn predictive(&self, statistics: &[f64], word: usize) -> f64 {
        (self.pseudo_count + statistics[1 + word]) / (self.words as f64 * self.pseudo_count + statistics[0])
    }

    /// phi | x but for its sum, which is returned: a word after the other into `rates`.
    pub(crate) fn draw_rates(
        &self,
        statistics: &[f64],
        generator: &mut ChaCha8Rng,
        rates: impl Iterator<Item = impl FnOnce(f64)>,
    ) -> f64 {
        // Most words do not occur.
        let absent = GammaVariates::new(self.pseudo_count);
        let mut total = 0.0;
        for (write, count) in rates.zip(&statistics[1..]) {
            let rate = match *count {
                0.0 => absent.sample(generator),
                count => GammaVariates::new(self.pseudo_count + count).sample(generator),
            };
            // A rate that is too small for a number is the smallest: it is drawn with a probability of 10⁻³⁰⁰ either way.
            let rate = rate.max(f64::MIN_POSITIVE);
            total += rate;
            write(rate);
        }
        total
    }
}

impl Component for Categorical {
    type Parameters = CategoricalParameters;

    /// One: a word's index.
    fn dim(&self) -> usize {
        1
    }

    /// The count of points; the count of each word.
    fn statistics_len(&self) -> usize {
        1 + self.words
    }

    fn add(&self, statistics: &mut [f64], point: &[f64], sign: f64) {
        statistics[0] += sign;
        statistics[1 + point[0] as usize] += sign;
    }

    fn log_marginal(&self, statistics: &[f64]) -> f64 {
        let total = self.words as f64 * self.pseudo_count;
        let present = statistics[1..].iter().filter(|count| **count > 0.0);
        let of_none = lgamma(self.pseudo_count);
        let words: f64 = present.map(|count| lgamma(self.pseudo_count + count) - of_none).sum();
        lgamma(total) - lgamma(total + statistics[0]) + words
    }

    fn draw(&self, statistics: &[f64], generator: &mut ChaCha8Rng) -> CategoricalParameters {
        let mut rates = vec![0.0; self.words];
        let total = self.draw_rates(statistics, generator, rates.iter_mut().map(|rate| |drawn| *rate = drawn));
        CategoricalParameters { rates, log_total: total.ln() }
    }

    fn log_densities(&self, parameters: &CategoricalParameters, block: Block<'_>, densities: &mut [f64]) {
        let words = densities.iter_mut().zip(block.column(0));
        words.take(block.len()).for_each(|(density, word)| *density = parameters.log_probability(*word));
    }

    fn log_density(&self, parameters: &CategoricalParameters, point: &[f64]) -> f64 {
        parameters.log_probability(point[0])
    }

    fn check(&self, points: &Points) -> Result<(), ModesError> {
        let found = points.dim();
        if found != 1 {
            return Err(ModesError::Shape { field: "points", what: "columns", expected: 1, found });
        }
        let of_vocabulary = |value: f64| value >= 0.0 && value.fract() == 0.0 && value < self.words as f64;
        match (0..points.len()).find(|point| !of_vocabulary(points.value(*point, 0))) {
            None => Ok(()),
            Some(point) => Err(ModesError::Point {
                point,
                column: 0,
                value: points.value(point, 0),
                expected: "the index of a word: whole, from 0, and less than the number of words",
            }),
        }
    }
}
