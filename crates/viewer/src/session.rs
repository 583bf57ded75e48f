//! An episode, who drives the agent in it, and what came of it: takes orders and control steps.
//!
//! A session knows no window and no clock. A policy plans beside it, in a thread of its own, on both clocks: with
//! [`Clock::Lockstep`] no control step is taken while a plan is being worked on; with [`Clock::Real`] it is.

mod planning;
mod ways;

use std::time::{Duration, Instant};

use ndarray::Array1;
use parapolicy_control::{BoxError, Environment as _, Outcome, Recipe};
use parapolicy_pusht::geometry::{Pose, TABLE_SIZE};
use parapolicy_pusht::{DemonstrationStep, PERIOD, PushT, Scenario, State};

use self::planning::Planning;
use crate::order::Order;
use crate::play::{Play, Progress};
use crate::recorder::Recorder;
use crate::scene::{Scene, Settings, Status};
use crate::setup::{Clock, Setup};

/// From one look whether there is a plan to the next, where there is nothing else to do.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Who says where the agent goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Driver {
    Policy,
    /// Whose pointer is here, px.
    Person([f64; 2]),
}

/// An episode that is being simulated, the policy that plans for it, and who drives.
pub struct Session {
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

    planning: Planning,
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
        let Setup { manifest, make, draw_many, recipe, continuity, scenarios, scenario, seed, clock, demos } = setup;
        let first = scenarios.get(scenario).or(scenarios.first()).ok_or("there is no scenario to play")?;
        let world = PushT::new(first.clone(), &manifest)?;
        let before = world.task().world().state();
        let planning = Planning::new(manifest, make, draw_many, recipe, continuity)?;
        let mut session = Self {
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
            planning,
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

    /// Plays to a control step, or the end of the episode, and until the plan for what comes next is there; the ways too, if they are shown.
    ///
    /// # Errors
    /// A policy that failed.
    pub fn play_until(&mut self, control_step: usize) -> Result<(), BoxError> {
        while self.end.is_none() && self.world.task().control_step() < control_step {
            self.step = true;
            if self.try_advance()? == Progress::Waiting {
                std::thread::sleep(POLL_INTERVAL);
            }
        }
        while self.end.is_none() && self.driver == Driver::Policy && !(self.is_ready()? && self.planning.has_ways()) {
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// What is going on.
    pub fn status(&self) -> Status {
        match self.end {
            Some(end) => end,
            None if self.held => Status::Held,
            None if self.paused && !self.step => Status::Paused,
            None if self.is_showing_rounds() => Status::ShowingRounds,
            None if self.is_waiting() => Status::Planning,
            None => Status::Running,
        }
    }

    fn carry_out(&mut self, order: Order) -> Result<(), BoxError> {
        match order {
            Order::Pause(paused) => self.paused = paused,
            Order::Step => (self.paused, self.step) = (true, true),
            Order::Reset(seed) => self.reset(seed)?,
            Order::Strategy(strategy) => self.sample(Recipe { strategy, ..self.planning.recipe().clone() })?,
            Order::Solver(solver) => self.sample(Recipe { solver, ..self.planning.recipe().clone() })?,
            Order::Steps(steps) => self.sample(Recipe { steps, ..self.planning.recipe().clone() })?,
            Order::Scenario(scenario) => self.play(scenario)?,
            Order::Clock(clock) => self.clock = clock,
            Order::Speed(speed) => self.speed = speed.clamp(0.05, 20.0),
            Order::SlowRounds(slow) => self.slow_rounds = slow,
            Order::Ways(shown) => self.planning.look_for_ways(shown)?,
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

    /// The policy forgets everything, and begins with what it sees next.
    fn begin_planning(&mut self) -> Result<(), BoxError> {
        self.planning.begin(&self.world, self.seed)
    }

    fn is_ready(&mut self) -> Result<bool, BoxError> {
        self.planning.is_ready(&mut self.world, self.seed)
    }

    fn sample(&mut self, recipe: Recipe) -> Result<(), BoxError> {
        self.planning.change(recipe)?;
        self.notice = None;
        self.begin_planning()
    }

    fn play(&mut self, scenario: usize) -> Result<(), BoxError> {
        if let Some(chosen) = self.scenarios.get(scenario) {
            self.world = PushT::new(chosen.clone(), self.planning.manifest())?;
            self.scenario = scenario;
            self.reset(self.seed)?;
        }
        Ok(())
    }

    fn drive(&mut self, pointer: [f64; 2]) {
        self.driver = Driver::Person(pointer.map(|x| x.clamp(0.0, TABLE_SIZE)));
        // While a person drives, no plan is shown.
        self.planning.stop();
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
        // Moving the block by hand is no part of a demonstration.
        Ok(self.recorder.end(self.seed)?)
    }

    fn try_advance(&mut self) -> Result<Progress, BoxError> {
        if self.end.is_some() || self.held || (self.paused && !self.step) {
            if self.planning.looks_for_ways() && self.end.is_none() && !self.held && self.driver == Driver::Policy {
                // Ways are those of what is seen now, also while it stands still.
                self.is_ready()?;
            }
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
                if self.is_showing_rounds() {
                    self.planning.show_round();
                    return Ok(Progress::Round);
                }
                self.planning.action()
            }
        };
        self.act(action)?;
        Ok(Progress::Stepped)
    }

    fn act(&mut self, action: [f64; 2]) -> Result<(), BoxError> {
        let world = self.world.task().world();
        let (before, velocity) = (world.state(), world.agent().velocity);
        let Outcome { reward, success, over, .. } = self.world.step(Array1::from_iter(action).view())?;
        (self.before, self.since, self.target) = (before, Instant::now(), Some(action));
        self.path.push(self.world.task().world().state().agent.into());
        self.rewards.push(reward);
        self.end = over.then_some(if success { Status::Solved } else { Status::OutOfTime });
        self.step = false;
        self.planning.step();
        if self.driver != Driver::Policy {
            self.recorder.push(DemonstrationStep::new(before, velocity, action, reward));
        }
        if over {
            self.recorder.end(self.seed)?;
        }
        Ok(())
    }

    fn is_waiting(&self) -> bool {
        self.clock == Clock::Lockstep && self.driver == Driver::Policy && self.planning.is_planning()
    }

    /// Whether rounds of a new plan are still to be shown. A world that does not wait has no time for that.
    fn is_showing_rounds(&self) -> bool {
        self.slow_rounds
            && self.clock == Clock::Lockstep
            && self.driver == Driver::Policy
            && self.planning.has_rounds_to_show()
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
        let (task, recipe) = (self.world.task(), self.planning.recipe());
        Scene {
            before: self.before,
            state: task.world().state(),
            since: self.since,
            step_duration: PERIOD.div_f64(self.speed),
            period: PERIOD,
            curves: None,
            keep_out: task.scenario().keep_out.clone(),
            plan: self.planning.shown(!self.is_showing_rounds()),
            ways: self.planning.ways().to_vec(),
            path: self.path.clone(),
            target: self.target,
            rewards: self.rewards.clone(),
            latencies: self.planning.latencies().to_vec(),
            plans: self.planning.count(),
            status: self.status(),
            notice: self.notice.clone(),
            recording: self.recorder.is_on().then(|| self.recorder.steps()),
            saved: self.recorder.saved().cloned(),
            settings: Settings {
                seed: self.seed,
                control_step: task.control_step(),
                max_control_steps: task.scenario().max_control_steps,
                scenario: self.scenario,
                strategy: recipe.strategy,
                solver: recipe.solver,
                steps: recipe.steps,
                clock: self.clock,
                speed: self.speed,
                slow_rounds: self.slow_rounds,
                ways: self.planning.looks_for_ways(),
                driven: matches!(self.driver, Driver::Person(_)),
                replayed: None,
            },
        }
    }
}
