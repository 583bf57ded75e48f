//! The policy that plans beside a session, and its plans.

use std::sync::Arc;
use std::time::Duration;

use ndarray::Array1;
use parapolicy_control::controller::{Continuity, Controller, ControllerConfig, Monitor, Replan};
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig};
use parapolicy_control::{BoxError, Environment as _, Recipe};
use parapolicy_policy::{Manifest, ObservationHistory};
use parapolicy_pusht::{PERIOD, PushT};

use super::ways::Ways;
use crate::plans::Plans;
use crate::scene::{ShownPlan, Way};
use crate::setup::{MakeDrawer, MakePolicy};

/// Latencies that are kept to be shown.
const LATENCIES: usize = 256;

/// A controller, whose policy plans in a thread of its own, and what is known of its plans.
pub struct Planning {
    manifest: Manifest,
    make: MakePolicy,
    recipe: Recipe,
    continuity: Continuity,
    controller: Controller,
    monitor: Monitor,
    plans: Plans,
    /// Control steps since the policy began to plan.
    taken: usize,
    /// Whether the policy was shown the table as it is.
    observed: bool,
    /// Rounds of a fresh plan that have been shown.
    rounds_shown: usize,
    latencies: Vec<f64>,
    count: usize,
    draw_many: MakeDrawer,
    /// What the policy sees.
    history: ObservationHistory,
    /// What it is torn between, if that is asked for.
    ways: Option<Ways>,
    /// The control step whose observation was asked for last.
    ways_of: Option<usize>,
}

