//! Faults that enumeration must find: if it did not, it would prove nothing.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use libm::lgamma;
use ndarray::array;
use rand_chacha::ChaCha8Rng;

use crate::component::{Component, Gaussian};
use crate::launch::Proposal;
use crate::points::Points;
use crate::random::{Purpose, below, generator, log_dirichlet, uniform};
use crate::state::{State, log_weight};

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

/// A random split, or merge: sides by DirCat(α/2, α/2). An unordered split is proposed in two ways, hence `ways`, 2.
fn random_move(state: &mut State<'_, Gaussian>, serial: &mut ChaCha8Rng, ways: f64) {
    let clusters = state.clusters();
    let is_split = uniform(serial) < 0.5;
    let one = below(serial, clusters);
    let other = (one + 1 + below(serial, clusters.max(2) - 1)) % clusters;
    if !is_split && clusters < 2 {
        return;
    }
    let pair = [one, other].map(|cluster| cluster as u32);
    let set = state.members(pair[0], if is_split { pair[0] } else { pair[1] });
    let mut weights = [ALPHA / 2.0; 2];
    log_dirichlet(serial, &mut weights);
    let side = |point: &u32| match is_split {
        true => u8::from(uniform(serial) >= weights[0].exp()),
        false => u8::from(state.labels[*point as usize] == pair[1]),
    };
    let sides: Vec<u8> = set.iter().map(side).collect();
    let mut statistics = [0, 1].map(|_| vec![0.0; state.component.statistics_len()]);
    for (&index, &side) in set.iter().zip(&sides) {
        let point = [state.points.value(index as usize, 0)];
        state.component.add(&mut statistics[usize::from(side)], &point, 1.0);
    }
    let [a, b] = [0, 1].map(|side| statistics[side][0]);
    if a == 0.0 || b == 0.0 {
        return;
    }
    // That which is split has so many clusters.
    let before = if is_split { clusters } else { clusters - 1 } as f64;
    let rising = |count: f64| lgamma(ALPHA / 2.0 + count) - lgamma(ALPHA / 2.0);
    let log_q = ways.ln() + lgamma(ALPHA) - lgamma(ALPHA + a + b) + rising(a) + rising(b);
    let choice = (2.0 / (before * (before + 1.0))).ln() + before.ln();
    let proposal = Proposal { sides, log_q, statistics };
    let weight = |sums: &[f64]| log_weight(state.component, sums);
    let [one_side, other_side] = [0, 1].map(|side| weight(&proposal.statistics[side]));
    let log_h = ALPHA.ln() + one_side + other_side - weight(&proposal.whole()) - log_q + choice;
    if uniform(serial).ln() >= if is_split { log_h } else { -log_h } {
        return;
    }
    if is_split {
        let anchor = *set.iter().zip(&proposal.sides).find(|(_, side)| **side == 1).unwrap().0;
        state.split(pair[0], anchor as usize, &set, &proposal);
    } else {
        state.merge(pair[0], pair[1], &proposal.whole());
        state.compact();
    }
}

#[test]
fn the_two_ways_to_a_split_count() {
    let with = |ways: f64| {
        variation(|state, iteration| {
            let mut serial = generator(1, iteration, Purpose::Serial);
            state.guarded_gibbs(ALPHA, &mut serial, 1, iteration);
            (0..8).for_each(|_| random_move(state, &mut serial, ways));
        })
    };
    let [right, wrong] = [2.0, 1.0].map(with);
    println!("two ways: {right:.3}, one: {wrong:.3}");
    assert!(right < 0.02, "{right}");
    assert!(wrong > 0.1, "{wrong}");
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
