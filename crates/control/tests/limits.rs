//! Whatever plans come, and whatever the clock says: no command is beyond a limit on position, velocity, acceleration or jerk, by
//! a checker that knows nothing of how commands are made.
//!
//! `CONTROL_STEPS=1000000 cargo test --release -p parapolicy-control --test limits` takes more steps.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]
#![allow(clippy::needless_range_loop, reason = "an axis is an index into many lists")]

use std::sync::Arc;
use std::time::Duration;

use ndarray::{Array2, ArrayView1, aview1};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{
    CommandSource as _, Continuity, ControllerConfig, Deadline, Fade, Replan, SamplingTime, SimulatedController,
};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{
    Between, Blend, Interpolation, Late, Limits, Moment, MotionLimits, Playback, PlaybackConfig,
};
use parapolicy_control::{BoxError, EpisodeObserver, Latency, Plan, Policy};
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const CYCLE: Duration = Duration::from_millis(10);
const PERIOD: Duration = Duration::from_millis(100);
const DIM: usize = 2;
const MIN: [f64; DIM] = [-1.0, 100.0];
const MAX: [f64; DIM] = [1.0, 500.0];
const VELOCITY: [f64; DIM] = [2.0, 300.0];
const ACCELERATION: [f64; DIM] = [10.0, 2000.0];
const JERK: [f64; DIM] = [200.0, 50_000.0];
const START: [f64; DIM] = [0.0, 256.0];

/// Steps of each test: a million in all where that is asked for.
fn steps() -> usize {
    std::env::var("CONTROL_STEPS").map_or(20_000, |steps| steps.parse().unwrap())
}

/// Looks at commands alone, a cycle from each to the next.
struct Checker {
    commands: Vec<[f64; DIM]>,
    steps: usize,
}

impl Checker {
    fn new() -> Self {
        Self { commands: vec![START; 3], steps: 0 }
    }

    fn see(&mut self, command: &[f64], what: &str) {
        self.steps += 1;
        self.commands.push([command[0], command[1]]);
        let dt = CYCLE.as_secs_f64();
        for axis in 0..DIM {
            let [d, c, b, a] = [0, 1, 2, 3].map(|back| self.commands[self.commands.len() - 1 - back][axis]);
            assert!(d.is_finite() && (MIN[axis]..=MAX[axis]).contains(&d), "{what}, axis {axis}: position {d}");
            let order = [
                ("velocity", (d - c) / dt, VELOCITY[axis], 1),
                ("acceleration", (d - 2.0 * c + b) / dt.powi(2), ACCELERATION[axis], 2),
                ("jerk", (d - 3.0 * c + 3.0 * b - a) / dt.powi(3), JERK[axis], 3),
            ];
            for (name, value, limit, power) in order {
                // What rounding of the positions alone can make of it.
                let rounding = 16.0 * f64::EPSILON * MAX[axis] / dt.powi(power);
                let most = limit * (1.0 + 1e-6) + rounding;
                assert!(value.abs() <= most, "{what}, step {}, axis {axis}: {name} {value}, limit {limit}", self.steps);
            }
        }
        self.commands.remove(0);
    }
}

fn config(interpolation: Interpolation, blend: Blend, late: Late) -> PlaybackConfig {
    PlaybackConfig {
        period: PERIOD,
        blend,
        late,
        limits: Limits { min: MIN.to_vec(), max: MAX.to_vec(), max_change: Vec::new() },
        max_age: Duration::from_secs(2),
        initial: START.to_vec(),
        safe: None,
        between: Between {
            interpolation,
            parts: Vec::new(),
            motion: Some(MotionLimits {
                cycle: CYCLE,
                velocity: VELOCITY.to_vec(),
                acceleration: ACCELERATION.to_vec(),
                jerk: JERK.to_vec(),
            }),
        },
    }
}

fn any_config(random: &mut impl Rng) -> PlaybackConfig {
    let interpolation = [Interpolation::Hold, Interpolation::Linear, Interpolation::Cubic][random.random_range(0..3)];
    let blend =
        [Blend::Switch, Blend::Ensemble { decay: 0.1 }, Blend::Queue { newest: 0.7 }][random.random_range(0..3)];
    let late = [Late::Finish, Late::Hold, Late::Decelerate { within: PERIOD * 3 }][random.random_range(0..3)];
    config(interpolation, blend, late)
}

