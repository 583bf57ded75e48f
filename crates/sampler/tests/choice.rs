//! The choice of a strategy, on costs and rounds whose answer is known.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use parapolicy_sampler::{BatchCost, Choice, Profile, Strategy, WindowConfig, choose};
use proptest::prelude::{Just, any, prop, prop_assert, prop_oneof, proptest};
use proptest::strategy::Strategy as Generator;

const STEPS: usize = 96;

fn picard(window: usize) -> Strategy {
    Strategy::picard(WindowConfig { window, tolerance: 0.1 })
}

/// `sequential`, and `picard` as if each round of `w` rows took `√w` steps to their end.
fn profiles() -> Vec<Profile> {
    let parallel = [4, 16, 36, 64].map(|window: usize| Profile {
        strategy: picard(window),
        own_ms: 0.0,
        deviation: 0.01,
        plans: vec![vec![window; STEPS / window.isqrt()]; 3],
    });
    let sequential =
        Profile { strategy: Strategy::sequential(), own_ms: 0.0, deviation: 0.0, plans: vec![vec![1; STEPS]] };
    std::iter::once(sequential).chain(parallel).collect()
}

/// c(p) = fixed + each p.
fn affine(fixed: f64, each: f64) -> BatchCost {
    BatchCost::new([1, 2, 8, 32, 128].map(|rows| (rows, fixed + each * rows as f64)).to_vec()).unwrap()
}

fn chosen(cost: &BatchCost) -> Choice {
    choose(cost, &profiles(), 0.1).unwrap()
}

#[test]
fn where_rows_are_free_the_widest_window_wins() {
    let choice = chosen(&affine(1.0, 0.0));
    assert_eq!(choice.best.strategy, picard(64));
    assert_eq!((choice.best.rounds, choice.best.evaluations, choice.best.latency_ms), (12.0, 768.0, 12.0));
    assert_eq!(choice.other.unwrap().latency_ms, 96.0);
}

#[test]
fn where_every_row_costs_the_same_sequential_wins() {
    let choice = chosen(&affine(0.0, 1.0));
    assert_eq!(choice.best.strategy, Strategy::sequential());
    assert_eq!(choice.other.unwrap().strategy, picard(4), "the one that comes next");
    assert_eq!(
        choice.to_string(),
        "sequential: 96.0 rounds of about 1 row, 96.0 ms expected; picard, window 4: 192.0 ms"
    );
}

/// √w steps a round at 1 + w/16 each: (1 + w/16)/√w is least at w = 16.
#[test]
fn between_the_two_the_window_follows_the_cost() {
    assert_eq!(chosen(&affine(1.0, 1.0 / 16.0)).best.strategy, picard(16));
    assert_eq!(chosen(&affine(1.0, 1.0 / 64.0)).best.strategy, picard(64));
}

#[test]
fn of_two_as_fast_the_one_with_fewer_rows_wins() {
    let profile = |window, rounds| {
        let plans = vec![vec![window; rounds]];
        Profile { strategy: picard(window), own_ms: 0.0, deviation: 0.01, plans }
    };
    let flat = affine(1.0, 0.0);
    let best = |profiles: &[Profile]| choose(&flat, profiles, 0.1).unwrap().best.strategy;
    assert_eq!(best(&[profile(64, 100), profile(32, 101)]), picard(32));
    assert_eq!(best(&[profile(64, 100), profile(32, 103)]), picard(64));
}

#[test]
fn own_work_counts() {
    let mut profiles = profiles();
    profiles.iter_mut().skip(1).for_each(|profile| profile.own_ms = 100.0);
    assert_eq!(choose(&affine(1.0, 0.0), &profiles, 0.1).unwrap().best.strategy, Strategy::sequential());
}

#[test]
fn who_left_the_tolerance_is_never_taken() {
    let mut profiles = profiles();
    let fastest = profiles.last_mut().unwrap();
    (fastest.plans, fastest.deviation) = (vec![vec![2, 1]], 1.28);
    assert_eq!(choose(&affine(1.0, 0.0), &profiles, 0.1).unwrap().best.strategy, picard(36));
    profiles.iter_mut().skip(1).for_each(|profile| profile.deviation = 0.1001);
    let choice = choose(&affine(1.0, 0.0), &profiles, 0.1).unwrap();
    assert_eq!((choice.best.strategy, choice.other), (Strategy::sequential(), None));
    profiles[0].deviation = f64::NAN;
    let text = choose(&affine(1.0, 0.0), &profiles, 0.1).unwrap_err().to_string();
    assert_eq!(text, "deviation is NaN, but must be finite and not negative");
}

/// What keeps the tolerance by an estimate may come near it; of what does not, a few plans that do say little.
#[test]
fn who_does_not_estimate_must_have_ended_well_within_the_tolerance() {
    let config = WindowConfig { window: 8, tolerance: 0.1 };
    let taken = |strategy: Strategy, deviation: f64| {
        let fast = Profile { strategy, own_ms: 0.0, deviation, plans: vec![vec![1]] };
        choose(&affine(1.0, 0.0), &[profiles().remove(0), fast], 0.1).unwrap().best.strategy == strategy
    };
    for (strategy, most) in [(Strategy::picard(config), 0.1), (Strategy::anderson(config), 0.025)] {
        assert!(taken(strategy, most) && !taken(strategy, 1.01 * most), "{strategy}");
    }
}

