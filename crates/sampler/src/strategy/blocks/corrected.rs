//! PIADM-ODE (Chen et al. 2024, arXiv 2405.15986, algorithm 2): the distribution of deterministic steps drifts away from the
//! data's, so after every block but the last a corrector mixes the state at the block's noise level without changing the
//! density of that level.
//!
//! The corrector is underdamped Langevin dynamics, with the score s = (√ᾱ x̂0 − x) / (1−ᾱ) = −ε/σ. With lengths in units
//! of σ = √(1−ᾱ), in which the score changes by at most 1 for a change of 1,
//!
//! ```text
//! dx = u dt
//! du = (−γ u − σ ε) dt + σ √(2γ) dW,      u ~ N(0, σ²) before the first step
//! ```
//!
//! in steps of length h by the exponential integrator, ε frozen over the step (Cheng et al. 2018, arXiv 1707.03663):
//!
//! ```text
//! a  = e^{−γh},  ψ₁ = (1 − a)/γ,  ψ₂ = (h − ψ₁)/γ
//! x' = x + ψ₁ u − σ ψ₂ ε + σ ξ_x
//! u' = a u − σ ψ₁ ε + σ ξ_u
//! Var ξ_u = 1 − a²,  Cov = (1 − a)²/γ,  Var ξ_x = (2γh − 3 + 4a − a²)/γ²
//! ```
//!
//! Predictor and corrector are one sequence of states (x, u), iterated in blocks. Its result is another sample than that
//! of `sequential`, of a distribution that is closer to the data's. The corrector's noise follows from the sample's.

use ndarray::{Array2, ArrayView2, s};
use rand_distr::{Distribution as _, StandardNormal};

use super::{Blocks, Method, WindowConfig, blocks, ends, movement};
use crate::affine_table::Table;
use crate::noise::Noise;
use crate::statistics::Statistics;
use crate::strategy::{Diffusion, Rows};
use crate::window::{Drift, Path, Recurrence, row_mut};

/// γ, of the order of the square root of the score's slope.
const FRICTION: f64 = 2.0;
/// Steps of a corrector, and their length h.
const STEPS: usize = 4;
const LENGTH: f64 = 0.25;

/// A step of the whole sequence.
#[derive(Clone, Copy)]
enum Stage {
    /// The table's step.
    Predict(usize),
    /// A step of the corrector on the state before the table's step.
    Correct { level: usize, first: bool },
}

/// The sequence without its heavy part.
struct Sequence<'a> {
    diffusion: Diffusion<'a>,
    stages: &'a [Stage],
    corrector_noise: &'a Array2<f32>,
    langevin: Langevin,
}

/// A corrector step's coefficients.
#[derive(Clone, Copy)]
struct Langevin {
    /// a, ψ₁, ψ₂.
    decay: f32,
    travel: f32,
    push: f32,
    /// ξ_u = velocity_noise · ζ₁ and ξ_x = shared_noise · ζ₁ + own_noise · ζ₂ with standard normal ζ.
    velocity_noise: f32,
    shared_noise: f32,
    own_noise: f32,
}

pub(super) struct Corrected {
    dim: usize,
    stages: Vec<Stage>,
    iteration: Blocks,
    /// States (x, u) and drifts of the sequence.
    path: Path,
    /// Standard normal noise of the corrector's steps: ζ₁, ζ₂ and, for the first, u/σ, `[stages, 3 D]`.
    corrector_noise: Array2<f32>,
    /// The rows of the round.
    states: Array2<f32>,
    timesteps: Vec<f32>,
}

impl Stage {
    /// The table's step whose noise level the stage begins at.
    fn level(self) -> usize {
        match self {
            Self::Predict(step) => step,
            Self::Correct { level, .. } => level,
        }
    }

    /// The table's state that the stage leads to.
    fn target(self) -> usize {
        match self {
            Self::Predict(step) => step + 1,
            Self::Correct { level, .. } => level,
        }
    }
}

impl Langevin {
    /// Of a step of `length`.
    fn new(length: f64) -> Self {
        let decay = (-FRICTION * length).exp();
        let travel = (1.0 - decay) / FRICTION;
        let velocity_noise = (1.0 - decay * decay).sqrt();
        let shared_noise = (1.0 - decay).powi(2) / FRICTION / velocity_noise;
        let variance = (2.0 * FRICTION * length - 3.0 + 4.0 * decay - decay * decay) / FRICTION.powi(2);
        Self {
            decay: decay as f32,
            travel: travel as f32,
            push: ((length - travel) / FRICTION) as f32,
            velocity_noise: velocity_noise as f32,
            shared_noise: shared_noise as f32,
            own_noise: (variance - shared_noise * shared_noise).max(0.0).sqrt() as f32,
        }
    }
}

