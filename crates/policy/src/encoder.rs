//! Encodes observations before the denoiser gets them.

use std::path::Path;

use crate::{
    BackendName, GraphError, GraphFile, Inference, Manifest, NATIVE, OpenEncoder, PolicyError, PredictError, Provider,
};

/// An open encoder, and the features of its last run.
#[derive(Debug)]
pub(crate) struct Encoder {
    open: Box<dyn OpenEncoder>,
    features: Vec<f32>,
}

impl Encoder {
    /// The encoder that the manifest names, if it names one: run by the provider, or by the engine where the provider runs
    /// none. An encoder that the engine refuses is run by the backend that is named for encoders.
    pub fn open(dir: &Path, manifest: &Manifest, provider: &Provider) -> Result<Option<Self>, PolicyError> {
        let Some(encoder) = &manifest.encoder else { return Ok(None) };
        let file = GraphFile::of_sum(dir.join(&encoder.file), &encoder.sha256);
        let by = if provider.name().backend().runs_encoders() { provider.clone() } else { other(provider, NATIVE)? };
        let open = match by.backend().encoder(&file, manifest, encoder) {
            Err(refused @ GraphError::Refused { .. }) if by.name() == NATIVE => {
                let Some(named) = provider.inference().encoder else {
                    return Err(PolicyError::NoEncoder { provider: provider.name(), source: refused });
                };
                other(provider, named)?.backend().encoder(&file, manifest, encoder)
            }
            open => open,
        };
        Ok(Some(Self { open: open?, features: Vec::new() }))
    }

    /// Features `[plans, n_obs_steps · size]` of observations `[plans, n_obs_steps · told_dim]`, normalised.
    pub fn run(&mut self, observations: &[f32]) -> Result<&[f32], PredictError> {
        self.open.run(observations, &mut self.features)?;
        Ok(&self.features)
    }

    /// Forgets the features.
    pub fn clear(&mut self) {
        self.features.clear();
    }

    /// Adds features of an earlier run.
    pub fn push(&mut self, features: &[f32]) {
        self.features.extend_from_slice(features);
    }

    /// The features of the last run, or those that were pushed since.
    pub fn features(&self) -> &[f32] {
        &self.features
    }
}

/// Another provider, with the same number of threads.
fn other(provider: &Provider, name: BackendName) -> Result<Provider, PolicyError> {
    let asked = provider.inference();
    let inference = Inference { provider: name, threads: asked.threads, idle: asked.idle, ..Inference::default() };
    inference.open(&()).map_err(|source| PolicyError::Encoder { provider: name, source })
}
