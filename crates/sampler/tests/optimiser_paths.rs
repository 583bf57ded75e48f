//! The window loop on an optimiser's path, and on states whose size changes on the way (Zhou et al. 2023,
//! arXiv 2311.17082).

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::convert::Infallible;

use ndarray::{ArrayView2, ArrayViewMut2};
use parapolicy_sampler::Statistics;
use parapolicy_sampler::window::{
    Acceptance, Adam, AdaptiveThreshold, CopiedState, Direct, Drift, FixedWindow, FrozenDrift, Increments, Path,
    Process, Recurrence, RelativeChange, RollOut, TailGuess, WindowLoop,
};

const STEPS: usize = 80;
const RATE: f32 = 0.05;

/// Adam on f(x, y) = x⁴/4 + x²/2 + 2 (y − x)²: a state is (x, y) and both moments, a drift the gradient.
struct Valley;

fn gradient(x: f32, y: f32) -> [f32; 2] {
    [x.powi(3) + x - 4.0 * (y - x), 4.0 * (y - x)]
}

impl Recurrence for Valley {
    fn steps(&self) -> usize {
        STEPS
    }

    fn compared(&self, _index: usize, room: usize) -> usize {
        room / 3
    }

    fn advance(&self, step: usize, state: &[f32], drift: Drift<'_>, next: &mut [f32]) {
        next[..2].copy_from_slice(drift.current);
        Adam::default().advance(step, RATE, state, next);
    }
}

impl Process for Valley {
    type Error = Infallible;

    fn drift(
        &mut self,
        steps: &[usize],
        states: ArrayView2<'_, f32>,
        mut drifts: ArrayViewMut2<'_, f32>,
    ) -> Result<(), Infallible> {
        assert_eq!((states.dim(), drifts.dim()), ((steps.len(), 6), (steps.len(), 2)));
        for (state, mut drift) in states.rows().into_iter().zip(drifts.rows_mut()) {
            drift.assign(&ndarray::arr1(&gradient(state[0], state[1])));
        }
        Ok(())
    }
}

/// The same in double precision, as the paper writes it.
fn textbook() -> [f64; 2] {
    let (mut theta, mut m, mut v) = ([1.5_f64, -0.5], [0.0; 2], [0.0; 2]);
    for t in 1..=STEPS as i32 {
        let [x, y] = theta;
        let g = [x.powi(3) + x - 4.0 * (y - x), 4.0 * (y - x)];
        for i in 0..2 {
            m[i] = 0.9 * m[i] + 0.1 * g[i];
            v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
            let (m_hat, v_hat) = (m[i] / (1.0 - 0.9_f64.powi(t)), v[i] / (1.0 - 0.999_f64.powi(t)));
            theta[i] -= f64::from(RATE) * m_hat / (v_hat.sqrt() + 1e-8);
        }
    }
    theta
}

fn descend<R, G, A>(mut window_loop: WindowLoop<R, G, A, FixedWindow>) -> (Path, Statistics)
where
    R: RollOut<Valley>,
    G: TailGuess<Valley>,
    A: Acceptance,
{
    let mut path = Path::new(STEPS, Adam::width(2), 2);
    path.state_mut(0)[..2].copy_from_slice(&[1.5, -0.5]);
    let mut statistics = Statistics::default();
    let Ok(()) = window_loop.run(&mut Valley, &mut path, &mut statistics);
    (path, statistics)
}

fn exact() -> RelativeChange {
    RelativeChange::new(0.0, [1.0; STEPS])
}

#[test]
fn adam_is_the_textbook_s() {
    let (path, statistics) = descend(WindowLoop::new(Direct, FrozenDrift, exact(), FixedWindow(1)));
    for (found, expected) in path.state(STEPS).iter().zip(textbook()) {
        assert!((f64::from(*found) - expected).abs() < 1e-4, "{found} is not {expected}");
    }
    assert_eq!(statistics.rounds, STEPS);
}

#[test]
fn a_window_over_adam_reaches_the_serial_path_to_the_bit() {
    let serial = descend(WindowLoop::new(Direct, FrozenDrift, exact(), FixedWindow(1))).0;
    let direct = descend(WindowLoop::new(Direct, FrozenDrift, exact(), FixedWindow(12))).0;
    let bound_0 = descend(WindowLoop::new(Direct, CopiedState, AdaptiveThreshold::new(0.9, 0.0), FixedWindow(30))).0;
    for path in [direct, bound_0] {
        assert_eq!(path.states(), serial.states());
    }
}

