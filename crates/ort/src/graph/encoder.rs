//! The graph that encodes observations. It is run on the processor, whatever runs the denoiser.

use ort::{session::Session, value::TensorRef};
use parapolicy_policy::{EncoderGraph, GraphError, GraphFile, GraphTensors, Manifest, OpenEncoder, PredictError};

use super::{Execution, cannot_run, open, tensors};
use crate::Runtime;

/// An open session.
#[derive(Debug)]
pub(crate) struct Encoder {
    session: Session,
    /// Name of the output.
    output: String,
    /// Shape of an observation and of its features.
    seen: [usize; 2],
    encoded: [usize; 2],
}

impl Encoder {
    pub fn open(
        file: &GraphFile,
        manifest: &Manifest,
        encoder: &EncoderGraph,
        runtime: &Runtime,
        how: Execution,
    ) -> Result<Self, GraphError> {
        let session = open(file, runtime, how.threads, how.idle)?;
        let checked = GraphTensors::encoder(&tensors(&session), manifest, encoder);
        checked.map_err(|problem| GraphError::Mismatch { path: file.path().to_path_buf(), problem })?;
        Ok(Self {
            session,
            output: encoder.features.clone(),
            seen: [manifest.n_obs_steps, manifest.told_dim()],
            encoded: [manifest.n_obs_steps, encoder.size],
        })
    }
}

impl OpenEncoder for Encoder {
    fn run(&mut self, observations: &[f32], features: &mut Vec<f32>) -> Result<(), PredictError> {
        let plans = observations.len() / (self.seen[0] * self.seen[1]);
        let [seen, encoded] = [self.seen, self.encoded].map(|[steps, dim]| [plans, steps, dim]);
        let input = TensorRef::from_array_view((seen, observations)).map_err(cannot_run)?;
        let outputs = self.session.run([input.into()]).map_err(cannot_run)?;
        let (shape, values) = outputs[self.output.as_str()].try_extract_tensor::<f32>().map_err(cannot_run)?;
        // The graph may have left sizes open until now.
        if !shape.iter().map(|&size| size as usize).eq(encoded) {
            let found = shape.iter().map(|&size| size as usize).collect();
            let what = "the shape of the encoder's features";
            return Err(PredictError::Shape { what, found, expected: encoded.to_vec() });
        }
        features.clear();
        features.extend_from_slice(values);
        Ok(())
    }
}
