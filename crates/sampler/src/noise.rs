//! All the noise of a sample, drawn before its first step.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rand_distr::{Distribution as _, StandardNormal, StandardUniform};

use crate::affine_table::Table;
use crate::error::NoiseError;

/// Standard normal noise: the initial state x_0 and one ξ_j for every step.
///
/// It depends on nothing but its seed and its shape, so every strategy can be run on the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    initial: Array1<f32>,
    steps: Array2<f32>,
    uniforms: Vec<f64>,
    fingerprint: u64,
}

impl Noise {
    /// Draws noise for `steps` steps of `dim` values: x_0 first, then ξ_0, ξ_1, …, from `ChaCha8` seeded with `seed`.
    ///
    /// ```
    /// use parapolicy_sampler::Noise;
    ///
    /// assert_eq!(Noise::draw(1, 10, 32), Noise::draw(1, 10, 32));
    /// assert_ne!(Noise::draw(1, 10, 32), Noise::draw(2, 10, 32));
    /// ```
    pub fn draw(seed: u64, steps: usize, dim: usize) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = || StandardNormal.sample(&mut generator);
        let initial = Array1::from_shape_simple_fn(dim, &mut normal);
        Self::assemble(initial, Array2::from_shape_simple_fn((steps, dim), normal))
    }

    /// Takes noise drawn elsewhere: `initial` is x_0, `[D]`; `steps` is ξ, `[N, D]`.
    ///
    /// # Errors
    ///
    /// [`NoiseError`] if the widths differ or a value is not finite.
    pub fn from_parts(initial: Array1<f32>, steps: Array2<f32>) -> Result<Self, NoiseError> {
        if steps.ncols() != initial.len() {
            return Err(NoiseError::Width { expected: initial.len(), found: steps.ncols() });
        }
        if let Some((index, _)) = initial.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(NoiseError::NotFinite { field: "initial_noise", index: vec![index] });
        }
        if let Some(((step, index), _)) = steps.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(NoiseError::NotFinite { field: "step_noise", index: vec![step, index] });
        }
        // Rows are handed out as slices.
        let steps = if steps.is_standard_layout() { steps } else { steps.as_standard_layout().into_owned() };
        Ok(Self::assemble(initial, steps))
    }

    /// Moves x_0 and every ξ_j forward by `values` and draws what is missing at their ends from `ChaCha8` seeded with
    /// `seed`: still standard normal noise, and what a plan and the one after it have in common in time they have in
    /// common in noise.
    pub fn shift(&mut self, values: usize, seed: u64) {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let rows = std::iter::once(self.initial.view_mut()).chain(self.steps.rows_mut());
        for mut row in rows {
            for i in 0..row.len() {
                let kept = i.checked_add(values).and_then(|from| row.get(from).copied());
                row[i] = kept.unwrap_or_else(|| StandardNormal.sample(&mut generator));
            }
        }
        self.derive();
    }

    /// Noise from which `table` denoises `sample` again: x_0 becomes √ᾱ sample + √(1−ᾱ) x_0, with ᾱ of the table's first
    /// step. `sample` is as long as x_0.
    #[must_use]
    pub fn around(mut self, sample: ArrayView1<'_, f32>, table: &Table) -> Self {
        if let Some(step) = table.rows().first() {
            self.initial.zip_mut_with(&sample, |x, sample| *x = step.alpha * sample + step.sigma * *x);
        }
        self.derive();
        self
    }

    /// Derives what follows from the normal noise.
    fn derive(&mut self) {
        self.fingerprint = fingerprint(self.initial.iter().chain(&self.steps));
        let mut generator = ChaCha8Rng::seed_from_u64(self.fingerprint);
        self.uniforms.fill_with(|| StandardUniform.sample(&mut generator));
    }

    fn assemble(initial: Array1<f32>, steps: Array2<f32>) -> Self {
        let mut noise = Self { uniforms: vec![0.0; steps.nrows()], initial, steps, fingerprint: 0 };
        noise.derive();
        noise
    }

    /// x_0, `[D]`.
    pub fn initial(&self) -> ArrayView1<'_, f32> {
        self.initial.view()
    }

    /// ξ, `[N, D]`.
    pub fn steps(&self) -> ArrayView2<'_, f32> {
        self.steps.view()
    }

    /// One number in [0, 1) a step, `[N]`, for strategies that accept or reject by chance. They follow from the normal
    /// noise (a generator seeded with its bits), so noise that was drawn elsewhere has them too.
    pub fn uniforms(&self) -> &[f64] {
        &self.uniforms
    }

    /// As much more chance as a strategy needs, which follows from the normal noise as the uniforms do.
    pub(crate) fn generator(&self) -> ChaCha8Rng {
        let mut generator = ChaCha8Rng::seed_from_u64(self.fingerprint);
        // The first stream has gone into the uniforms.
        generator.set_stream(1);
        generator
    }
}

/// FNV-1a over the values' bits.
fn fingerprint<'a>(values: impl Iterator<Item = &'a f32>) -> u64 {
    values.fold(0xcbf2_9ce4_8422_2325, |hash, value| (hash ^ u64::from(value.to_bits())).wrapping_mul(0x0100_0000_01b3))
}