#[test]
fn cost_is_interpolated() {
    let cost = BatchCost::new(vec![(1, 1.0), (3, 2.0), (7, 10.0)]).unwrap();
    let costs = [0, 1, 2, 3, 4, 7, 14].map(|rows| cost.of(rows));
    assert_eq!(costs, [0.0, 1.0, 1.5, 2.0, 4.0, 10.0, 20.0]);
    assert_eq!(BatchCost::new(vec![(1, 3.0)]).unwrap().of(5), 15.0);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let cost = |points: &[(usize, f64)]| BatchCost::new(points.to_vec()).unwrap_err().to_string();
    assert_eq!(cost(&[]), "first batch is nothing, but must be 1 row");
    assert_eq!(cost(&[(2, 1.0)]), "first batch is 2, but must be 1 row");
    assert_eq!(cost(&[(1, 1.0), (4, 2.0), (4, 2.0)]), "rows of a batch is 4, but must be above the 4 before it");
    for time in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let expected = format!("time of a batch is {time}, but must be finite and above 0");
        assert_eq!(cost(&[(1, 1.0), (4, time)]), expected);
    }

    let profile = |own_ms, plans| Profile { strategy: Strategy::sequential(), own_ms, deviation: 0.0, plans };
    let text = |profiles: &[Profile]| choose(&affine(1.0, 1.0), profiles, 0.1).unwrap_err().to_string();
    assert_eq!(text(&[]), "profiles is 0, but must be at least 1 that kept the tolerance");
    assert_eq!(text(&[profile(0.0, vec![])]), "rounds of a plan is 0, but must be at least 1");
    assert_eq!(text(&[profile(0.0, vec![vec![1], vec![]])]), "rounds of a plan is 0, but must be at least 1");
    assert_eq!(text(&[profile(0.0, vec![vec![1, 0]])]), "rows of a round is 0, but must be at least 1");
    assert_eq!(text(&[profile(-0.1, vec![vec![1]])]), "own_ms is -0.1, but must be finite and not negative");
    assert_eq!(text(&[profile(f64::NAN, vec![vec![1]])]), "own_ms is NaN, but must be finite and not negative");
}

#[test]
fn candidates_fit_the_steps() {
    let windows = |steps| -> Vec<Option<usize>> {
        let candidates = Strategy::candidates(steps, 0.1, 0.1).into_iter();
        let ours = candidates.filter(|strategy| matches!(strategy.name(), "sequential" | "picard"));
        ours.map(|strategy| strategy.window()).collect()
    };
    assert_eq!(windows(1), [None, Some(1)]);
    assert_eq!(windows(3), [None, Some(3)]);
    assert_eq!(windows(15), [None, Some(4), Some(6), Some(8), Some(12), Some(15)]);
    assert_eq!(windows(1000).last(), Some(&Some(128)));
}

/// A plan that may end anywhere is no candidate, and the corrected tolerance is for those that estimate.
#[test]
fn candidates_give_the_plan_of_sequential() {
    let ddpm = parapolicy_sampler::Solver::Ddpm;
    for strategy in Strategy::candidates(100, 0.1, 0.025) {
        assert!(strategy.follows_sequential(ddpm), "{strategy}");
        let estimated = strategy.name() == "picard";
        let expected = (strategy != Strategy::sequential()).then_some(if estimated { 0.025 } else { 0.1 });
        assert_eq!(strategy.tolerance(), expected, "{strategy}");
    }
}

/// Any number at all, the strange ones often.
fn number() -> impl Generator<Value = f64> {
    prop_oneof![any::<f64>(), Just(f64::NAN), Just(0.0), 0.01..100.0]
}

proptest! {
    /// An answer or an error for whatever is handed in; an answer is never beaten by more than the margin.
    #[test]
    fn any_input_is_answered_or_refused(
        points in prop::collection::vec((0..6usize, number()), 0..4),
        plans in prop::collection::vec((number(), prop::collection::vec(prop::collection::vec(0..9usize, 0..4), 0..3)), 0..4),
    ) {
        let mut rows = 0;
        let points = points.into_iter().map(|(more, time)| { rows += more; (rows, time) }).collect();
        let profiles: Vec<Profile> = plans
            .into_iter()
            .map(|(own_ms, plans)| Profile { strategy: picard(4), own_ms, deviation: 0.0, plans })
            .collect();
        if let Ok(cost) = BatchCost::new(points)
            && let Ok(choice) = choose(&cost, &profiles, 0.1)
        {
            let fastest = profiles.iter().map(|profile| profile.expected(&cost).unwrap().latency_ms).reduce(f64::min);
            prop_assert!(choice.best.latency_ms <= 1.02 * fastest.unwrap());
            prop_assert!(!choice.to_string().is_empty());
        }
    }

    /// c(p) lies between its neighbours, whatever they are.
    #[test]
    fn interpolation_stays_between(low in 0.01..100.0f64, high in 0.01..100.0f64, rows in 1..40usize) {
        let of = BatchCost::new(vec![(1, low), (40, high)]).unwrap().of(rows);
        prop_assert!(of >= low.min(high) - 1e-9 && of <= low.max(high) + 1e-9);
    }
}
