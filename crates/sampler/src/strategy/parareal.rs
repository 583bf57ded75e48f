//! Parareal: a coarse sweep, corrected by fine solves of all blocks at once: SRDS, pipelined (Selvam et al. 2024,
//! arXiv 2412.08292).
//!
//! The N steps are cut into blocks of M = ⌈√N⌉. With X_i the state at the first step of block `i`, F the block's own
//! steps and G a guess of them that costs one evaluation,
//!
//! ```text
//! X⁰_{i+1}   = G(X⁰_i)
//! X^{p+1}_{i+1} = F(X^p_i) + (G(X^{p+1}_i) − G(X^p_i))
//! ```
//!
//! G rolls out the affine rows of the block with the x̂0 at its first state frozen, and with the noise already drawn
//! (for DDIM, clipped or not, that is one step of DDIM across the block). The evaluation that G needs is the first of
//! F, so none is made twice.
//!
//! Every round asks for all that is ready, the wave of coarse steps and the fine steps behind it: X^p_i is there after
//! p M + i − p rounds, so p iterations take
//!
//! ```text
//! p M + ⌈N/M⌉ − p        rounds (√N p + √N − p of the paper)
//! ```
//!
//! A state is final if it is the fine solution from a final state, so at the latest X^i_i; or if all before it are final
//! and the last changes, its own and that of the state before, move the sample by little ([`movement::allowed`]). Where
//! nothing changed the difference of the coarse guesses is an exact zero, so tolerance 0 gives the sequential bytes.
//!
//! A step of DPM-Solver++ also depends on the x̂0 before it: it is part of X, and corrected in the same way. Of order 3, where
//! it depends on a third, it is refused.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, s};

use super::{Diffusion, Method, Rows, Settings, Strategy, StrategyKind, WindowConfig, movement};
use crate::affine_table::Table;
use crate::error::ConfigError;
use crate::statistics::Statistics;
use crate::window::{Drift, Level, Path, Recurrence as _, mean_squared_difference, row, row_mut};

/// How much more a state may have changed than it may be off: what is left after an iteration is what the next one would
/// change, several times less.
const CONTRACTION: f64 = 5.0;

/// `parareal`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind;

impl StrategyKind for Kind {
    fn name(&self) -> &'static str {
        "parareal"
    }

    fn summary(&self) -> &'static str {
        "a coarse sweep corrected by fine solves of all blocks at once (Selvam et al. 2024, arXiv 2412.08292)"
    }

    fn defaults(&self) -> Settings {
        Settings::of_tolerance(WindowConfig::default().tolerance)
    }

    fn method(&self, table: &Table, dim: usize, settings: Settings) -> Result<Box<dyn Method>, ConfigError> {
        if table.lags() > 1 {
            let supported = "solver_order 1 or 2: parareal is defined for steps that depend on two x̂0 at most";
            return Err(ConfigError::unsupported("solver", &format!("{} of order 3", table.solver()), supported));
        }
        Ok(Box::new(Parareal::new(table, settings.config().tolerance, dim)))
    }
}

impl Strategy {
    /// A coarse sweep corrected by fine solves of ⌈√N⌉ steps in all blocks at once, pipelined (Selvam et al. 2024,
    /// arXiv 2412.08292). `tolerance` is as [`WindowConfig::tolerance`].
    pub const fn parareal(tolerance: f64) -> Self {
        Self { kind: &Kind, settings: Settings::of_tolerance(tolerance) }
    }
}

struct Parareal {
    dim: usize,
    /// What the fine solves write to. Of two in one block the first has left the steps that the second is at.
    path: Path,
    blocks: Vec<Block>,
    /// Versions known of X_0, …, X_B, `[B + 1]`.
    versions: Vec<usize>,
    /// Whether the last change of X_0, …, X_B was small enough, `[B + 1]`.
    still: Vec<bool>,
    /// X_0, …, X_B as they are now: the state and the x̂0 before it, `[B + 1, 2 D]`.
    heads: Array2<f32>,
    /// F of every block's head that was solved last, `[B, 2 D]`.
    fine: Array2<f32>,
    /// G of every block's heads of even and of odd version, `[B, 2 D]` each.
    coarse: [Array2<f32>; 2],
    levels: Vec<Level>,
    /// Mean squared change at which X_1, …, X_B are kept, `[B]`.
    limits: Vec<f64>,
    /// Whether the x̂0 before a step matters to it.
    second_order: bool,
    /// Leading heads that are final.
    settled: usize,
    /// Steps whose states are known and wait to be evaluated, and those of the round being evaluated.
    ready: Vec<usize>,
    asked: Vec<usize>,
    /// The rows of the round, `[N, D]` and `[N]`.
    states: Array2<f32>,
    timesteps: Vec<f32>,
    /// Scratch: a new head, `[2 D]`; a state, `[D]`, and a drift.
    head: Vec<f32>,
    state: Vec<f32>,
    drift: Vec<f32>,
}