#[test]
fn the_adaptive_threshold_saves_rounds() {
    let serial = descend(WindowLoop::new(Direct, FrozenDrift, exact(), FixedWindow(1))).0;
    let threshold = AdaptiveThreshold::new(0.9, 1e-4);
    let (path, statistics) = descend(WindowLoop::new(Direct, FrozenDrift, threshold, FixedWindow(10)));
    assert!(statistics.rounds < STEPS / 2, "{statistics:?}");
    for (close, exact) in path.state(STEPS).iter().take(2).zip(serial.state(STEPS)) {
        assert!((close - exact).abs() < 0.02, "{close} is not {exact}");
    }
}

/// Grows by a value at every fourth step up to half way and then shrinks, as a scene that is densified and pruned. New
/// values begin at 1; the drift pulls each towards the sum of all.
struct Growing;

const ROOM: usize = 12;

fn width(index: usize) -> usize {
    2 + index.min(STEPS - index) / 4
}

fn pulls(state: &[f32]) -> impl Iterator<Item = f32> {
    let sum: f32 = state.iter().sum();
    state.iter().map(move |value| 0.1 * (sum.sin() - value))
}

impl Recurrence for Growing {
    fn steps(&self) -> usize {
        STEPS
    }

    fn width(&self, index: usize, room: usize) -> usize {
        assert_eq!(room, ROOM);
        width(index)
    }

    fn advance(&self, step: usize, state: &[f32], drift: Drift<'_>, next: &mut [f32]) {
        assert_eq!([state.len(), next.len()], [width(step), width(step + 1)], "only what is in use is handed out");
        next.fill(1.0);
        next.iter_mut().zip(state).zip(drift.current).for_each(|((next, state), drift)| *next = state + drift);
    }
}

impl Process for Growing {
    type Error = Infallible;

    fn drift(
        &mut self,
        steps: &[usize],
        states: ArrayView2<'_, f32>,
        mut drifts: ArrayViewMut2<'_, f32>,
    ) -> Result<(), Infallible> {
        for (row, &step) in steps.iter().enumerate() {
            let state: Vec<f32> = states.row(row).iter().take(width(step)).copied().collect();
            drifts.row_mut(row).iter_mut().zip(pulls(&state)).for_each(|(drift, pull)| *drift = pull);
        }
        Ok(())
    }
}

fn grown() -> Vec<Vec<f32>> {
    let mut states = vec![vec![0.3, -0.2]];
    for step in 0..STEPS {
        let state = &states[step];
        let mut next: Vec<f32> = state.iter().zip(pulls(state)).map(|(value, pull)| value + pull).collect();
        next.resize(width(step + 1), 1.0);
        states.push(next);
    }
    states
}

fn grow<R: RollOut<Growing>, G: TailGuess<Growing>>(roll_out: R, guess: G) -> (Path, Statistics) {
    let mut path = Path::new(STEPS, ROOM, ROOM);
    // What an earlier path left behind what is in use must not matter.
    for index in 0..=STEPS {
        path.state_mut(index).fill(f32::NAN);
    }
    path.state_mut(0)[..2].copy_from_slice(&[0.3, -0.2]);
    let mut statistics = Statistics::default();
    let acceptance = RelativeChange::new(0.0, [1.0; STEPS]);
    let mut window_loop = WindowLoop::new(roll_out, guess, acceptance, FixedWindow(10));
    let Ok(()) = window_loop.run(&mut Growing, &mut path, &mut statistics);
    (path, statistics)
}

#[test]
fn states_may_grow_and_shrink_on_the_way() {
    let expected = grown();
    assert_eq!(expected.iter().map(Vec::len).max(), Some(ROOM));
    for (path, statistics) in [grow(Direct, FrozenDrift), grow(Increments, CopiedState), grow(Direct, CopiedState)] {
        for (index, expected) in expected.iter().enumerate() {
            assert_eq!(&path.state(index)[..width(index)], &expected[..], "state {index}");
            assert!(path.state(index)[width(index)..].iter().all(|value| value.is_nan()), "nothing else is written");
        }
        assert!(statistics.rounds < STEPS, "unchanged states are found: {statistics:?}");
    }
}
