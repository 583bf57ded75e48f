//! Encodes observations before the denoiser gets them.

use std::path::Path;

use crate::{GraphFile, Inference, Manifest, OpenEncoder, PolicyError, PredictError, Provider};

/// An open encoder, and the features of its last run.
#[derive(Debug)]
pub(crate) struct Encoder {
    open: Box<dyn OpenEncoder>,
    features: Vec<f32>,
}

impl Encoder {
    /// The encoder that the manifest names, if it names one: run by the provider, or by the backend that is named for
    /// encoders where the provider runs none.
    pub fn open(dir: &Path, manifest: &Manifest, provider: &Provider) -> Result<Option<Self>, PolicyError> {
        let Some(encoder) = &manifest.encoder else { return Ok(None) };
        let file = GraphFile::of_sum(dir.join(&encoder.file), &encoder.sha256);
        let open = if provider.name().backend().runs_encoders() {
            provider.backend().encoder(&file, manifest, encoder)
        } else {
            let by = other(provider)?;
            by.backend().encoder(&file, manifest, encoder)
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

/// The provider for encoders, with the same number of threads, where the main provider runs none.
fn other(provider: &Provider) -> Result<Provider, PolicyError> {
    let asked = provider.inference();
    let encoder = asked.encoder.ok_or(PolicyError::NoEncoder { provider: provider.name() })?;
    let inference = Inference { provider: encoder, threads: asked.threads, idle: asked.idle, ..Inference::default() };
    inference.open(&()).map_err(|source| PolicyError::Encoder { provider: encoder, source })
}
