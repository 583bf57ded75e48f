//! A noise level under a Gaussian model of the data.

/// What a change of state at a noise level x = √ᾱ x_0 + √(1−ᾱ) ε means for x̂0 if the data, given the observation, were
/// Gaussian of variance s in every direction:
///
/// ```text
/// Var[x_0 | x]   = 1 / (1/s + ᾱ/(1−ᾱ))
/// ∂E[x_0 | x]/∂x = √ᾱ/(1−ᾱ) Var[x_0 | x]  =  √ᾱ s / (ᾱ s + 1−ᾱ)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// √ᾱ/(1−ᾱ).
    pull: f64,
    /// ᾱ/(1−ᾱ), the signal-to-noise ratio.
    precision: f64,
    /// Var[x_0 | x].
    variance: f64,
}

impl Level {
    /// A level without a model: an innovation is the change of state, whatever the drift means.
    pub const PLAIN: Self = Self { pull: 1.0, precision: 0.0, variance: 1.0 };

    /// The level with `alpha` = √ᾱ and `sigma` = √(1−ᾱ), the latter not 0, for data of `variance` s.
    pub fn new(alpha: f64, sigma: f64, variance: f64) -> Self {
        let precision = (alpha / sigma).powi(2);
        Self { pull: alpha / sigma.powi(2), precision, variance: 1.0 / (1.0 / variance + precision) }
    }

    /// ∂E[x_0 | x]/∂x, from 0 in pure noise to 1 in the data. It is also how far a change of x moves the sample in the
    /// mean, as E[sample | x] = x̂0(x) for a sampler that draws from the data.
    pub fn slope(&self) -> f64 {
        self.pull * self.variance
    }

    /// The slope here of Gaussian data for which that of another level is `gain` times what the model says. Such data has no
    /// more than an infinite variance.
    pub fn slope_like(&self, level: &Self, gain: f64) -> f64 {
        // slope = √ᾱ/(1−ᾱ) / (1/s + ᾱ/(1−ᾱ)), solved for 1/s.
        let inverse_variance = (level.pull / (gain * level.slope()) - level.precision).max(0.0);
        self.pull / (inverse_variance + self.precision)
    }

    /// What state `x` at this level says that state `x_from` at level `from` with its x̂0 did not, times Var[x_0 | x]:
    /// the change of x̂0 under the model,
    ///
    /// ```text
    /// u = Var[x_0 | x] (√ᾱ/(1−ᾱ) x − √ᾱ'/(1−ᾱ') x' − (ᾱ/(1−ᾱ) − ᾱ'/(1−ᾱ')) x̂0')
    /// ```
    ///
    /// At one level it is slope · (x − x').
    pub fn innovation(&self, x: &[f32], from: &Self, x_from: &[f32], denoised_from: &[f32], u: &mut [f64]) {
        let gained = self.precision - from.precision;
        u.iter_mut().zip(x).zip(x_from).for_each(|((u, x), x_from)| {
            *u = self.variance * (self.pull * f64::from(*x) - from.pull * f64::from(*x_from));
        });
        for (u, denoised) in u.iter_mut().zip(denoised_from) {
            *u -= self.variance * gained * f64::from(*denoised);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIANCE: f64 = 0.05;

    /// E[x_0 | x] of Gaussian data with mean 0.3 and the model's variance, in the textbook's other form.
    fn posterior_mean(x: f64, alpha: f64, sigma: f64) -> f64 {
        let s = VARIANCE;
        0.3 + alpha * s / (alpha * alpha * s + sigma * sigma) * (x - alpha * 0.3)
    }

    #[test]
    fn the_innovation_is_the_change_of_x0_on_gaussian_data() {
        let [(a, s), (a_from, s_from)] = [(0.8_f64, 0.6_f64), (0.6, 0.8)];
        let (level, from) = (Level::new(a, s, VARIANCE), Level::new(a_from, s_from, VARIANCE));
        let (x, x_from) = (0.7_f32, -0.4_f32);
        let [new, old] = [posterior_mean(f64::from(x), a, s), posterior_mean(f64::from(x_from), a_from, s_from)];
        let mut u = [0.0];
        level.innovation(&[x], &from, &[x_from], &[old as f32], &mut u);
        assert!((u[0] - (new - old)).abs() < 1e-7, "{u:?} {}", new - old);
    }

    #[test]
    fn the_slope_is_the_derivative_of_x0_on_gaussian_data() {
        let level = Level::new(0.8, 0.6, VARIANCE);
        let difference = posterior_mean(1.0, 0.8, 0.6) - posterior_mean(0.0, 0.8, 0.6);
        assert!((level.slope() - difference).abs() < 1e-12);
    }
}
