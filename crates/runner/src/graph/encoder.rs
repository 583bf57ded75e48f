//! The graph that encodes observations. ONNX Runtime runs it, whatever runs the denoiser.

use std::path::Path;

use ort::{session::Session, value::TensorRef};

use super::{GraphError, Outlets, check, onnx, verified};
use crate::{EncoderGraph, Manifest, PolicyError, PredictError, Provider, ProviderName, Runtime};

/// An open session, and what it last made of observations.
#[derive(Debug)]
pub(crate) struct Encoder {
    session: Session,
    /// Name of the output.
    output: String,
    /// Shape of an observation and of its features.
    seen: [usize; 2],
    encoded: [usize; 2],
    features: Vec<f32>,
}

impl Encoder {
    /// The encoder that the manifest names, if it names one.
    pub fn open(dir: &Path, manifest: &Manifest, provider: &Provider) -> Result<Option<Self>, PolicyError> {
        let Some(encoder) = &manifest.encoder else { return Ok(None) };
        let path = verified(dir, &encoder.file, &encoder.sha256)?;
        let runtime = match provider.runtime() {
            Some(runtime) => runtime.clone(),
            None => Runtime::find_or_install(ProviderName::Cpu, None, &())?,
        };
        let session = onnx::open(&path, &runtime, provider.threads(), provider.idle())?;
        let checked = check::encoder(&Outlets::from(&session), manifest, encoder);
        checked.map_err(|problem| GraphError::Mismatch { path, problem })?;
        Ok(Some(Self::new(session, manifest, encoder)))
    }

    fn new(session: Session, manifest: &Manifest, encoder: &EncoderGraph) -> Self {
        Self {
            session,
            output: encoder.features.clone(),
            seen: [manifest.n_obs_steps, manifest.observation_dim()],
            encoded: [manifest.n_obs_steps, encoder.size],
            features: Vec::new(),
        }
    }

    /// Features `[plans, n_obs_steps · size]` of observations `[plans, n_obs_steps · observation_dim]`, normalised.
    pub fn run(&mut self, observations: &[f32]) -> Result<&[f32], PredictError> {
        let plans = observations.len() / (self.seen[0] * self.seen[1]);
        let [seen, encoded] = [self.seen, self.encoded].map(|[steps, dim]| [plans, steps, dim]);
        let outputs = self.session.run([TensorRef::from_array_view((seen, observations))?.into()])?;
        let (shape, values) = outputs[self.output.as_str()].try_extract_tensor::<f32>()?;
        // The graph may have left sizes open until now.
        if !shape.iter().map(|&size| size as usize).eq(encoded) {
            let found = shape.iter().map(|&size| size as usize).collect();
            let what = "the shape of the encoder's features";
            return Err(PredictError::Shape { what, found, expected: encoded.to_vec() });
        }
        self.features.clear();
        self.features.extend_from_slice(values);
        Ok(&self.features)
    }

    /// What the last run came to.
    pub fn features(&self) -> &[f32] {
        &self.features
    }
}
