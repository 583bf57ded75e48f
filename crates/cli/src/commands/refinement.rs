//! Sets up the refinement of plans.

use anyhow::{Context as _, anyhow};
use parapolicy_control::Environment;
use parapolicy_control::refine::{Refinement, Tracker};
use parapolicy_policy::Network;
use parapolicy_sampler::RefinerConfig;

use crate::environments::Place;
use crate::failure::{Failure, InputError as _};

/// How far plans are refined to stay away from a keep-out disc, px: what the penalty leaves of it is less than that.
const MARGIN: f64 = 4.0;

/// What makes plans stay out of what the scenario keeps them out of, in `steps` steps.
pub fn refinement(
    steps: usize,
    network: &Network,
    place: &Place,
    environment: &dyn Environment,
) -> Result<Refinement, Failure> {
    let costs = environment.costs(MARGIN).map_err(anyhow::Error::from_boxed)?;
    if costs.is_empty() {
        let name = place.scenario.name();
        return Err(anyhow!("--refine: the scenario \"{name}\" has no [[keep_out]] to refine for")).input();
    }
    let config = RefinerConfig { steps, ..RefinerConfig::default() };
    let tracking = *tracker(environment)?.tracking();
    Refinement::new(network, config, tracking, costs).context("--refine").input()
}

/// The tracker that estimates the robot's motion.
pub fn tracker(environment: &dyn Environment) -> Result<Tracker, Failure> {
    let tracker = environment.tracker().map_err(anyhow::Error::from_boxed).input()?;
    tracker.ok_or_else(|| Failure::Input(anyhow!("--refine: how the robot of this environment moves is not known")))
}
