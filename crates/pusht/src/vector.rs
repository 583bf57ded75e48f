//! Many tasks at once, on every core.

use crate::parallel;
use crate::scenario::Scenario;
use crate::state::State;
use crate::task::{Task, Transition};
use crate::world::WorldError;

/// Tasks under one scenario that are stepped in one call; each behaves as if alone.
pub struct VectorWorld {
    tasks: Vec<Task>,
}

/// One action of a batch cannot be carried out, or the batch has the wrong size.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// Not one item for every task.
    #[error("{given} {what} for {tasks} tasks: give one for each")]
    Count {
        /// Seeds or actions.
        what: &'static str,
        /// How many were given.
        given: usize,
        /// How many tasks there are.
        tasks: usize,
    },
    /// There is no such task.
    #[error("there is no task {task}: they are numbered from 0, and there are {tasks}")]
    NoTask {
        /// Which was asked for.
        task: usize,
        /// How many there are.
        tasks: usize,
    },
    /// A task refuses its action, or its start.
    #[error("task {task}: {source}")]
    Task {
        /// Which task, from 0.
        task: usize,
        /// Why.
        source: WorldError,
    },
}

impl VectorWorld {
    /// `count` tasks under one scenario.
    pub fn new(scenario: &Scenario, count: usize) -> Self {
        Self { tasks: (0..count).map(|_| Task::new(scenario.clone())).collect() }
    }

    /// The tasks, in order.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// Begins an episode in every task, one seed each.
    ///
    /// # Errors
    /// If there is not one seed for every task.
    pub fn reset(&mut self, seeds: &[u64]) -> Result<Vec<State>, VectorError> {
        self.expect_one_each("seeds", seeds.len())?;
        Ok(parallel::map(&mut self.tasks, |task, playing| playing.reset(seeds[task])))
    }

    /// Begins an episode of one task where `start` says.
    ///
    /// # Errors
    /// If there is no such task, or a number of `start` is not finite or absurdly large; nothing moves then.
    pub fn reset_to(&mut self, task: usize, start: &State) -> Result<State, VectorError> {
        let tasks = self.tasks.len();
        let reset = self.tasks.get_mut(task).ok_or(VectorError::NoTask { task, tasks })?;
        reset.reset_to(start).map_err(|source| VectorError::Task { task, source })
    }

    /// Steps every task, one action each.
    ///
    /// # Errors
    /// If there is not one action for every task, or an action is not finite or absurdly large; nothing moves then.
    pub fn step(&mut self, actions: &[[f64; 2]]) -> Result<Vec<Transition>, VectorError> {
        self.expect_one_each("actions", actions.len())?;
        let refusal = |task, source| VectorError::Task { task, source };
        for (task, &action) in actions.iter().enumerate() {
            crate::World::check_action(action).map_err(|source| refusal(task, source))?;
        }
        let step = |task: usize, playing: &mut Task| playing.step(actions[task]).map_err(|e| refusal(task, e));
        parallel::map(&mut self.tasks, step).into_iter().collect()
    }

    fn expect_one_each(&self, what: &'static str, given: usize) -> Result<(), VectorError> {
        let tasks = self.tasks.len();
        if given == tasks { Ok(()) } else { Err(VectorError::Count { what, given, tasks }) }
    }
}