impl Planning {
    /// Starts the policy's thread.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn new(
        manifest: Manifest,
        make: MakePolicy,
        draw_many: MakeDrawer,
        recipe: Recipe,
        continuity: Continuity,
    ) -> Result<Self, BoxError> {
        let controller = start(&manifest, &make, &recipe, continuity)?;
        let monitor = controller.monitor();
        let history = ObservationHistory::new(manifest.n_obs_steps, manifest.observation_dim());
        Ok(Self {
            manifest,
            make,
            recipe,
            continuity,
            controller,
            monitor,
            plans: Plans::none(),
            taken: 0,
            observed: false,
            rounds_shown: 0,
            latencies: Vec::new(),
            count: 0,
            draw_many,
            history,
            ways: None,
            ways_of: None,
        })
    }

    /// How plans are drawn.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What the policy observes and how far it plans.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Draws plans like this from now on; planning is to begin again.
    ///
    /// # Errors
    /// A recipe that this policy cannot follow; then everything stays as it is. Or a thread that cannot be started.
    pub fn change(&mut self, recipe: Recipe) -> Result<(), BoxError> {
        recipe.sampler(&self.manifest)?;
        self.controller = start(&self.manifest, &self.make, &recipe, self.continuity)?;
        self.monitor = self.controller.monitor();
        self.recipe = recipe;
        self.latencies.clear();
        self.look_for_ways(self.ways.is_some())
    }

    /// Begins to plan: observations and plans so far are forgotten, and a plan that is being worked on is ignored.
    ///
    /// # Errors
    /// An agent at a place that cannot be sent as an action.
    pub fn begin(&mut self, world: &PushT, seed: u64) -> Result<(), BoxError> {
        let (plans, observer) = Plans::observed();
        self.controller.observed_by(Arc::new(observer));
        self.controller.reset(seed);
        self.controller.rest_at(world.resting_action().view())?;
        self.plans = plans;
        (self.taken, self.observed, self.rounds_shown) = (0, false, 0);
        self.history.reset();
        self.forget_ways();
        Ok(())
    }

    /// Forgets all plans, and takes none until planning begins again.
    pub fn stop(&mut self) {
        self.plans = Plans::none();
        self.forget_ways();
    }

    /// Looks for what the policy is torn between, with plans as they are drawn now, or does not any more.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub fn look_for_ways(&mut self, shown: bool) -> Result<(), BoxError> {
        let start = || Ways::start(Arc::clone(&self.draw_many), self.recipe.clone());
        self.ways = shown.then(start).transpose()?;
        self.ways_of = None;
        Ok(())
    }

    /// Whether it does.
    pub fn looks_for_ways(&self) -> bool {
        self.ways.is_some()
    }

    /// The newest ways.
    pub fn ways(&self) -> &[Way] {
        self.ways.as_ref().map_or(&[], Ways::shown)
    }

    /// Whether those of the newest observation are there, or none are looked for.
    pub fn has_ways(&self) -> bool {
        let waiting = |ways: &Ways| ways.is_waiting() || self.ways_of != Some(self.taken);
        !self.ways.as_ref().is_some_and(waiting)
    }

    fn forget_ways(&mut self) {
        self.ways_of = None;
        if let Some(ways) = &mut self.ways {
            ways.forget();
        }
    }

    /// Takes ways that were found, and asks for those of what is seen now.
    ///
    /// # Errors
    /// What went wrong where they are looked for; they are not looked for any more.
    fn ask_for_ways(&mut self) -> Result<(), BoxError> {
        let Some(ways) = &mut self.ways else { return Ok(()) };
        if let Err(error) = ways.take() {
            // Told once, and not at every step.
            self.ways = None;
            return Err(error);
        }
        if self.ways_of != Some(self.taken) && !ways.is_waiting() {
            ways.ask(self.history.view());
            self.ways_of = Some(self.taken);
        }
        Ok(())
    }

    /// Shows the policy the table as it is, and tells whether its plan, where one is due, is there.
    ///
    /// # Errors
    /// What went wrong in the policy; it is asked again.
    pub fn is_ready(&mut self, world: &mut PushT, seed: u64) -> Result<bool, BoxError> {
        if !self.observed {
            let mut observation = Array1::zeros(world.observation_dim());
            world.observe(observation.view_mut())?;
            self.controller.observe(observation.view(), self.time())?;
            self.history.push(observation.view());
            (self.observed, self.rounds_shown) = (true, 0);
        }
        self.ask_for_ways()?;
        // In this order: the worker tells of a plan before it says that it has done with it.
        let planning = self.is_planning();
        self.take_plans();
        if let Some(event) = self.monitor.events().last() {
            // So that it is asked again, and not only when the next plan would be due.
            self.begin(world, seed)?;
            return Err(Box::new(event));
        }
        if !planning && !self.plans.is_any() {
            // It was busy with a plan for something else, and is to be asked again.
            self.observed = false;
        }
        Ok(self.observed && !planning)
    }

    /// Where the policy sends the agent now, px.
    pub fn action(&mut self) -> [f64; 2] {
        let time = self.time();
        let command = self.controller.command(time);
        [command.action[0], command.action[1]]
    }

    /// A control step was taken.
    pub fn step(&mut self) {
        self.taken += 1;
        self.observed = false;
    }

    /// Whether a plan is being worked on.
    pub fn is_planning(&self) -> bool {
        self.monitor.health().planning
    }

    /// Whether the plan in force is new, and has rounds that have not been shown.
    pub fn has_rounds_to_show(&self) -> bool {
        self.rounds_shown < self.plans.fresh_rounds(self.taken)
    }

    /// One more of them is shown.
    pub fn show_round(&mut self) {
        self.rounds_shown += 1;
    }

    /// The plan in force, with all of its rounds or with those that have been shown.
    pub fn shown(&self, all_rounds: bool) -> Option<ShownPlan> {
        self.plans.shown(self.taken, if all_rounds { usize::MAX } else { self.rounds_shown })
    }

    /// What the newest plans took, ms.
    pub fn latencies(&self) -> &[f64] {
        &self.latencies
    }

    /// Plans so far.
    pub fn count(&self) -> usize {
        self.count
    }

    fn take_plans(&mut self) {
        while let Some(latency) = self.plans.take() {
            self.count += 1;
            self.latencies.push(latency.as_secs_f64() * 1e3);
            let old = self.latencies.len().saturating_sub(LATENCIES);
            self.latencies.drain(..old);
        }
    }

    /// Simulated time since the policy began to plan.
    fn time(&self) -> Duration {
        PERIOD.saturating_mul(u32::try_from(self.taken).unwrap_or(u32::MAX))
    }
}

/// A controller that plans as the recipe says.
fn start(
    manifest: &Manifest,
    make: &MakePolicy,
    recipe: &Recipe,
    continuity: Continuity,
) -> Result<Controller, BoxError> {
    let (make, recipe) = (Arc::clone(make), recipe.clone());
    let playback = PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late: Late::Finish,
        limits: Limits::default(),
        max_age: PERIOD.saturating_mul(2 * u32::try_from(manifest.horizon)?),
        initial: vec![0.0; manifest.action_dim()],
        safe: None,
        between: Between::default(),
    };
    let config = ControllerConfig::of(manifest, playback, Replan::Every(manifest.n_action_steps));
    let config = ControllerConfig { continuity, ..config };
    Ok(Controller::start(config, move || make(&recipe))?)
}
