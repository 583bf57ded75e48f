//! Plays a scenario on a world: episodes with their resets, kicks, noise and delay.

use std::collections::VecDeque;

use rand::Rng as _;
use rand_pcg::Pcg64;

use crate::keep_out::deepest_intrusion;
use crate::numpy::polar_normals;
use crate::scenario::Scenario;
use crate::shoves::Shoves;
use crate::state::State;
use crate::world::{Kick, Outcome, World, WorldError};

/// What a control step of a [`Task`] leads to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transition {
    /// The state as the observer sees it, noise included.
    pub observation: State,
    /// Result of the step, without noise.
    pub outcome: Outcome,
    /// How far inside a [`crate::KeepOut`] the agent's centre was at the end of any substep, px; 0 if it stayed out.
    pub intrusion: f64,
    /// Whether the episode is over: solved, or out of control steps.
    pub finished: bool,
}

/// A [`World`] under a [`Scenario`].
///
/// ```
/// use std::path::Path;
///
/// use parapolicy_pusht::{Scenario, Task};
///
/// # let sims = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sims");
/// let mut task = Task::new(Scenario::load(&sims.join("nominal.toml"))?);
/// let observation = task.reset(100_000);
/// let transition = task.step(observation.agent.into())?;
/// assert!(!transition.finished);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Task {
    scenario: Scenario,
    world: World,
    control_step: usize,
    /// Actions given but not yet carried out.
    delayed: VecDeque<[f64; 2]>,
    noise: Pcg64,
    shoves: Shoves,
    /// A shove from outside of the scenario, for the next control step.
    shove: Kick,
}

impl Task {
    /// A task at the start of the episode with seed 0.
    pub fn new(scenario: Scenario) -> Self {
        let (noise, shoves) = (Pcg64::new(0, 0), Shoves::new(scenario.random_kicks, 0));
        let (world, delayed, shove) = (World::new(), VecDeque::new(), Kick::NONE);
        let mut task = Self { scenario, world, control_step: 0, delayed, noise, shoves, shove };
        task.reset(0);
        task
    }

    /// Begins the episode with this seed and hands back the first observation.
    pub fn reset(&mut self, seed: u64) -> State {
        let reset = self.scenario.reset;
        self.begin(&reset.order.apply(reset.distribution.draw(seed)), seed)
    }

    /// Begins an episode where `start` says, and with the noise of seed 0.
    ///
    /// # Errors
    /// If a number of `start` is not finite or absurdly large; the task stays as it is.
    pub fn reset_to(&mut self, start: &State) -> Result<State, WorldError> {
        self.world.set_state(start)?;
        Ok(self.begin(start, 0))
    }

    fn begin(&mut self, start: &State, seed: u64) -> State {
        self.world.put(start);
        self.control_step = 0;
        self.delayed.clear();
        self.delayed.resize(self.scenario.action_delay, start.agent.into());
        self.noise = Pcg64::new(seed.into(), self.scenario.observation_noise.seed.into());
        self.shoves = Shoves::new(self.scenario.random_kicks, seed);
        self.shove = Kick::NONE;
        self.observe()
    }

    /// Puts agent and block elsewhere in the middle of the episode, the agent at rest, and hands back what is observed.
    ///
    /// # Errors
    /// If a number of `state` is not finite or absurdly large; the task stays as it is.
    pub fn put(&mut self, state: &State) -> Result<State, WorldError> {
        self.world.set_state(state)?;
        Ok(self.observe())
    }

    /// Shoves the block during the next control step, besides what the scenario does to it. Several shoves add up.
    ///
    /// # Errors
    /// If the kick is not finite or absurdly large; the task stays as it is.
    pub fn shove(&mut self, kick: &Kick) -> Result<(), WorldError> {
        kick.check()?;
        self.shove = self.shove + *kick;
        Ok(())
    }

    /// Gives an action, the agent's target position in px, and moves the world by one control step. The episode may
    /// be played on after it is over.
    ///
    /// # Errors
    /// If the action is not finite or absurdly large; the task stays as it is.
    pub fn step(&mut self, action: [f64; 2]) -> Result<Transition, WorldError> {
        World::check_action(action)?;
        self.delayed.push_back(action);
        let due = self.delayed.pop_front().unwrap_or(action);
        let intrusion = deepest_intrusion(&self.scenario.keep_out, *self.world.agent(), due.into());
        let shove = std::mem::replace(&mut self.shove, Kick::NONE);
        let kick = self.scenario.kick_at(self.control_step) + self.shoves.next() + shove;
        let outcome = self.world.step_kicked(due, &kick)?;
        self.control_step += 1;
        let finished = outcome.success || self.control_step >= self.scenario.max_control_steps;
        Ok(Transition { observation: self.observe(), outcome, intrusion, finished })
    }

    /// The world as it is, without noise.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Control steps since the reset.
    pub fn control_step(&self) -> usize {
        self.control_step
    }

    fn observe(&mut self) -> State {
        let mut state = self.world.state();
        let scale = self.scenario.observation_noise;
        let mut normals = || polar_normals(|| (self.noise.next_u64() >> 11) as f64 / (1_u64 << 53) as f64);
        for position in [&mut state.agent, &mut state.block.position] {
            let (x, y) = normals();
            position.x += scale.position_std * x;
            position.y += scale.position_std * y;
        }
        state.block.angle += scale.angle_std * normals().0;
        state
    }
}