/// What a policy may do to a robot.
#[derive(Clone, Copy, Debug)]
enum Malice {
    NotANumber,
    Infinite,
    Huge,
    Jumps,
    Nyquist,
    Drift,
    Corner,
    Smooth,
}

const ALL: [Malice; 8] = [
    Malice::NotANumber,
    Malice::Infinite,
    Malice::Huge,
    Malice::Jumps,
    Malice::Nyquist,
    Malice::Drift,
    Malice::Corner,
    Malice::Smooth,
];

/// A plan of `rows` actions.
fn plan(malice: Malice, rows: usize, random: &mut impl Rng) -> Array2<f64> {
    let (phase, offset): (f64, f64) = (random.random(), random.random());
    let between = |axis: usize, share: f64| MIN[axis] + share * (MAX[axis] - MIN[axis]);
    let jumps: Vec<f64> = (0..rows * DIM).map(|_| 3.0 * random.random::<f64>() - 1.0).collect();
    Array2::from_shape_fn((rows, DIM), |(row, axis)| match malice {
        Malice::NotANumber if row % 3 == 1 => f64::NAN,
        Malice::Infinite if row % 2 == 1 => f64::NEG_INFINITY,
        Malice::Huge => 1e300 * (phase - 0.5),
        Malice::Jumps => between(axis, jumps[row * DIM + axis]),
        Malice::Nyquist => between(axis, if row % 2 == 0 { 0.0 } else { 1.0 }),
        Malice::Drift => between(axis, offset + 0.5 * row as f64),
        Malice::Corner => {
            if phase < 0.5 {
                MIN[axis]
            } else {
                MAX[axis]
            }
        }
        _ => between(axis, 0.5 + 0.4 * (0.3 * row as f64 + 6.0 * phase).sin()),
    })
}

/// Plans that come late and out of order, of any length, under a clock that jumps both ways and sensors that stand still.
#[test]
fn no_command_of_a_playback_is_beyond_a_limit() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut checker, mut playback) = (Checker::new(), Playback::new(any_config(&mut random), 16).unwrap());
    let mut clock = Duration::from_secs(1000);
    let mut waiting: Vec<(Moment, Array2<f64>, usize)> = Vec::new();
    let mut what = String::new();
    for step in 0..steps() {
        if step % 5000 == 4999 {
            // Another configuration begins where this one stands, at rest.
            let rest: Vec<f64> = playback.last().to_vec();
            (playback, checker) = (Playback::new(any_config(&mut random), 16).unwrap(), Checker::new());
            playback.rest_at(ArrayView1::from(&rest)).unwrap();
            checker.commands = vec![[rest[0], rest[1]]; 3];
            waiting.clear();
        }
        clock = match random.random_range(0..1000) {
            0 => clock + Duration::from_secs(random.random_range(0..100)),
            1 => clock.saturating_sub(Duration::from_secs(random.random_range(0..100))),
            2 => clock.saturating_sub(PERIOD * random.random_range(0..3)),
            3..10 => clock,
            _ => clock + CYCLE,
        };
        if step % 10 == 0 && random.random_range(0..4) > 0 {
            // A camera that stands still says an old time.
            let seen = if random.random_range(0..20) == 0 { clock.saturating_sub(PERIOD * 7) } else { clock };
            playback.observe(seen);
            let malice = ALL[random.random_range(0..ALL.len())];
            let rows = random.random_range(1..20);
            waiting.push((playback.observed().unwrap(), plan(malice, rows, &mut random), random.random_range(0..20)));
            what = format!("{malice:?}");
        }
        if !waiting.is_empty() && random.random_range(0..12) == 0 {
            let (observed, actions, intended) = waiting.swap_remove(random.random_range(0..waiting.len()));
            playback.take(observed, actions.view(), intended).unwrap();
        }
        let command = playback.command(clock);
        checker.see(command.action.as_slice().unwrap(), &what);
    }
}

/// A policy that does its worst, anew with every plan.
struct Hostile {
    random: ChaCha8Rng,
    fixed: Option<Malice>,
}

impl Policy for Hostile {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, _observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let malice = self.fixed.unwrap_or(ALL[self.random.random_range(0..ALL.len())]);
        let rows = self.random.random_range(0..24);
        if self.random.random_range(0..30) == 0 {
            return Err("out of its mind".into());
        }
        let actions = if self.random.random_range(0..30) == 0 {
            Array2::zeros((rows, DIM + 1))
        } else {
            plan(malice, rows, &mut self.random)
        };
        Ok(Plan { actions, intended: self.random.random_range(0..24), ..Plan::default() })
    }
}

