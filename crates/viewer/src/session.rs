//! What is running, who drives, and what it came to: a state machine that takes orders and control steps.
//!
//! It knows no window and no clock. A [`Controller`] plans beside it, in a thread of its own, on both clocks: with
//! [`Clock::Lockstep`] no control step is taken while a plan is being worked on; with [`Clock::Real`] it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, bounded};
use ndarray::Array1;
use parapolicy_control::controller::{Controller, ControllerConfig, Monitor, Replan};
use parapolicy_control::playback::{Blend, Late, Limits, PlaybackConfig};
use parapolicy_control::{BoxError, Environment as _, Outcome, Policy, PushT, Recipe};
use parapolicy_pusht::geometry::{Pose, TABLE_SIZE};
use parapolicy_pusht::{DemonstrationStep, Scenario, State};
use parapolicy_policy::Manifest;

use crate::order::Order;
use crate::plans::Plans;
use crate::play::{Play, Progress};
use crate::recorder::Recorder;
use crate::scene::{Scene, Settings, Status};
use crate::setup::{Clock, MakePolicy, Setup};
use crate::tap::{Tap, Tapped};

/// Time of the table from one control step to the next.
pub const PERIOD: Duration = Duration::from_millis(100);

/// Plans that may wait to be seen.
const PLANS: usize = 16;

/// How often one looks whether there is a plan, where there is nothing else to do.
pub const GLANCE: Duration = Duration::from_millis(1);

/// Latencies that are kept to be shown.
const LATENCIES: usize = 256;

/// Who says where the agent goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Driver {
    Policy,
    /// Whose pointer is here, px.
    Person([f64; 2]),
}

/// An episode, what drives it, and what can be told about both.
pub struct Session {
    manifest: Manifest,
    make: MakePolicy,
    recipe: Recipe,
    scenarios: Vec<Scenario>,
    scenario: usize,
    clock: Clock,
    speed: f64,
    slow_rounds: bool,

    world: PushT,
    seed: u64,
    before: State,
    /// When the last control step was taken.
    since: Instant,
    path: Vec<[f64; 2]>,
    rewards: Vec<f64>,
    end: Option<Status>,
    target: Option<[f64; 2]>,

    controller: Controller,
    monitor: Monitor,
    taps: Receiver<Tapped>,
    plans: Plans,
    /// Control steps since the policy began to plan.
    taken: usize,
    /// Whether the policy has seen the table as it is.
    observed: bool,
    /// Rounds of a fresh plan that have been shown.
    formed: usize,
    latencies: Vec<f64>,
    planned: usize,

    driver: Driver,
    recorder: Recorder,
    paused: bool,
    /// One control step is to be taken although it is paused.
    step: bool,
    held: bool,
    notice: Option<String>,
}

impl Session {
    /// An episode at its beginning, paused.
    ///
    /// # Errors
    /// A policy that wants what PushT does not have, or a thread that cannot be started.
    pub fn new(setup: Setup) -> Result<Self, BoxError> {
        let Setup { manifest, make, recipe, scenarios, scenario, seed, clock, demos } = setup;
        let first = scenarios.get(scenario).or(scenarios.first()).ok_or("there is no scenario to play")?;
        let world = PushT::new(first.clone(), &manifest)?;
        let (controller, taps) = start(&manifest, &make, &recipe)?;
        let (before, monitor) = (world.task().world().state(), controller.monitor());
        let mut session = Self {
            manifest,
            make,
            recipe,
            scenarios,
            scenario,
            clock,
            speed: 1.0,
            slow_rounds: false,
            world,
            seed,
            before,
            since: Instant::now(),
            path: Vec::new(),
            rewards: Vec::new(),
            end: None,
            target: None,
            controller,
            monitor,
            taps,
            plans: Plans::default(),
            taken: 0,
            observed: false,
            formed: 0,
            latencies: Vec::new(),
            planned: 0,
            driver: Driver::Policy,
            recorder: Recorder::new(demos),
            paused: true,
            step: false,
            held: false,
            notice: None,
        };
        session.reset(seed)?;
        Ok(session)
    }

