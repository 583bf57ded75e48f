//! An optimiser's steps as steps of a recurrence.

/// Adam (Kingma & Ba 2014, arXiv 1412.6980, algorithm 1), for a [`Recurrence`](super::Recurrence) whose steps are an
/// optimiser's (Zhou et al. 2023, arXiv 2311.17082). With the gradient g at the parameters θ, k = 0, 1, …:
///
/// ```text
/// m' = β₁ m + (1 − β₁) g
/// v' = β₂ v + (1 − β₂) g²
/// θ' = θ − rate · m' / (1 − β₁^{k+1}) / (√(v' / (1 − β₂^{k+1})) + ϵ)
/// ```
///
/// A state is θ, m and v one after the other: three times as wide as a gradient. Only θ need be compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// β₁.
    pub beta1: f32,
    /// β₂.
    pub beta2: f32,
    /// ϵ.
    pub epsilon: f32,
}

impl Default for Adam {
    /// The paper's.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl Adam {
    /// Values in a state of `parameters` parameters.
    pub fn width(parameters: usize) -> usize {
        3 * parameters
    }

    /// Step `step`, from 0, at the learning rate `rate`: `next` begins with the gradient, `[parameters]`, and ends as
    /// the state after `state`.
    ///
    /// ```
    /// use parapolicy_sampler::window::Adam;
    ///
    /// let mut next = [2.0, 0.0, 0.0];
    /// Adam::default().advance(0, 0.1, &[5.0, 0.0, 0.0], &mut next);
    /// assert!((next[0] - 4.9).abs() < 1e-6, "the first step is as long as the rate");
    /// ```
    pub fn advance(&self, step: usize, rate: f32, state: &[f32], next: &mut [f32]) {
        let parameters = state.len() / 3;
        let corrected = |beta: f32| (1.0 - f64::from(beta).powf(step as f64 + 1.0)) as f32;
        let (first, second) = (corrected(self.beta1), corrected(self.beta2));
        for i in 0..parameters {
            let gradient = next[i];
            let mean = self.beta1 * state[parameters + i] + (1.0 - self.beta1) * gradient;
            let square = self.beta2 * state[2 * parameters + i] + (1.0 - self.beta2) * gradient * gradient;
            next[i] = state[i] - rate * (mean / first) / ((square / second).sqrt() + self.epsilon);
            next[parameters + i] = mean;
            next[2 * parameters + i] = square;
        }
    }
}