/// Steps that are solved in order.
struct Block {
    steps: Range<usize>,
    /// Versions of its head with G known, and with F known.
    guessed: usize,
    solved: usize,
}

impl Parareal {
    fn new(table: &Table, tolerance: f64, dim: usize) -> Self {
        let steps = table.steps();
        let length = (steps as f64).sqrt().ceil() as usize;
        let block = |start: usize| Block { steps: start..(start + length).min(steps), guessed: 0, solved: 0 };
        let blocks: Vec<Block> = (0..steps).step_by(length).map(block).collect();
        let levels = movement::levels(table, movement::VARIANCE);
        let allowed = movement::allowed(&levels, movement::REACH);
        let count = blocks.len();
        let drift_width = Diffusion::drift_width(table, dim);
        let points = |rows: usize| Array2::zeros((rows, 2 * dim));
        Self {
            dim,
            path: Path::new(steps, dim, drift_width),
            versions: vec![0; count + 1],
            still: vec![false; count + 1],
            heads: points(count + 1),
            fine: points(count),
            coarse: [points(count), points(count)],
            limits: blocks
                .iter()
                .map(|block| (CONTRACTION * tolerance).powi(2) * allowed[block.steps.end - 1])
                .collect(),
            levels,
            second_order: table.lags() > 0,
            settled: 0,
            ready: Vec::with_capacity(steps),
            asked: Vec::with_capacity(steps),
            states: Array2::zeros((steps, dim)),
            timesteps: Vec::with_capacity(steps),
            head: vec![0.0; 2 * dim],
            state: vec![0.0; dim],
            drift: vec![0.0; drift_width],
            blocks,
        }
    }

    /// Goes on from `step`, whose drift is known now: computes G if it is a block's first step, F if it is its last.
    fn go_on(&mut self, diffusion: &Diffusion<'_>, step: usize) {
        let index = self.blocks.partition_point(|block| block.steps.end <= step);
        let Range { start, end } = self.blocks[index].steps;
        if step == start {
            self.guess(diffusion, index);
        }
        if step + 1 < end {
            self.path.advance(diffusion, step);
            self.ready.push(step + 1);
        } else {
            let (next, before) = row_mut(&mut self.fine, index).split_at_mut(self.dim);
            self.path.advance_from(diffusion, step, self.path.state(step), next);
            before.copy_from_slice(&self.path.drift(step)[..self.dim]);
            self.blocks[index].solved += 1;
        }
    }

    /// G at the head of block `index`.
    fn guess(&mut self, diffusion: &Diffusion<'_>, index: usize) {
        let (block, path) = (&mut self.blocks[index], &mut self.path);
        let first = block.steps.start;
        let (next, before) = row_mut(&mut self.coarse[block.guessed % 2], index).split_at_mut(self.dim);
        path.advance_from(diffusion, first, path.state(first), next);
        // After the first step ε is re-derived from a state that the excess has gone into.
        self.drift.copy_from_slice(path.drift(first));
        self.drift[self.dim..].fill(0.0);
        for step in first + 1..block.steps.end {
            self.state.copy_from_slice(next);
            diffusion.advance(
                step,
                &self.state,
                Drift { current: &self.drift, previous: &self.drift, earlier: &self.drift },
                next,
            );
            if block.guessed == 0 {
                // Nothing better is known there, should the sample be cut short.
                path.drift_mut(step).copy_from_slice(&self.drift);
                path.evaluated_mut(step).copy_from_slice(&self.state);
            }
        }
        before.copy_from_slice(&self.drift[..self.dim]);
        block.guessed += 1;
    }

    /// Makes the next version of the head after block `index`, if all that it depends on is known.
    fn make_head(&mut self, index: usize, statistics: &mut Statistics) {
        let (block, version) = (&self.blocks[index], self.versions[index + 1]);
        let newest_solved = block.solved == self.versions[index];
        let exact = newest_solved && index < self.settled;
        if exact || newest_solved && block.solved > version {
            self.head.copy_from_slice(row(&self.fine, index));
        } else if version == 0 && block.guessed > 0 {
            self.head.copy_from_slice(row(&self.coarse[0], index));
        } else if version > 0 && block.solved == version && block.guessed > version {
            let (new, old) = (row(&self.coarse[version % 2], index), row(&self.coarse[(version + 1) % 2], index));
            for (i, head) in self.head.iter_mut().enumerate() {
                *head = self.fine[[index, i]] + (new[i] - old[i]);
            }
        } else {
            return;
        }
        self.settle(index, exact, statistics);
        self.place(index + 1);
    }