fn latencies(random: &mut impl Rng) -> SamplingTime {
    let mut latency = Latency::new();
    (0..20).for_each(|_| latency.record(Duration::from_millis(random.random_range(0..900))));
    SamplingTime::Drawn(latency)
}

/// The same through a controller, each kind of malice by itself and all together.
#[test]
fn no_command_of_a_controller_is_beyond_a_limit() {
    let kinds: Vec<Option<Malice>> = ALL.iter().copied().map(Some).chain([None]).collect();
    for (index, fixed) in kinds.iter().enumerate() {
        let mut random = ChaCha8Rng::seed_from_u64(index as u64);
        let config = ControllerConfig {
            playback: any_config(&mut random),
            replan: Replan::Always,
            continuity: Continuity::inpaint(Fade::Exponential),
            deadline: Deadline::Own,
            check: PlanCheck::default(),
            n_obs_steps: 2,
            observation_dim: 1,
            entries: Entries::default(),
            horizon: 16,
            watchdog: Duration::from_hours(1),
        };
        let mut policy = Hostile { random: ChaCha8Rng::seed_from_u64(index as u64), fixed: *fixed };
        let sampling = latencies(&mut random);
        let mut controller = SimulatedController::new(config, &mut policy, sampling).unwrap();
        let nobody: Arc<dyn EpisodeObserver> = Arc::new(());
        controller.begin(0, aview1(&START), &nobody).unwrap();
        let (mut checker, mut clock) = (Checker::new(), Duration::ZERO);
        let what = format!("{fixed:?}");
        for _ in 0..steps() / kinds.len() {
            clock = match random.random_range(0..500) {
                0 => clock + Duration::from_secs(random.random_range(0..10)),
                1 => clock.saturating_sub(Duration::from_secs(random.random_range(0..10))),
                _ => clock + CYCLE,
            };
            controller.observe(aview1(&[0.0]), clock).unwrap();
            let command = controller.command(clock);
            checker.see(command.action.as_slice().unwrap(), &what);
        }
        controller.events();
    }
}

/// The checker would notice: without the generator commands jump.
#[test]
#[should_panic(expected = "limit")]
fn a_playback_without_limits_on_its_motion_is_found_out() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let config =
        PlaybackConfig { between: Between::default(), ..config(Interpolation::Hold, Blend::Switch, Late::Finish) };
    let (mut checker, mut playback) = (Checker::new(), Playback::new(config, 16).unwrap());
    playback.observe(Duration::ZERO);
    let observed = playback.observed().unwrap();
    playback.take(observed, plan(Malice::Nyquist, 16, &mut random).view(), 16).unwrap();
    for step in 0..100 {
        let command = playback.command(CYCLE * step);
        checker.see(command.action.as_slice().unwrap(), "without limits");
    }
}

/// A plan that keeps the limits is followed to where it leads.
#[test]
fn a_plan_within_the_limits_is_followed() {
    for interpolation in [Interpolation::Hold, Interpolation::Linear, Interpolation::Cubic] {
        let mut playback = Playback::new(config(interpolation, Blend::Switch, Late::Finish), 32).unwrap();
        playback.observe(Duration::ZERO);
        let observed = playback.observed().unwrap();
        let ramp = |row: usize, axis: usize| START[axis] + VELOCITY[axis] * 0.02 * row.min(15) as f64;
        let actions = Array2::from_shape_fn((32, DIM), |(row, axis)| ramp(row, axis));
        playback.take(observed, actions.view(), 32).unwrap();
        let sent: Vec<Vec<f64>> = (0..320).map(|step| playback.command(CYCLE * step).action.to_vec()).collect();
        for axis in 0..DIM {
            let last = sent[319][axis];
            assert!((last - ramp(15, axis)).abs() < 1e-6 * VELOCITY[axis], "{interpolation:?}: {last}");
            // On the ramp it is no farther behind than a plan's action.
            let behind = (sent[100][axis] - ramp(10, axis)).abs();
            assert!(behind < 2.0 * VELOCITY[axis] * 0.02, "{interpolation:?}: {behind}");
        }
    }
}
