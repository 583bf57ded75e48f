//! What encodes observations before the denoiser sees them.

use std::path::Path;

use crate::{Inference, Manifest, OpenEncoder, PolicyError, PredictError, Provider, graph};

/// An open encoder, and what it last made of observations.
#[derive(Debug)]
pub(crate) struct Encoder {
    open: Box<dyn OpenEncoder>,
    features: Vec<f32>,
}

impl Encoder {
    /// The encoder that the manifest names, if it names one: by the provider, or by the one that is to encode where the
    /// provider cannot.
    pub fn open(dir: &Path, manifest: &Manifest, provider: &Provider) -> Result<Option<Self>, PolicyError> {
        let Some(encoder) = &manifest.encoder else { return Ok(None) };
        let path = graph::verified(dir, &encoder.file, &encoder.sha256)?;
        let open = if provider.name().backend().runs_encoders() {
            provider.backend().encoder(&path, manifest, encoder)
        } else {
            let by = other(provider)?;
            by.backend().encoder(&path, manifest, encoder)
        };
        Ok(Some(Self { open: open?, features: Vec::new() }))
    }

    /// Features `[plans, n_obs_steps · size]` of observations `[plans, n_obs_steps · observation_dim]`, normalised.
    pub fn run(&mut self, observations: &[f32]) -> Result<&[f32], PredictError> {
        self.open.run(observations, &mut self.features)?;
        Ok(&self.features)
    }

    /// What the last run came to.
    pub fn features(&self) -> &[f32] {
        &self.features
    }
}

/// What runs encoders beside a provider that does not, on as many threads.
fn other(provider: &Provider) -> Result<Provider, PolicyError> {
    let asked = provider.inference();
    let encoder = asked.encoder.ok_or(PolicyError::NoEncoder { provider: provider.name() })?;
    let inference = Inference { provider: encoder, threads: asked.threads, idle: asked.idle, ..Inference::default() };
    inference.open(&()).map_err(|source| PolicyError::Encoder { provider: encoder, source })
}
