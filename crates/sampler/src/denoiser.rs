//! The network as a batch function.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

/// Whatever a denoiser fails with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What is known of a sample before it is drawn: values, and how firmly each is held, as
/// [`Sampler::inpaint`](crate::Sampler::inpaint) takes them. Both are `[D]`.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The values.
    pub values: ArrayView1<'a, f32>,
    /// From 0, not held, to 1.
    pub weights: ArrayView1<'a, f32>,
}

/// A network with its observation bound: noisy action sequences in, predictions out.
pub trait Denoiser {
    /// Predicts for `p` independent rows at once.
    ///
    /// `samples` is `[p, D]`, one flattened action sequence a row, contiguous; `timesteps` holds one training timestep
    /// a row; `prediction` is `[p, D]`, contiguous, and means what the scheduler's `prediction_type` says (ε, x_0 or
    /// v).
    ///
    /// A row's prediction must not depend on the rows beside it, or parallel strategies solve another equation than
    /// the sequential one.
    ///
    /// # Errors
    ///
    /// Anything that keeps the network from predicting; it ends the sample.
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError>;

    /// Values that the network was trained to find in every sample without noise, if any: the observation, where that is a
    /// part of the sample. They are held beside those of [`Sampler::inpaint`](crate::Sampler::inpaint), and take precedence.
    fn known(&self) -> Option<Known<'_>> {
        None
    }
}
