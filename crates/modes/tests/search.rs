//! Modes of clouds that are known, and bad input.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use ndarray::{Array2, Array3};
use parapolicy_modes::{
    Concentration, Features, Gaussian, Groups, Hierarchical, Mixture, ModeSummary, Points, Search, Start, Strategy,
    medoid,
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng as _};
use rand_distr::{Distribution as _, StandardNormal};

/// Points around centres: so many around each.
fn clouds(parts: &[([f64; 2], usize)]) -> Array2<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let centres: Vec<[f64; 2]> = parts.iter().flat_map(|(centre, count)| vec![*centre; *count]).collect();
    Array2::from_shape_fn((centres.len(), 2), |(row, axis)| {
        let noise: f64 = StandardNormal.sample(&mut random);
        centres[row][axis] + noise
    })
}

fn search(scale: f64) -> Search {
    Search { burn_in: 100, draws: 200, ..Search::new(scale) }
}

#[test]
fn two_ways_and_a_rare_one_are_found() {
    let rows = clouds(&[([0.0, 0.0], 160), ([14.0, 0.0], 94), ([0.0, 18.0], 2)]);
    let found = search(1.0).points(rows.view()).unwrap();
    assert!(found.numbers[2] > 0.95, "{:?}", found.numbers);
    assert_eq!(found.number(), 2);
    let sizes: Vec<usize> = found.modes.iter().map(|mode| mode.members.len()).collect();
    assert_eq!(sizes, [160, 94, 2]);
    assert_eq!(found.modes.iter().map(|mode| mode.rare).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(found.modes[2].members, [254, 255]);
    for (mode, share) in found.modes.iter().zip([160.0 / 256.0, 94.0 / 256.0, 2.0 / 256.0]) {
        let weight = mode.weights[0];
        assert!(weight.interval[0] < share && share < weight.interval[1], "{share} {weight:?}");
        assert!(mode.apart > 0.9, "{}", mode.apart);
    }
    // The binomial interval of 160 of 256 is 0.56 to 0.68.
    let [low, high] = found.modes[0].weights[0].interval;
    assert!((0.53..0.59).contains(&low) && (0.65..0.71).contains(&high), "{low} {high}");
    let representative = rows.row(medoid(rows.view(), &found.modes[1].members));
    assert!((representative[0] - 14.0).hypot(representative[1]) < 0.5, "{representative}");
}

/// A bent cloud takes several Gaussians, and is one way.
#[test]
fn a_bent_cloud_is_one_mode() {
    let straight = clouds(&[([0.0, 0.0], 256)]);
    let bent = Array2::from_shape_fn(straight.dim(), |(row, axis)| match axis {
        0 => 6.0 * straight[[row, 0]],
        _ => straight[[row, 1]] + 1.5 * straight[[row, 0]].powi(2),
    });
    let found = search(1.0).points(bent.view()).unwrap();
    assert!(found.components.iter().skip(2).sum::<f64>() > 0.9, "components {:?}", found.components);
    assert!(found.numbers[1] > 0.8, "modes {:?}", found.numbers);
}

#[test]
fn groups_share_ways_and_weigh_them_differently() {
    let rows = clouds(&[([0.0, 0.0], 60), ([14.0, 0.0], 4), ([0.0, 0.0], 32), ([14.0, 0.0], 32)]);
    let groups: Vec<u32> = (0..128).map(|row| u32::from(row >= 64)).collect();
    let found = search(1.0).together(rows.view(), &groups).unwrap();
    assert!(found.numbers[2] > 0.9, "{:?}", found.numbers);
    let weights: Vec<Vec<f64>> =
        found.modes.iter().take(2).map(|mode| mode.weights.iter().map(|weight| weight.mean).collect()).collect();
    assert!((weights[0][0] - 0.93).abs() < 0.05 && (weights[0][1] - 0.5).abs() < 0.1, "{weights:?}");

    let (each, shared) = search(1.0).each(rows.view(), &groups).unwrap();
    let sizes = |summary: &ModeSummary| summary.modes.iter().map(|mode| mode.members.len()).collect::<Vec<_>>();
    assert_eq!((sizes(&each[0]), sizes(&each[1])), (vec![60, 4], vec![32, 32]));
    assert_eq!((shared[0], shared[60]), (shared[64], shared[96]), "the same way in both");
    assert_ne!(shared[0], shared[60]);
}

#[test]
fn clusters_of_many_points_are_found_within_twenty_iterations() {
    const SEEDS: u64 = 20;
    const EACH: u32 = 2000;
    let mut counts = Vec::new();
    for clusters in [6, 20] {
        let mut random = ChaCha8Rng::seed_from_u64(clusters);
        let mut found = 0;
        for seed in 0..SEEDS {
            // As in the replication script of Dinari et al. (2022), in short: unit clouds around means of a wide Gaussian.
            let centres: Vec<([f64; 2], usize)> = (0..clusters)
                .map(|_| {
                    (
                        std::array::from_fn(|_| {
                            20.0 * {
                                let x: f64 = StandardNormal.sample(&mut random);
                                x
                            }
                        }),
                        EACH as usize,
                    )
                })
                .collect();
            let rows = clouds(&centres);
            let bayes: Vec<u32> = rows
                .outer_iter()
                .map(|row| {
                    let distance = |centre: &[f64; 2]| (row[0] - centre[0]).powi(2) + (row[1] - centre[1]).powi(2);
                    let nearest =
                        (0..centres.len()).min_by(|a, b| distance(&centres[*a].0).total_cmp(&distance(&centres[*b].0)));
                    nearest.unwrap() as u32
                })
                .collect();
            let truth: Vec<u32> = (0..rows.nrows() as u32).map(|row| row / EACH).collect();
            let points = Points::new(rows.view()).unwrap();
            let mixture =
                Mixture::new(Gaussian::around(0.05, vec![0.0, 0.0], 1.0).unwrap(), Concentration::Fixed(1.0)).unwrap();
            let start = Start::At(mixture.climb(&points, 20, seed).unwrap());
            // The labels that are most probable under a mixture drawn there, as Bayes' are: drawn labels are wrong more often where clusters overlap.
            let draw = mixture.chain(&points, Strategy::Launch, &start, seed).unwrap().draw();
            let labels: Vec<u32> = rows
                .outer_iter()
                .map(|row| {
                    let score = |k: usize| draw.weights[0][k] + draw.parameters[k].log_density(&row.to_vec());
                    let best = (0..draw.parameters.len()).max_by(|a, b| score(*a).total_cmp(&score(*b)));
                    best.unwrap() as u32
                })
                .collect();
            let (reached, best) = (information(&labels, &truth), information(&bayes, &truth));
            println!(
                "{clusters} clusters, seed {seed}: {} found, {reached:.4}, Bayes {best:.4}",
                draw.parameters.len()
            );
            found += u64::from(reached > best - 0.005);
        }
        counts.push((clusters, found));
    }
    assert!(
        counts.iter().all(|(_, found)| *found >= SEEDS - 1),
        "clusters, and on how many of {SEEDS} seeds: {counts:?}"
    );
}

/// Normalised mutual information, by the mean of the entropies.
fn information(a: &[u32], b: &[u32]) -> f64 {
    let entropy = |labels: &mut dyn Iterator<Item = u64>| -> f64 {
        let mut counts = std::collections::HashMap::new();
        labels.for_each(|label| *counts.entry(label).or_insert(0.0) += 1.0 / a.len() as f64);
        counts.values().map(|share: &f64| -share * share.ln()).sum()
    };
    let (of_a, of_b) = (entropy(&mut a.iter().map(|x| u64::from(*x))), entropy(&mut b.iter().map(|x| u64::from(*x))));
    let joint = entropy(&mut a.iter().zip(b).map(|(a, b)| u64::from(*a) << 32 | u64::from(*b)));
    2.0 * (of_a + of_b - joint) / (of_a + of_b)
}

#[test]
fn bad_input_is_refused_or_is_the_prior() {
    let text = |summary: Result<ModeSummary, parapolicy_modes::ModesError>| summary.unwrap_err().to_string();
    let rows = clouds(&[([0.0, 0.0], 8)]);
    let nan = Array2::from_elem((3, 2), f64::NAN);
    assert_eq!(text(search(1.0).points(nan.view())), "value 0 of point 0 is NaN, but must be finite");
    assert_eq!(text(search(0.0).points(rows.view())), "scale is 0, but must be positive and finite");
    assert_eq!(text(search(1.0).points(Array2::zeros((0, 2)).view())), "points has 0 rows, but must have 1");
    assert_eq!(text(search(1.0).points(Array2::zeros((3, 0)).view())), "points has 0 columns, but must have 1");
    assert_eq!(text(Search { draws: 0, ..search(1.0) }.points(rows.view())), "draws is 0, but must be at least 1");
    assert_eq!(text(search(1.0).together(rows.view(), &[0; 3])), "groups has 3 points, but must have 8");
    let gap = [0, 0, 0, 0, 2, 2, 2, 2];
    assert_eq!(text(search(1.0).together(rows.view(), &gap)), "groups is 1, but must be the group of a point at least");

    // One point, points that are all the same, more dimensions than points: what is known is the prior.
    for rows in
        [Array2::zeros((1, 2)), Array2::from_elem((20, 3), 5.0), Array2::from_shape_fn((3, 8), |(i, j)| (i * j) as f64)]
    {
        let found = search(1.0).points(rows.view()).unwrap();
        assert!((found.numbers.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert_eq!(found.modes.iter().map(|mode| mode.members.len()).sum::<usize>(), rows.nrows());
    }
    let same = Features::new(Array3::from_elem((5, 4, 2), 3.0).view(), &[0; 5]).unwrap();
    assert_eq!(search(1.0).points(same.points.view()).unwrap().number(), 1);

    let component = Gaussian::around(0.1, vec![0.0; 2], 1.0).unwrap();
    let model = Hierarchical::new(component.clone(), Concentration::Fixed(1.0), Concentration::Fixed(1.0)).unwrap();
    let (none, groups) = (Points::new(Array2::zeros((0, 2)).view()).unwrap(), Groups::new(vec![]).unwrap());
    assert_eq!(model.chain(&none, &groups, &Start::One, 1).unwrap().nth(5).unwrap().clusters(), 0);
    let mixture = Mixture::new(component, Concentration::Fixed(1.0)).unwrap();
    assert_eq!(mixture.climb(&none, 5, 1).unwrap().clusters(), 0);
    let huge = Points::new(Array2::from_elem((4, 2), 1e200).view()).unwrap();
    let drawn = mixture.chain(&huge, Strategy::Launch, &Start::One, 1).unwrap().nth(5).unwrap();
    assert!(drawn.clusters() <= 4, "numbers beyond what squares hold");
}
