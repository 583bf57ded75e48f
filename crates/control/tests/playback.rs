//! What is sent, from plans that come early, late, wrong, or not at all.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::time::Duration;

use ndarray::{Array2, array};
use parapolicy_control::playback::{Between, Blend, Excess, Late, Limits, Playback, PlaybackConfig, Source, Withheld};
use proptest::prelude::*;

const PERIOD: Duration = Duration::from_millis(100);

fn at(period: u32) -> Duration {
    PERIOD * period
}

fn config() -> PlaybackConfig {
    PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late: Late::Hold,
        limits: Limits::default(),
        max_age: at(100),
        initial: vec![0.0],
        safe: None,
        between: Between::default(),
    }
}

fn playback(config: PlaybackConfig) -> Playback {
    Playback::new(config, 16).unwrap()
}

fn take(playback: &mut Playback, observed: Duration, actions: &Array2<f64>, intended: usize) {
    playback.observe(observed);
    let observed = playback.observed().unwrap();
    assert!(playback.take(observed, actions.view(), intended).unwrap());
}

/// A plan that intends `intended` of its `n` actions, which count up from `first`.
fn take_ramp(playback: &mut Playback, observed: u32, first: f64, n: usize, intended: usize) {
    let actions = Array2::from_shape_fn((n, 1), |(i, _)| first + i as f64);
    take(playback, at(observed), &actions, intended);
}

fn sent(playback: &mut Playback, period: u32) -> (f64, Source, Option<Withheld>) {
    let command = playback.command(at(period));
    (command.action[0], command.source, command.withheld)
}

fn actions(playback: &mut Playback, periods: u32) -> Vec<f64> {
    (0..periods).map(|period| sent(playback, period).0).collect()
}

#[test]
fn a_plan_is_played_from_now_on_and_not_from_its_beginning() {
    let mut playback = playback(config());
    take_ramp(&mut playback, 10, 0.0, 16, 8);
    for period in 10..13 {
        sent(&mut playback, period);
    }
    assert_eq!(playback.left(at(13)), 5);
    assert_eq!(sent(&mut playback, 13), (3.0, Source::Plan, None));
    take_ramp(&mut playback, 13, 100.0, 16, 8);
    assert_eq!(sent(&mut playback, 14), (101.0, Source::Plan, None));
}

#[test]
fn waking_a_little_early_or_late_is_the_same_step() {
    let mut playback = playback(config());
    take_ramp(&mut playback, 0, 0.0, 16, 8);
    actions(&mut playback, 3);
    let jitter = Duration::from_millis(30);
    assert_eq!(playback.command(at(3) - jitter).action[0], 3.0);
    assert_eq!(playback.command(at(3) + jitter).action[0], 3.0);
}

/// Zhao et al. 2023, algorithm 2: weights exp(−m i), i = 0 for the oldest.
#[test]
fn ensembling_weighs_plans_by_their_age() {
    let mut playback = playback(PlaybackConfig { blend: Blend::Ensemble { decay: 0.5 }, ..config() });
    take_ramp(&mut playback, 0, 0.0, 2, 2); // past by now
    take_ramp(&mut playback, 0, 10.0, 16, 8);
    actions(&mut playback, 4);
    take_ramp(&mut playback, 4, 100.0, 16, 8);
    sent(&mut playback, 4);
    let expected = (15.0 + (-0.5f64).exp() * 101.0) / (1.0 + (-0.5f64).exp());
    approx::assert_relative_eq!(sent(&mut playback, 5).0, expected, epsilon = 1e-12);
}

#[test]
fn finishing_goes_on_through_the_horizon() {
    let mut playback = playback(PlaybackConfig { late: Late::Finish, ..config() });
    take_ramp(&mut playback, 0, 1.0, 4, 2);
    let commands: Vec<_> = (0..6).map(|period| sent(&mut playback, period)).collect();
    assert_eq!(commands.iter().map(|command| command.0).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0, 4.0, 4.0]);
    assert_eq!([commands[1].1, commands[2].1], [Source::Plan, Source::Late]);
}

#[test]
fn holding_sends_the_last_action_or_the_safe_one() {
    for (safe, expected) in [(None, [1.0, 2.0, 2.0, 2.0]), (Some(vec![-1.0]), [1.0, 2.0, -1.0, -1.0])] {
        let mut playback = playback(PlaybackConfig { safe, ..config() });
        take_ramp(&mut playback, 0, 1.0, 4, 2);
        assert_eq!(actions(&mut playback, 4), expected);
    }
}

/// From one unit a period to rest over 4 periods: 3/4, 2/4, 1/4 and 0 further.
#[test]
fn decelerating_comes_to_rest_in_the_time_that_was_asked_for() {
    let mut playback = playback(PlaybackConfig { late: Late::Decelerate { within: at(4) }, ..config() });
    take_ramp(&mut playback, 0, 1.0, 2, 2);
    assert_eq!(actions(&mut playback, 8), [1.0, 2.0, 2.75, 3.25, 3.5, 3.5, 3.5, 3.5]);
    take_ramp(&mut playback, 8, 10.0, 4, 4);
    assert_eq!(sent(&mut playback, 8), (10.0, Source::Plan, None));
}