    /// Finds out whether the new head after block `index` is final. Steps before it then need no evaluation any more.
    fn settle(&mut self, index: usize, exact: bool, statistics: &mut Statistics) {
        let compared = if self.second_order { 2 * self.dim } else { self.dim };
        let change = mean_squared_difference(&self.head[..compared], &row(&self.heads, index + 1)[..compared]);
        self.still[index + 1] = self.versions[index + 1] > 0 && change <= self.limits[index];
        // G alone may not show a change of the head before that F would.
        let kept = self.still[index] && self.still[index + 1];
        if index + 1 == self.settled && (exact || kept) {
            if !exact {
                statistics.note_accepted(&[change]);
            }
            let end = self.blocks[index].steps.end;
            self.ready.retain(|step| *step >= end);
            self.settled += 1;
        }
    }

    /// Puts the new head in its place, as X_index.
    fn place(&mut self, index: usize) {
        row_mut(&mut self.heads, index).copy_from_slice(&self.head);
        self.versions[index] += 1;
        let (state, before) = self.head.split_at(self.dim);
        if let Some(block) = self.blocks.get(index) {
            let first = block.steps.start;
            self.path.state_mut(first).copy_from_slice(state);
            if let Some(step) = first.checked_sub(1) {
                self.path.drift_mut(step)[..self.dim].copy_from_slice(before);
            }
            self.ready.push(first);
        }
    }
}

impl Method for Parareal {
    fn begin(&mut self, diffusion: &Diffusion<'_>, _warm: bool) {
        self.blocks.iter_mut().for_each(|block| (block.guessed, block.solved) = (0, 0));
        self.versions.fill(0);
        // X_0 is final, and in its place.
        (self.versions[0], self.still[0], self.settled) = (1, true, 1);
        diffusion.write_initial(self.path.state_mut(0));
        self.ready.clear();
        self.ready.push(0);
    }

    fn ask<'a>(&'a mut self, diffusion: &Diffusion<'a>, _path: &'a mut Path) -> Rows<'a> {
        self.ready.sort_unstable();
        std::mem::swap(&mut self.ready, &mut self.asked);
        self.ready.clear();
        self.timesteps.clear();
        for (row, step) in self.asked.iter().enumerate() {
            row_mut(&mut self.states, row).copy_from_slice(self.path.state(*step));
            self.timesteps.push(diffusion.table().timesteps()[*step]);
        }
        Rows { states: self.states.slice(s![..self.asked.len(), ..]), timesteps: &self.timesteps }
    }

    fn tell(
        &mut self,
        diffusion: &Diffusion<'_>,
        path: &mut Path,
        predictions: ArrayView2<'_, f32>,
        statistics: &mut Statistics,
    ) -> bool {
        // Backwards: a step may write the state that the step after it was evaluated at.
        for row in (0..self.asked.len()).rev() {
            let step = self.asked[row];
            diffusion.write_drifts(&mut self.path, step..step + 1, predictions.slice(s![row..=row, ..]));
            self.path.keep_evaluated(diffusion, step..step);
            self.go_on(diffusion, step);
        }
        for index in self.settled - 1..self.blocks.len() {
            self.make_head(index, statistics);
        }
        let done = self.settled == self.versions.len();
        if done {
            let sample = &row(&self.heads, self.blocks.len())[..self.dim];
            self.path.state_mut(diffusion.steps()).copy_from_slice(sample);
            (0..=diffusion.steps()).for_each(|index| path.state_mut(index).copy_from_slice(self.path.state(index)));
        }
        done
    }

    /// The affine rows with the last x̂0 of every step, corrected for the change of state since by the slope that it has
    /// in the mean.
    fn complete(&mut self, diffusion: &Diffusion<'_>, path: &mut Path) {
        let reached = self.blocks.iter().take_while(|block| block.guessed > 0);
        let known = reached.last().map_or(0, |block| block.steps.end);
        for step in 0..diffusion.steps() {
            self.state.copy_from_slice(path.state(step));
            if step < known {
                self.drift.copy_from_slice(self.path.drift(step));
                let slope = self.levels[step].slope() as f32;
                let changes = self.state.iter().zip(self.path.evaluated(step)).map(|(new, old)| new - old);
                self.drift.iter_mut().zip(changes).for_each(|(drift, change)| *drift += slope * change);
            }
            path.drift_mut(step).copy_from_slice(&self.drift);
            path.advance(diffusion, step);
        }
    }
}