    /// Plays to a control step, or the end of the episode, and until the plan for what comes next is there.
    ///
    /// # Errors
    /// A policy that failed.
    pub fn play_until(&mut self, control_step: usize) -> Result<(), BoxError> {
        while self.end.is_none() && self.world.task().control_step() < control_step {
            self.step = true;
            if self.try_advance()? == Progress::Waiting {
                std::thread::sleep(GLANCE);
            }
        }
        while self.end.is_none() && self.driver == Driver::Policy && !self.is_ready()? {
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// What the table is doing.
    pub fn status(&self) -> Status {
        match self.end {
            Some(end) => end,
            None if self.held => Status::Held,
            None if self.paused && !self.step => Status::Paused,
            None if self.is_forming() => Status::Forming,
            None if self.is_waiting() => Status::Planning,
            None => Status::Running,
        }
    }

    fn carry_out(&mut self, order: Order) -> Result<(), BoxError> {
        match order {
            Order::Pause(paused) => self.paused = paused,
            Order::Step => (self.paused, self.step) = (true, true),
            Order::Reset(seed) => self.reset(seed)?,
            Order::Strategy(strategy) => self.sample(Recipe { strategy, ..self.recipe.clone() })?,
            Order::Solver(solver) => self.sample(Recipe { solver, ..self.recipe.clone() })?,
            Order::Steps(steps) => self.sample(Recipe { steps, ..self.recipe.clone() })?,
            Order::Scenario(scenario) => self.play(scenario)?,
            Order::Clock(clock) => self.clock = clock,
            Order::Speed(speed) => self.speed = speed.clamp(0.05, 20.0),
            Order::SlowRounds(slow) => self.slow_rounds = slow,
            Order::Drive(pointer) => self.drive(pointer),
            Order::HandBack => self.hand_back()?,
            Order::Hold(pose) => self.hold(pose)?,
            Order::LetGo => self.held = false,
            Order::Kick(kick) => self.world.shove(&kick)?,
            Order::Record(on) => self.recorder.switch(on, self.seed)?,
        }
        Ok(())
    }

    fn reset(&mut self, seed: u64) -> Result<(), BoxError> {
        let recorded = self.recorder.end(self.seed);
        self.world.reset(seed)?;
        self.seed = seed;
        self.before = self.world.task().world().state();
        self.path = vec![self.before.agent.into()];
        self.rewards.clear();
        (self.end, self.target, self.held, self.step, self.notice) = (None, None, false, false, None);
        self.begin_planning()?;
        Ok(recorded?)
    }

    /// Everything the policy knew is of the past: it begins with what it sees next.
    fn begin_planning(&mut self) -> Result<(), BoxError> {
        self.controller.reset(self.seed);
        self.controller.rest_at(self.world.resting_action().view())?;
        self.plans.clear();
        (self.taken, self.observed, self.formed) = (0, false, 0);
        Ok(())
    }

    fn sample(&mut self, recipe: Recipe) -> Result<(), BoxError> {
        (self.controller, self.taps) = start(&self.manifest, &self.make, &recipe)?;
        self.monitor = self.controller.monitor();
        self.recipe = recipe;
        self.latencies.clear();
        self.notice = None;
        self.begin_planning()
    }

    fn play(&mut self, scenario: usize) -> Result<(), BoxError> {
        if let Some(chosen) = self.scenarios.get(scenario) {
            self.world = PushT::new(chosen.clone(), &self.manifest)?;
            self.scenario = scenario;
            self.reset(self.seed)?;
        }
        Ok(())
    }

    fn drive(&mut self, pointer: [f64; 2]) {
        self.driver = Driver::Person(pointer.map(|x| x.clamp(0.0, TABLE_SIZE)));
        // What the policy wanted is of no interest any more.
        self.plans.clear();
    }

    fn hand_back(&mut self) -> Result<(), BoxError> {
        if self.driver == Driver::Policy {
            return Ok(());
        }
        self.driver = Driver::Policy;
        self.begin_planning()?;
        Ok(self.recorder.end(self.seed)?)
    }

    fn hold(&mut self, pose: Pose) -> Result<(), BoxError> {
        if self.end.is_some() {
            return Ok(());
        }
        let agent = self.world.task().world().state().agent;
        let position = pose.position.map(|x| x.clamp(0.0, TABLE_SIZE));
        self.world.put(&State { agent, block: Pose { position, ..pose } })?;
        self.before = self.world.task().world().state();
        self.held = true;
        self.begin_planning()?;
        // What a hand does is no part of a demonstration.
        Ok(self.recorder.end(self.seed)?)
    }

    fn try_advance(&mut self) -> Result<Progress, BoxError> {
        if self.end.is_some() || self.held || (self.paused && !self.step) {
            return Ok(Progress::Idle);
        }
        let action = match self.driver {
            Driver::Person(pointer) => pointer,
            Driver::Policy => {
                match (self.is_ready(), self.clock) {
                    (Ok(false), Clock::Lockstep) => return Ok(Progress::Waiting),
                    (Err(error), Clock::Lockstep) => return Err(error),
                    (ready, _) => self.note(ready.err()),
                }
                if self.is_forming() {
                    self.formed += 1;
                    return Ok(Progress::Round);
                }
                let time = self.time();
                let command = self.controller.command(time);
                if let Some(observed) = command.observed {
                    self.plans.settle((observed.as_nanos() / PERIOD.as_nanos()) as usize);
                }
                [command.action[0], command.action[1]]
            }
        };
        self.act(action)?;
        Ok(Progress::Stepped)
    }

    /// Has the policy see the table as it is, and tells whether its plan, where one is due, is there.
    fn is_ready(&mut self) -> Result<bool, BoxError> {
        if !self.observed {
            let mut observation = Array1::zeros(self.world.observation_dim());
            self.world.observe(observation.view_mut())?;
            self.plans.observed(self.taken, observation.view());
            self.controller.observe(observation.view(), self.time())?;
            (self.observed, self.formed) = (true, 0);
        }
        let planning = self.monitor.health().planning;
        self.look();
        if let Some(event) = self.monitor.events().last() {
            // So that it is asked again, and not only when the next plan would be due.
            self.begin_planning()?;
            return Err(Box::new(event));
        }
        if !planning && !self.plans.is_any() {
            // It was busy with a plan for something else, and is to be asked again.
            self.observed = false;
        }
        Ok(self.observed && !planning)
    }

    fn act(&mut self, action: [f64; 2]) -> Result<(), BoxError> {
        let world = self.world.task().world();
        let (before, velocity) = (world.state(), world.agent().velocity);
        let Outcome { reward, success, over, .. } = self.world.step(Array1::from_iter(action).view())?;
        (self.before, self.since, self.target) = (before, Instant::now(), Some(action));
        self.path.push(self.world.task().world().state().agent.into());
        self.rewards.push(reward);
        self.end = over.then_some(if success { Status::Solved } else { Status::OutOfTime });
        (self.step, self.observed) = (false, false);
        self.taken += 1;
        if self.driver != Driver::Policy {
            self.recorder.push(DemonstrationStep::new(before, velocity, action, reward));
        }
        if over {
            self.recorder.end(self.seed)?;
        }
        Ok(())
    }

    /// Sees what the policy has planned since.
    fn look(&mut self) {
        while let Ok(tapped) = self.taps.try_recv() {
            let latency = tapped.plan.latency;
            if self.plans.take(tapped) {
                self.planned += 1;
                self.latencies.push(latency.as_secs_f64() * 1e3);
                let old = self.latencies.len().saturating_sub(LATENCIES);
                self.latencies.drain(..old);
            }
        }
    }

    fn is_waiting(&self) -> bool {
        self.clock == Clock::Lockstep && self.driver == Driver::Policy && self.monitor.health().planning
    }

    /// Whether rounds of a fresh plan are still to be shown. A world that does not wait has no time for that.
    fn is_forming(&self) -> bool {
        self.slow_rounds
            && self.clock == Clock::Lockstep
            && self.driver == Driver::Policy
            && self.formed < self.plans.fresh_rounds()
    }

    /// Time of the table since the policy began to plan.
    fn time(&self) -> Duration {
        PERIOD.saturating_mul(u32::try_from(self.taken).unwrap_or(u32::MAX))
    }

    fn note(&mut self, error: Option<BoxError>) {
        if let Some(error) = error {
            self.notice = Some(error.to_string());
        }
    }
}

impl Play for Session {
    fn order(&mut self, order: Order) {
        let done = self.carry_out(order);
        self.note(done.err());
    }

    fn advance(&mut self) -> Progress {
        self.try_advance().unwrap_or_else(|error| {
            self.paused = true;
            self.note(Some(error));
            Progress::Idle
        })
    }

    fn speed(&self) -> f64 {
        self.speed
    }

    fn scene(&self) -> Scene {
        let task = self.world.task();
        let rounds = if self.is_forming() { self.formed } else { usize::MAX };
        Scene {
            before: self.before,
            state: task.world().state(),
            since: self.since,
            pace: PERIOD.div_f64(self.speed),
            keep_out: task.scenario().keep_out.clone(),
            plan: self.plans.shown(self.taken, rounds),
            path: self.path.clone(),
            target: self.target,
            rewards: self.rewards.clone(),
            latencies: self.latencies.clone(),
            plans: self.planned,
            status: self.status(),
            notice: self.notice.clone(),
            recording: self.recorder.is_on().then(|| self.recorder.steps()),
            saved: self.recorder.saved().cloned(),
            settings: Settings {
                seed: self.seed,
                control_step: task.control_step(),
                max_control_steps: task.scenario().max_control_steps,
                scenario: self.scenario,
                strategy: self.recipe.strategy,
                solver: self.recipe.solver,
                steps: self.recipe.steps,
                clock: self.clock,
                speed: self.speed,
                slow_rounds: self.slow_rounds,
                driven: matches!(self.driver, Driver::Person(_)),
                replayed: None,
            },
        }
    }
}

/// A controller that plans as the recipe says, and where its plans are seen.
fn start(manifest: &Manifest, make: &MakePolicy, recipe: &Recipe) -> Result<(Controller, Receiver<Tapped>), BoxError> {
    let (see, seen) = bounded(PLANS);
    let (make, recipe) = (Arc::clone(make), recipe.clone());
    let make = move || Ok(Box::new(Tap::new(make(&recipe)?, see.clone())) as Box<dyn Policy>);
    let playback = PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late: Late::Finish,
        limits: Limits::default(),
        max_age: PERIOD.saturating_mul(2 * u32::try_from(manifest.horizon)?),
        initial: vec![0.0; manifest.action_dim()],
        safe: None,
    };
    let config = ControllerConfig::of(manifest, playback, Replan::Every(manifest.n_action_steps));
    Ok((Controller::start(config, make)?, seen))
}