impl Recurrence for Sequence<'_> {
    fn steps(&self) -> usize {
        self.stages.len()
    }

    fn settle(&self, stage: usize, state: &[f32], drift: &mut [f32]) {
        if let Stage::Predict(step) = self.stages[stage] {
            self.diffusion.settle(step, &state[..state.len() / 2], drift);
        }
    }

    fn advance(&self, stage: usize, state: &[f32], drift: Drift<'_>, next: &mut [f32]) {
        let (x, u) = state.split_at(state.len() / 2);
        let (next_x, next_u) = next.split_at_mut(x.len());
        match self.stages[stage] {
            Stage::Predict(step) => {
                self.diffusion.advance(step, x, drift, next_x);
                next_u.copy_from_slice(u);
            }
            Stage::Correct { level, first } => {
                let row = &self.diffusion.table().rows()[level];
                let l = &self.langevin;
                for i in 0..x.len() {
                    let scaled = |part: usize| row.sigma * self.corrector_noise[[stage, part * x.len() + i]];
                    let u = if first { scaled(2) } else { u[i] };
                    let epsilon = x[i] - row.alpha * drift.current[i];
                    next_x[i] =
                        x[i] + l.travel * u - l.push * epsilon + l.shared_noise * scaled(0) + l.own_noise * scaled(1);
                    next_u[i] = l.decay * u - l.travel * epsilon + l.velocity_noise * scaled(0);
                }
                self.diffusion.write_known(next_x);
            }
        }
    }
}

impl Corrected {
    pub(super) fn new(table: &Table, config: WindowConfig, dim: usize) -> Self {
        let mut stages = Vec::new();
        let mut stage_ends = Vec::new();
        let mut start = 0;
        for end in ends(0..table.steps(), config.window) {
            stages.extend((start..end).map(Stage::Predict));
            stage_ends.push(stages.len());
            if end < table.steps() {
                let corrector = stages.len()..stages.len() + STEPS;
                stages.extend((0..STEPS).map(|step| Stage::Correct { level: end, first: step == 0 }));
                stage_ends.extend(ends(corrector, config.window.min(table.steps())));
            }
            start = end;
        }
        let allowed = movement::allowed(&movement::levels(table, movement::VARIANCE), movement::REACH);
        // Half of the values are the velocity, which the predictor leaves as it is.
        let allowed: Vec<f64> = stages.iter().map(|stage| allowed[stage.target() - 1] / 2.0).collect();
        let mut iteration = blocks(stage_ends, config.tolerance, allowed);
        iteration.reserve(table.steps());
        Self {
            dim,
            iteration,
            path: Path::new(stages.len(), 2 * dim, Diffusion::drift_width(table, dim)),
            corrector_noise: Array2::zeros((stages.len(), 3 * dim)),
            states: Array2::zeros((table.steps(), dim)),
            timesteps: Vec::with_capacity(table.steps()),
            stages,
        }
    }

    /// What the iteration works on and with.
    fn parts<'a>(&'a mut self, diffusion: &Diffusion<'a>) -> (Sequence<'a>, &'a mut Blocks, &'a mut Path) {
        let langevin = Langevin::new(LENGTH);
        let sequence =
            Sequence { diffusion: *diffusion, stages: &self.stages, corrector_noise: &self.corrector_noise, langevin };
        (sequence, &mut self.iteration, &mut self.path)
    }

    fn draw_corrector_noise(&mut self, noise: &Noise) {
        let mut generator = noise.generator();
        for (stage, mut row) in self.stages.iter().zip(self.corrector_noise.rows_mut()) {
            if matches!(stage, Stage::Correct { .. }) {
                row.iter_mut().for_each(|value| *value = StandardNormal.sample(&mut generator));
            }
        }
    }

    /// Hands over the states that the table's steps begin and end at, corrected where there is a corrector.
    fn hand_over(&self, path: &mut Path) {
        for (stage, step) in self.stages.iter().enumerate() {
            path.state_mut(step.target()).copy_from_slice(&self.path.state(stage + 1)[..self.dim]);
        }
    }
}

impl Method for Corrected {
    fn begin(&mut self, diffusion: &Diffusion<'_>, _warm: bool) {
        self.draw_corrector_noise(diffusion.noise());
        let (x, u) = self.path.state_mut(0).split_at_mut(self.dim);
        diffusion.write_initial(x);
        u.fill(0.0);
        self.iteration.begin::<Sequence<'_>>(false);
    }

