//! The network as a batch function.

use ndarray::{ArrayView2, ArrayViewMut2};

/// Whatever a denoiser fails with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

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
    /// Anything that keeps the network from answering; it ends the sample.
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[i64],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError>;
}
