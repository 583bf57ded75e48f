//! Observations that were looked at once, and are bound again and again while plans come and go.

use ndarray::ArrayView2;

use crate::{BoundPlans, Network, Origin, PolicyError, encoder::Encoder};

/// What the network sees of one observation: normalised, and encoded where there is an encoder. By [`Network::see`], for
/// [`Network::bind_seen`] of the same network.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `[n_obs_steps · told_dim]`.
    normalized: Box<[f32]>,
    /// `[n_obs_steps · size]`; empty without an encoder.
    features: Box<[f32]>,
    origin: Origin,
}

impl Seen {
    /// What the actions of a plan for this observation are relative to.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Network {
    /// Looks at an observation, as [`Network::bind`] takes it: normalises and encodes it. Nothing is bound, and what was bound
    /// before is so no more.
    ///
    /// # Errors
    /// Those of [`Network::bind`].
    pub fn see(&mut self, observation: ArrayView2<'_, f64>) -> Result<Seen, PolicyError> {
        self.opened.check_process().map_err(|error| PolicyError::Bind(error.into()))?;
        let origin = self.origin(observation)?;
        self.observations.clear();
        self.observations.push(&self.manifest.observations, observation)?;
        let normalized = self.observations.all();
        let features = match &mut self.encoder {
            Some(encoder) => encoder.run(normalized)?,
            None => &[],
        };
        let seen = Seen { normalized: normalized.into(), features: features.into(), origin };
        self.observations.clear();
        Ok(seen)
    }

    /// Binds what was seen for each of several plans, as [`Network::bind_batched`] binds observations, without looking again.
    ///
    /// # Errors
    /// Nothing to bind, or what another network has seen.
    pub fn bind_seen<'s>(&mut self, seen: impl IntoIterator<Item = &'s Seen>) -> Result<BoundPlans<'_>, PolicyError> {
        let expected = self.manifest.n_obs_steps * self.manifest.told_dim();
        let Self { observations, encoder, .. } = &mut *self;
        observations.clear();
        encoder.iter_mut().for_each(Encoder::clear);
        for (plan, seen) in seen.into_iter().enumerate() {
            if seen.normalized.len() != expected || encoder.is_none() != seen.features.is_empty() {
                return Err(PolicyError::OtherNetwork { plan });
            }
            observations.push_normalized(&seen.normalized);
            encoder.iter_mut().for_each(|encoder| encoder.push(&seen.features));
        }
        if observations.plans() == 0 {
            return Err(PolicyError::NoPlans);
        }
        self.bind_graph()?;
        Ok(self.bound())
    }
}