    fn ask<'a>(&'a mut self, diffusion: &Diffusion<'a>, _path: &'a mut Path) -> Rows<'a> {
        let (sequence, iteration, path) = self.parts(diffusion);
        iteration.ask(&sequence, path);
        let asked = self.iteration.asked();
        self.timesteps.clear();
        for (row, stage) in asked.iter().enumerate() {
            row_mut(&mut self.states, row).copy_from_slice(&self.path.state(*stage)[..self.dim]);
            self.timesteps.push(diffusion.table().timesteps()[self.stages[*stage].level()]);
        }
        Rows { states: self.states.slice(s![..asked.len(), ..]), timesteps: &self.timesteps }
    }

    fn tell(
        &mut self,
        diffusion: &Diffusion<'_>,
        path: &mut Path,
        predictions: ArrayView2<'_, f32>,
        statistics: &mut Statistics,
    ) -> bool {
        for (row, stage) in self.iteration.asked().iter().enumerate() {
            let step = &diffusion.table().rows()[self.stages[*stage].level()];
            diffusion.write_drift(step, self.states.row(row), predictions.row(row), self.path.drift_mut(*stage));
        }
        let (sequence, iteration, own_path) = self.parts(diffusion);
        let done = iteration.tell(&sequence, own_path, statistics);
        if done {
            self.hand_over(path);
        }
        done
    }

    fn complete(&mut self, diffusion: &Diffusion<'_>, path: &mut Path) {
        let (sequence, iteration, own_path) = self.parts(diffusion);
        iteration.complete(&sequence, own_path);
        self.hand_over(path);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayViewMut2;

    use super::*;
    use crate::config::SchedulerConfig;
    use crate::denoiser::{BoxError, Denoiser};
    use crate::inpainting::Inpainting;
    use crate::sampler::Sampler;
    use crate::solver::Solver;
    use crate::strategy::Strategy;

    const DIM: usize = 3;

    /// ε̂ of a state, of no data in particular.
    fn epsilon(x: f32) -> f32 {
        0.8 * x + 0.3 * (2.0 * x).sin()
    }

    struct Sine;

    impl Denoiser for Sine {
        fn predict(
            &mut self,
            samples: ArrayView2<'_, f32>,
            _timesteps: &[f32],
            mut prediction: ArrayViewMut2<'_, f32>,
        ) -> Result<(), BoxError> {
            prediction.zip_mut_with(&samples, |prediction, x| *prediction = epsilon(*x));
            Ok(())
        }
    }

    /// One stage after the other.
    fn serial(table: &Table, config: WindowConfig, noise: &Noise) -> Vec<f32> {
        let mut corrected = Corrected::new(table, config, DIM);
        let known = Inpainting::none(DIM);
        let diffusion = Diffusion::new(table, noise, &known);
        corrected.begin(&diffusion, false);
        let width = Diffusion::drift_width(table, DIM);
        let (mut state, mut next) = (corrected.path.state(0).to_vec(), vec![0.0; 2 * DIM]);
        let (sequence, ..) = corrected.parts(&diffusion);
        for (index, stage) in sequence.stages.iter().enumerate() {
            let x = ndarray::aview1(&state[..DIM]);
            let mut drift = vec![0.0; width];
            diffusion.write_drift(&table.rows()[stage.level()], x, x.mapv(epsilon).view(), &mut drift);
            sequence.advance(index, &state, Drift { current: &drift, previous: &drift, earlier: &drift }, &mut next);
            state.copy_from_slice(&next);
        }
        state[..DIM].to_vec()
    }

    #[test]
    fn at_tolerance_0_the_blocks_reach_the_serial_sample_to_the_bit() {
        let table = Table::new(&SchedulerConfig::default(), Solver::Ddim { eta: 0.0 }, 30).unwrap();
        for (seed, window) in (0..).zip([1, 3, 7, 20, 30]) {
            let (config, noise) = (WindowConfig { window, tolerance: 0.0 }, Noise::draw(seed, 30, DIM));
            let mut sampler = Sampler::new(table.clone(), Strategy::blocks(config), DIM).unwrap();
            let found = sampler.sample(&mut Sine, &noise).unwrap().sample().to_vec();
            assert_eq!(found, serial(&table, config, &noise), "window {window}");
        }
    }

    /// Variances of x and u and their covariance after a step without a force.
    fn spread(l: Langevin) -> [f32; 3] {
        [
            l.shared_noise * l.shared_noise + l.own_noise * l.own_noise,
            l.velocity_noise * l.velocity_noise,
            l.shared_noise * l.velocity_noise,
        ]
    }

    #[test]
    fn two_steps_without_a_force_spread_as_one_of_twice_the_length() {
        let (short, long) = (Langevin::new(LENGTH), Langevin::new(2.0 * LENGTH));
        let [x, u, both] = spread(short);
        let (a, t) = (short.decay, short.travel);
        let twice = [2.0 * x + 2.0 * t * both + t * t * u, a * a * u + u, a * both + a * t * u + both];
        let close = |(found, expected): (&f32, &f32)| (found - expected).abs() < 1e-6;
        assert!(twice.iter().zip(&spread(long)).all(close), "{twice:?} {:?}", spread(long));
        assert!((short.decay * short.decay - long.decay).abs() < 1e-6);
    }
}
