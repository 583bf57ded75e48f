//! Faults that enumeration must find: if it did not, it would prove nothing.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use ndarray::array;

use crate::component::{Component, Gaussian};
use crate::points::Points;
use crate::random::{Purpose, generator};
use crate::state::State;

/// Total variation of P(K) on the case `niw1d_n8`, of chains of this iteration.
fn variation(iteration: impl Fn(&mut State<'_, Gaussian>, u64)) -> f64 {
    let case: serde_json::Value = serde_json::from_str(include_str!("../../tests/data/niw1d_n8.json")).unwrap();
    let numbers = |field: &str| -> Vec<f64> { serde_json::from_value(case[field].clone()).unwrap() };
    let rows: Vec<[f64; 1]> = serde_json::from_value(case["x"].clone()).unwrap();
    let prior = |field: &str| case["prior"][field].as_f64().unwrap();
    let scale = array![[case["prior"]["Psi"][0][0].as_f64().unwrap()]];
    let mean: Vec<f64> = serde_json::from_value(case["prior"]["m"].clone()).unwrap();
    let component = Gaussian::new(prior("kappa"), mean, prior("nu"), scale.view()).unwrap();
    let points = Points::new(ndarray::Array2::from(rows).view()).unwrap();
    let mut state =
        State { component: &component, points: &points, labels: vec![0; points.len()], statistics: Vec::new() };
    state.recount(1);
    const ITERATIONS: u64 = 20_000;
    let mut found = vec![0.0; points.len()];
    for number in 0..ITERATIONS {
        iteration(&mut state, number);
        found[state.clusters() - 1] += 1.0 / ITERATIONS as f64;
    }
    0.5 * found.iter().zip(numbers("p_K")).map(|(a, b)| (a - b).abs()).sum::<f64>()
}

const ALPHA: f64 = 1.0;

#[test]
fn without_a_fault_there_is_none() {
    let found = variation(|state, iteration| {
        let mut serial = generator(1, iteration, Purpose::Serial);
        state.guarded_gibbs(ALPHA, &mut serial, 1, iteration);
        (0..4).for_each(|number| state.launch_move(ALPHA, &mut serial, 1, iteration, number));
    });
    assert!(found < 0.02, "{found}");
}

#[test]
fn without_the_guard_clusters_die() {
    let found = variation(|state, iteration| {
        let mut serial = generator(1, iteration, Purpose::Serial);
        let (weights, parameters) = state.draw_clusters(ALPHA, &mut serial);
        state.labels = state.draw_labels(&weights, &parameters, 1, iteration);
        state.recount(weights.len());
        state.compact();
        (0..4).for_each(|number| state.launch_move(ALPHA, &mut serial, 1, iteration, number));
    });
    assert!(found > 0.1, "{found}");
}

#[test]
fn without_q_splits_are_judged_wrongly() {
    let found = variation(|state, iteration| {
        let mut serial = generator(1, iteration, Purpose::Serial);
        state.guarded_gibbs(ALPHA, &mut serial, 1, iteration);
        for number in 0..4 {
            if let Some(proposed) = state.propose(ALPHA, &mut serial, (1, iteration, number)) {
                let ratio = proposed.log_ratio + proposed.log_q;
                state.accept_with(ratio, proposed);
            }
        }
    });
    assert!(found > 0.05, "{found}");
}

#[test]
fn the_statistics_of_a_state_are_those_of_its_labels() {
    variation(|state, iteration| {
        let mut serial = generator(2, iteration, Purpose::Serial);
        state.guarded_gibbs(ALPHA, &mut serial, 2, iteration);
        state.launch_move(ALPHA, &mut serial, 2, iteration, 0);
        state.collapsed_steps(ALPHA, &mut serial, 0..8);
        let kept = state.statistics.clone();
        state.recount(state.clusters());
        assert_eq!(kept.len(), state.statistics.len());
        let marginals = |statistics: &[f64]| -> f64 {
            statistics.chunks(state.component.statistics_len()).map(|sums| state.component.log_marginal(sums)).sum()
        };
        let (kept, anew) = (marginals(&kept), marginals(&state.statistics));
        assert!((kept - anew).abs() < 1e-9, "{kept} {anew}");
    });
}
