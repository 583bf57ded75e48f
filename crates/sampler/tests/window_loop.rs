//! The window loop on a process that is no diffusion: gradient descent with momentum, whose state is wider than its
//! drift (Zhou et al. 2023, arXiv 2311.17082).

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::convert::Infallible;
use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2};
use parapolicy_sampler::Statistics;
use parapolicy_sampler::window::{
    Acceptance, CopiedState, Drift, FixedWindow, FrozenDrift, Increments, Level, Path, Process, Recurrence,
    RelativeChange, Round, Semilinear, TailGuess, WindowLoop, WindowPolicy,
};

const STEPS: usize = 60;

/// Descends f(x) = x⁴/4 + x²/2: the state is (x, velocity), the drift the gradient at x.
struct HeavyBall {
    evaluations: usize,
}

impl Process for HeavyBall {
    type Error = Infallible;

    fn drift(
        &mut self,
        steps: &[usize],
        states: ArrayView2<'_, f32>,
        mut drifts: ArrayViewMut2<'_, f32>,
    ) -> Result<(), Infallible> {
        assert_eq!((states.dim(), drifts.dim()), ((steps.len(), 2), (steps.len(), 1)));
        self.evaluations += steps.len();
        for (state, mut drift) in states.rows().into_iter().zip(drifts.rows_mut()) {
            drift[0] = state[0].powi(3) + state[0];
        }
        Ok(())
    }
}

impl Recurrence for HeavyBall {
    fn steps(&self) -> usize {
        STEPS
    }

    fn advance(&self, _step: usize, state: &[f32], drift: Drift<'_>, next: &mut [f32]) {
        next[1] = 0.5 * state[1] - 0.01 * drift.current[0];
        next[0] = state[0] + next[1];
    }
}

fn serial() -> Vec<f32> {
    let mut states = vec![1.5_f32, 0.0];
    for j in 0..STEPS {
        let (x, velocity) = (states[2 * j], states[2 * j + 1]);
        let next = 0.5 * velocity - 0.01 * (x.powi(3) + x);
        states.extend([x + next, next]);
    }
    states
}

fn iterate<R, G, A, W>(mut window_loop: WindowLoop<R, G, A, W>) -> (Vec<f32>, Statistics)
where
    R: parapolicy_sampler::window::RollOut<HeavyBall>,
    G: TailGuess<HeavyBall>,
    A: Acceptance,
    W: WindowPolicy,
{
    let mut path = Path::new(STEPS, 2, 1);
    path.state_mut(0).copy_from_slice(&[1.5, 0.0]);
    let mut process = HeavyBall { evaluations: 0 };
    let mut statistics = Statistics::default();
    let Ok(()) = window_loop.run(&mut process, &mut path, &mut statistics);
    assert_eq!(process.evaluations, statistics.evaluations);
    (path.states().iter().copied().collect(), statistics)
}

fn test(tolerance: f64) -> RelativeChange {
    RelativeChange::new(tolerance, [1.0; STEPS])
}

#[test]
fn momentum_reaches_the_serial_answer_in_fewer_rounds() {
    let (close, statistics) = iterate(WindowLoop::new(
        Semilinear::new(vec![Level::PLAIN; STEPS], 2),
        FrozenDrift,
        test(1e-3),
        FixedWindow(12),
    ));
    assert!(statistics.rounds < STEPS / 2, "{statistics:?}");
    assert!(close.iter().zip(serial()).all(|(close, exact)| (close - exact).abs() < 1e-2));
}

#[test]
fn increments_reach_the_serial_answer_exactly() {
    let (exact, statistics) = iterate(WindowLoop::new(Increments, CopiedState, test(0.0), FixedWindow(12)));
    assert_eq!(exact, serial());
    assert!(statistics.rounds <= STEPS);
}

/// Grows and shrinks from round to round.
struct Breathing(usize);

impl WindowPolicy for Breathing {
    fn extend(&mut self, asked: &mut Vec<usize>, round: Round) {
        self.0 += 1;
        FixedWindow([16, 3, 30, 0][self.0 % 4]).extend(asked, round);
    }
}

#[test]
fn the_window_may_grow_and_shrink() {
    let (exact, statistics) =
        iterate(WindowLoop::new(Semilinear::new(vec![Level::PLAIN; STEPS], 2), FrozenDrift, test(0.0), Breathing(0)));
    assert_eq!(exact, serial());
    assert_eq!(statistics.windows[..4], [3, 30, 1, 16]);
}

/// Guesses what overflows.
struct Wild;

impl TailGuess<HeavyBall> for Wild {
    fn guess(&mut self, _process: &HeavyBall, path: &mut Path, tail: Range<usize>) {
        for step in tail {
            path.state_mut(step + 1).fill(1e30);
        }
    }
}

#[test]
fn a_guess_that_overflows_costs_rounds_and_nothing_else() {
    let choose = |roll_out| WindowLoop::new(roll_out, Wild, test(0.0), FixedWindow(12));
    assert_eq!(iterate(choose(Semilinear::new(vec![Level::PLAIN; STEPS], 2))).0, serial());
    let increments = WindowLoop::new(Increments, Wild, test(0.0), FixedWindow(12));
    assert_eq!(iterate(increments).0, serial());
}
