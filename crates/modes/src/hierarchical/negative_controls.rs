//! Faults of groups that share clusters, which enumeration must find: if it did not, it would prove nothing.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use rand_chacha::ChaCha8Rng;

use super::{Groups, counts::Grouped};
use crate::component::{Component as _, Multinomial};
use crate::labels::Room;
use crate::launch::Proposal;
use crate::points::Points;
use crate::random::{Purpose, below, generator, uniform};
use crate::state::State;

const ALPHA: f64 = 1.0;
const GAMMA: f64 = 1.5;

/// Total variation of P(K) on the case `hdp_cat_n8`, of chains of this iteration after tables and β are drawn.
fn variation(iteration: impl Fn(&mut Grouped<'_, Multinomial>, u64, &mut ChaCha8Rng)) -> f64 {
    let case: serde_json::Value = serde_json::from_str(include_str!("../../tests/data/hdp_cat_n8.json")).unwrap();
    assert_eq!([&case["alpha"], &case["gamma"]].map(|value| value.as_f64().unwrap()), [ALPHA, GAMMA]);
    let numbers = |value: &serde_json::Value| -> Vec<f64> { serde_json::from_value(value.clone()).unwrap() };
    let rows: Vec<[f64; 3]> = serde_json::from_value(case["x"].clone()).unwrap();
    let component = Multinomial::new(numbers(&case["prior"]["lam"])).unwrap();
    let points = Points::new(ndarray::Array2::from(rows).view()).unwrap();
    let groups = Groups::new(serde_json::from_value(case["group"].clone()).unwrap()).unwrap();
    let labels = vec![0; points.len()];
    let mut state = State { component: &component, points: &points, labels, statistics: Vec::new() };
    state.recount(1);
    let mut grouped = Grouped { state, groups: &groups, beta: vec![0.5], rest: 0.5, counts: Vec::new() };
    grouped.recount();
    const ITERATIONS: u64 = 20_000;
    let mut found = vec![0.0; points.len()];
    for number in 0..ITERATIONS {
        let mut serial = generator(1, number, Purpose::Serial);
        let (_, tables) = grouped.draw_tables(ALPHA, 1, number);
        grouped.draw_beta(&tables, GAMMA, &mut serial);
        iteration(&mut grouped, number, &mut serial);
        found[grouped.clusters() - 1] += 1.0 / ITERATIONS as f64;
    }
    0.5 * found.iter().zip(numbers(&case["p_K"])).map(|(a, b)| (a - b).abs()).sum::<f64>()
}

#[test]
fn without_a_fault_there_is_none() {
    let found = variation(|grouped, iteration, serial| {
        grouped.guarded_gibbs(ALPHA, serial, 1, iteration);
        (0..4).for_each(|number| grouped.launch_move([ALPHA, GAMMA], serial, 1, iteration, number));
    });
    println!("no fault: {found:.3}");
    assert!(found < 0.02, "{found}");
}

#[test]
fn without_the_guard_clusters_die() {
    let found = variation(|grouped, iteration, serial| {
        let clusters = grouped.clusters();
        let weights = grouped.draw_weights(ALPHA, serial);
        let state = &mut grouped.state;
        let component = state.component;
        let parameters: Vec<_> = (0..clusters).map(|cluster| component.draw(state.of(cluster), serial)).collect();
        let groups = grouped.groups.of_points();
        let weigh = |k: usize, logs: &mut [f64]| {
            logs.iter_mut().zip(groups).for_each(|(log, group)| *log += weights[*group as usize * clusters + k]);
        };
        let (mut labels, block) = (vec![0; groups.len()], state.points.block(0));
        Room::default().draw(component, &parameters, weigh, block, serial, &mut labels);
        state.labels = labels;
        state.recount(clusters);
        grouped.recount();
        for cluster in (0..clusters).filter(|cluster| grouped.state.size(*cluster) == 0.0).collect::<Vec<_>>() {
            grouped.rest += std::mem::take(&mut grouped.beta[cluster]);
        }
        grouped.compact();
        (0..4).for_each(|number| grouped.launch_move([ALPHA, GAMMA], serial, 1, iteration, number));
    });
    println!("no guard: {found:.3}");
    assert!(found > 0.06, "{found}");
}

#[test]
fn without_q_splits_are_judged_wrongly() {
    let found = variation(|grouped, iteration, serial| {
        grouped.guarded_gibbs(ALPHA, serial, 1, iteration);
        for number in 0..4 {
            if let Some(proposed) = grouped.propose([ALPHA, GAMMA], serial, (1, iteration, number)) {
                let ratio = proposed.log_ratio + proposed.log_q;
                grouped.accept_with(ratio, proposed, serial);
            }
        }
    });
    println!("no q: {found:.3}");
    assert!(found > 0.05, "{found}");
}

/// A random split, or merge, of (β, z): sides by a fair coin, û uniform. An unordered split is proposed in two ways, hence `ways`, 2.
fn random_move(grouped: &mut Grouped<'_, Multinomial>, serial: &mut ChaCha8Rng, ways: f64) {
    let clusters = grouped.clusters();
    let is_split = uniform(serial) < 0.5;
    let one = below(serial, clusters);
    let other = (one + 1 + below(serial, clusters.max(2) - 1)) % clusters;
    if !is_split && clusters < 2 {
        return;
    }
    let pair = [one, other].map(|cluster| cluster as u32);
    let set = grouped.state.members(pair[0], if is_split { pair[0] } else { pair[1] });
    let side = |point: &u32| match is_split {
        true => u8::from(uniform(serial) < 0.5),
        false => u8::from(grouped.state.labels[*point as usize] == pair[1]),
    };
    let sides: Vec<u8> = set.iter().map(side).collect();
    let component = grouped.state.component;
    let mut statistics = [0, 1].map(|_| vec![0.0; component.statistics_len()]);
    let mut counts = vec![[0.0; 2]; grouped.groups.count()];
    let mut point = vec![0.0; grouped.state.points.dim()];
    for (&index, &side) in set.iter().zip(&sides) {
        grouped.state.points.copy(index as usize, &mut point);
        component.add(&mut statistics[usize::from(side)], &point, 1.0);
        counts[grouped.groups.of_points()[index as usize] as usize][usize::from(side)] += 1.0;
    }
    if statistics.iter().any(|sums| sums[0] == 0.0) {
        return;
    }
    let mass = grouped.beta[one] + if is_split { 0.0 } else { grouped.beta[other] };
    let share = if is_split { uniform(serial) } else { grouped.beta[one] / mass }.clamp(1e-12, 1.0 - 1e-12);
    // That which is split has so many clusters.
    let before = if is_split { clusters } else { clusters - 1 } as f64;
    let log_q = -(set.len() as f64) * std::f64::consts::LN_2 + f64::ln(ways);
    let choice = (2.0 / (before * (before + 1.0))).ln() + before.ln();
    let log_h = grouped.log_split(&statistics, &counts, [ALPHA * mass, share]) + GAMMA.ln() - log_q + choice;
    if uniform(serial).ln() >= if is_split { log_h } else { -log_h } {
        return;
    }
    let proposal = Proposal { sides, log_q, statistics };
    if is_split {
        let anchor = *set.iter().zip(&proposal.sides).find(|(_, side)| **side == 1).unwrap().0;
        grouped.state.split(pair[0], anchor as usize, &set, &proposal);
        grouped.beta[one] = mass * share;
        grouped.beta.push(mass * (1.0 - share));
        grouped.recount();
    } else {
        grouped.state.merge(pair[0], pair[1], &proposal.whole());
        (grouped.beta[one], grouped.beta[other]) = (mass, 0.0);
        grouped.recount();
        grouped.compact();
    }
}

#[test]
fn the_two_ways_to_a_split_count() {
    let with = |ways: f64| {
        variation(|grouped, iteration, serial| {
            grouped.guarded_gibbs(ALPHA, serial, 1, iteration);
            (0..4).for_each(|_| random_move(grouped, serial, ways));
        })
    };
    let [right, wrong] = [2.0, 1.0].map(with);
    println!("two ways: {right:.3}, one: {wrong:.3}");
    assert!(right < 0.02, "{right}");
    assert!(wrong > 0.05, "{wrong}");
}