#[test]
fn before_the_first_plan_the_initial_command_is_kept() {
    let mut playback = playback(PlaybackConfig { initial: vec![7.0], ..config() });
    assert_eq!(sent(&mut playback, 0), (7.0, Source::Safe, Some(Withheld::NoPlan)));
}

#[test]
fn a_stale_plan_is_not_followed() {
    let mut playback = playback(PlaybackConfig { max_age: at(3), safe: Some(vec![-1.0]), ..config() });
    take_ramp(&mut playback, 0, 1.0, 16, 16);
    assert_eq!(actions(&mut playback, 4), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(playback.left(at(4)), 0, "what is not trusted is not left");
    assert_eq!(sent(&mut playback, 4), (-1.0, Source::Safe, Some(Withheld::Stale { age: at(4) })));
    take_ramp(&mut playback, 4, 8.0, 16, 16);
    assert_eq!(sent(&mut playback, 5), (8.0, Source::Plan, None), "it recovers with the next plan, at its beginning");
}

#[test]
fn nan_and_excess_are_withheld_and_named() {
    let limits = Limits { min: vec![-5.0], max: vec![5.0], max_change: vec![2.0] };
    let mut playback = playback(PlaybackConfig { limits, ..config() });
    take(&mut playback, at(0), &array![[1.0], [f64::NAN], [9.0], [4.0], [50.0]], 5);
    let commands: Vec<_> = (0..5).map(|period| sent(&mut playback, period)).collect();
    let beyond = |asked, sent| Some(Withheld::BeyondLimits(Excess { index: 0, asked, sent }));
    assert_eq!(commands[1], (1.0, Source::Plan, Some(Withheld::NotFinite { index: 0 })));
    assert_eq!(commands[2], (3.0, Source::Plan, beyond(9.0, 3.0)));
    assert_eq!(commands[3], (4.0, Source::Plan, None));
    assert_eq!(commands[4], (5.0, Source::Plan, beyond(50.0, 5.0)));
}

#[test]
fn what_cannot_be_played_is_refused_by_name() {
    let limits = |min: f64, max: f64, change: f64| Limits { min: vec![min], max: vec![max], max_change: vec![change] };
    let cases = [
        (PlaybackConfig { period: Duration::ZERO, ..config() }, "period is 0, but must be more than 0"),
        (PlaybackConfig { max_age: Duration::ZERO, ..config() }, "max_age is 0, but must be more than 0"),
        (PlaybackConfig { initial: vec![], ..config() }, "initial is empty, but must be at least one value"),
        (PlaybackConfig { initial: vec![f64::NAN], ..config() }, "initial is NaN, but must be finite"),
        (PlaybackConfig { safe: Some(vec![0.0; 2]), ..config() }, "safe has 2 values, but an action has 1"),
        (PlaybackConfig { limits: limits(1.0, -1.0, 1.0), ..config() }, "max is -1, but must be at least min"),
        (PlaybackConfig { limits: limits(-1.0, 1.0, 0.0), ..config() }, "max_change is 0, but must be more than 0"),
        (PlaybackConfig { limits: limits(1.0, 2.0, 1.0), ..config() }, "initial is 0, but must be within the limits"),
        (
            PlaybackConfig { blend: Blend::Ensemble { decay: -1.0 }, ..config() },
            "decay is -1, but must be finite and not negative",
        ),
        (
            PlaybackConfig { late: Late::Decelerate { within: Duration::ZERO }, ..config() },
            "within is 0, but must be more than 0",
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(Playback::new(config, 16).unwrap_err().to_string(), expected);
    }
    let mut playback = playback(config());
    playback.observe(at(0));
    let wrong = playback.take(playback.observed().unwrap(), Array2::zeros((4, 2)).view(), 4).unwrap_err();
    assert!(wrong.to_string().starts_with("a plan of shape [4, 2] cannot be executed"), "{wrong}");
}

/// Numbers as a broken policy may emit them.
fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![3 => -20.0..20.0f64, 1 => any::<f64>()]
}

fn any_late() -> impl Strategy<Value = Late> {
    let decelerate = (1..2000u64).prop_map(|within| Late::Decelerate { within: Duration::from_millis(within) });
    prop_oneof![Just(Late::Finish), Just(Late::Hold), decelerate]
}

proptest! {
    /// Whatever the plans hold and whenever they come, what is sent is finite, within the range, and no further from
    /// the command before than allowed.
    #[test]
    fn nothing_bad_is_ever_sent(
        late in any_late(),
        decay in prop::option::of(0.0..2.0f64),
        events in prop::collection::vec((0..900u64, prop::collection::vec(any_number(), 1..8), 0..9usize), 1..30),
    ) {
        let limits = Limits { min: vec![-3.0], max: vec![3.0], max_change: vec![0.5] };
        let blend = decay.map_or(Blend::Switch, |decay| Blend::Ensemble { decay });
        let mut playback = playback(PlaybackConfig { late, blend, limits, max_age: at(12), ..config() });
        let (mut now, mut last) = (Duration::ZERO, 0.0f64);
        for (wait, values, intended) in events {
            let actions = Array2::from_shape_vec((values.len(), 1), values).unwrap();
            take(&mut playback, now, &actions, intended);
            now += Duration::from_millis(wait);
            let action = playback.command(now).action[0];
            prop_assert!(action.is_finite() && (-3.0..=3.0).contains(&action) && (action - last).abs() <= 0.5 + 1e-12);
            last = action;
        }
    }
}
