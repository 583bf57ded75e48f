//! Inpainting: values of a sample that are known before it is drawn.
//!
//! In every step the known values take the place of the network's, as far as they are held firm:
//!
//! ```text
//! x̂0_i ← x̂0_i + w_i (known_i − x̂0_i)          w_i in [0, 1]
//! x_i  ← known_i                               where w_i = 1
//! ```
//!
//! A value with w = 1 stands in every state as it is, without noise, so that is how the network is shown it: Diffuser's
//! inpainting (Janner et al. 2022, arXiv 2205.09991), which Diffusion Policy has too. Shown under the noise of the step
//! instead, as in replacement (Lugmayr et al. 2022, arXiv 2201.09865, algorithm 1), it tells the network less about the values around it. It
//! is part of the recurrence, so every strategy iterates to the same sample, and no gradient is taken. It is not a draw
//! given the known values: the network takes them to be noisy, the more so the earlier the step. It is one for a network that
//! was trained on samples with these values known, which hands them over itself ([`Denoiser::known`](crate::Denoiser::known)).

use ndarray::ArrayView1;

use crate::denoiser::Known;
use crate::error::ConfigError;

/// Known values and how firmly each is held, `[D]`.
#[derive(Clone, Debug)]
pub(crate) struct Inpainting {
    values: Vec<f32>,
    weights: Vec<f32>,
    /// Whether any is held at all.
    active: bool,
}

impl Inpainting {
    /// Nothing known of samples of `dim` values.
    pub fn none(dim: usize) -> Self {
        Self { values: vec![0.0; dim], weights: vec![0.0; dim], active: false }
    }

    /// Forgets what is known.
    pub fn clear(&mut self) {
        self.weights.fill(0.0);
        self.active = false;
    }

    /// Replaces what is known, after checking it.
    pub fn set(&mut self, values: ArrayView1<'_, f32>, weights: ArrayView1<'_, f32>) -> Result<(), ConfigError> {
        self.check(values, weights)?;
        self.clear();
        self.take(values, weights);
        Ok(())
    }

    /// Adds to what is known, after checking it; it takes precedence over what was known.
    pub fn add(&mut self, Known { values, weights }: Known<'_>) -> Result<(), ConfigError> {
        self.check(values, weights)?;
        self.take(values, weights);
        Ok(())
    }

    fn check(&self, values: ArrayView1<'_, f32>, weights: ArrayView1<'_, f32>) -> Result<(), ConfigError> {
        let dim = self.values.len();
        for (field, found) in [("known values", values.len()), ("weights of the known values", weights.len())] {
            if found != dim {
                return Err(ConfigError::out_of_range(field, &format!("{found} numbers"), format!("{dim} numbers")));
            }
        }
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(ConfigError::out_of_range("known values", value, "finite"));
        }
        if let Some(weight) = weights.iter().find(|weight| !(0.0..=1.0).contains(*weight)) {
            return Err(ConfigError::out_of_range("weights of the known values", weight, "from 0 to 1"));
        }
        Ok(())
    }

    /// Holds the values that have a weight.
    fn take(&mut self, values: ArrayView1<'_, f32>, weights: ArrayView1<'_, f32>) {
        for (i, (&value, &weight)) in values.iter().zip(weights).enumerate() {
            if weight > 0.0 {
                (self.values[i], self.weights[i]) = (value, weight);
                self.active = true;
            }
        }
    }

    /// Holds a drift: x̂0, `[D]`, and the excess, `[D]` or empty, which is the network's and goes as its x̂0 does.
    pub fn hold(&self, denoised: &mut [f32], excess: &mut [f32]) {
        if !self.active {
            return;
        }
        for ((denoised, value), weight) in denoised.iter_mut().zip(&self.values).zip(&self.weights) {
            *denoised = blend(*denoised, *value, *weight);
        }
        excess.iter_mut().zip(&self.weights).for_each(|(excess, weight)| *excess *= 1.0 - weight);
    }

    /// Writes the values that are held all the way into a state, `[D]`.
    pub fn settle(&self, state: &mut [f32]) {
        if !self.active {
            return;
        }
        for ((state, value), weight) in state.iter_mut().zip(&self.values).zip(&self.weights) {
            if *weight == 1.0 {
                *state = *value;
            }
        }
    }
}

/// From `free` to `known`, both ends to the bit.
fn blend(free: f32, known: f32, weight: f32) -> f32 {
    match weight {
        0.0 => free,
        1.0 => known,
        _ => free + weight * (known - free),
    }
}
