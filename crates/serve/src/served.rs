//! A policy that is served.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use parapolicy_control::Recipe;
use parapolicy_policy::{Manifest, Network};

use crate::error::ServeError;
use crate::limits::Limits;
use crate::map::{KeyMap, MapConfig};
use crate::metrics::Metrics;
use crate::planner::Planner;

/// A policy to serve.
pub struct ServedPolicy {
    /// Its path: `ws://HOST:PORT/NAME`.
    pub name: String,
    /// The policy, loaded.
    pub network: Network,
    /// How its plans are sampled; its budget is the most that a plan may take.
    pub recipe: Recipe,
    /// Which keys of a client's observation are which entries of the policy.
    pub map: MapConfig,
}

/// A policy that is served.
pub(crate) struct Served {
    pub name: String,
    pub manifest: Manifest,
    pub map: KeyMap,
    pub planner: Planner,
    pub metrics: Arc<Metrics>,
    /// Of every plan, from its observation's arrival on.
    pub deadline: Option<Duration>,
    /// Seed of the first episode.
    seed: u64,
}

impl Served {
    pub fn start(policy: ServedPolicy, limits: &Limits, seed: u32) -> Result<Self, ServeError> {
        let ServedPolicy { name, network, recipe, map } = policy;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_plain) || ["healthz", "metrics"].contains(&name.as_str()) {
            return Err(ServeError::Name(name));
        }
        let (manifest, metrics) = (network.manifest().clone(), Arc::new(Metrics::default()));
        let map = KeyMap::new(&manifest, &map).map_err(|error| ServeError::Map { policy: name.clone(), error })?;
        recipe.budget.validate()?;
        let deadline = recipe.budget.deadline;
        let planner = Planner::start(network, &recipe, limits.plans, Arc::clone(&metrics))?;
        Ok(Self { name, manifest, map, planner, metrics, deadline, seed: seed.into() })
    }

    /// The seed of the next episode for which the client names none: they are counted from the server's seed on.
    pub fn next_seed(&self) -> u64 {
        let number = self.metrics.episodes.fetch_add(1, Relaxed);
        // 2³² seeds, since a plan's number follows in the noise's seed.
        (self.seed + number) & u64::from(u32::MAX)
    }
}
