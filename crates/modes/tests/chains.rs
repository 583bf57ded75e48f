//! What holds for every chain: the prior where nothing is known, the same bytes on any number of threads, any order of points.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use libm::lgamma;
use ndarray::Array2;
use parapolicy_modes::{
    Component, Concentration, Gaussian, Groups, Hierarchical, Mixture, ModesError, Multinomial, Points, Start, Strategy,
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng as _};
use rand_distr::{Distribution as _, StandardNormal};

/// Points that say nothing: no counts at all.
fn silent(points: usize) -> (Multinomial, Points) {
    (Multinomial::new(vec![1.0, 1.0]).unwrap(), Points::new(Array2::zeros((points, 2)).view()).unwrap())
}

fn clouds(points: usize, centres: &[f64]) -> Points {
    let mut generator = ChaCha8Rng::seed_from_u64(3);
    let rows = Array2::from_shape_fn((points, 2), |(point, _)| {
        let noise: f64 = StandardNormal.sample(&mut generator);
        centres[point % centres.len()] + noise
    });
    Points::new(rows.view()).unwrap()
}

/// |s(n, k)|: unsigned Stirling numbers of the first kind, k from 0 to n.
fn stirling(n: usize) -> Vec<f64> {
    let mut row = Vec::from([1.0]);
    for points in 0..n {
        let mut next = vec![0.0; row.len() + 1];
        for (k, value) in row.iter().enumerate() {
            next[k] += points as f64 * value;
            next[k + 1] += value;
        }
        row = next;
    }
    row
}

#[test]
fn where_points_say_nothing_the_prior_is_drawn() {
    const POINTS: usize = 12;
    const ALPHA: f64 = 1.5;
    let (component, points) = silent(POINTS);
    let expected = stirling(POINTS).into_iter().enumerate().map(|(clusters, number)| {
        number * (clusters as f64 * ALPHA.ln() + lgamma(ALPHA) - lgamma(ALPHA + POINTS as f64)).exp()
    });
    let expected: Vec<f64> = expected.collect();
    let mixture = Mixture::new(component, Concentration::Fixed(ALPHA)).unwrap();
    for strategy in [Strategy::Launch, Strategy::Collapsed] {
        let mut found = [0.0; POINTS + 1];
        let iterations = 40_000;
        for partition in mixture.chain(&points, strategy, &Start::One, 5).unwrap().take(iterations) {
            found[partition.clusters()] += 1.0 / iterations as f64;
        }
        let variation = 0.5 * found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).sum::<f64>();
        assert!(variation < 0.012, "{strategy:?}: {variation}");
    }
}

/// P(K) and P(tables) of groups of these sizes under the prior, exactly: of the tables of each group, their sum by convolution, and K of the
/// tables likewise.
///
/// ```text
/// P(m_j) = |s(n_j, m)| α^m Γ(α) / Γ(α + n_j)
/// ```
fn franchise(sizes: &[usize], [gamma, alpha]: [f64; 2]) -> [Vec<f64>; 2] {
    let seated = |points: usize, concentration: f64| -> Vec<f64> {
        let all = lgamma(concentration) - lgamma(concentration + points as f64);
        let of = |(tables, number): (usize, f64)| number * (tables as f64 * concentration.ln() + all).exp();
        stirling(points).into_iter().enumerate().map(of).collect()
    };
    let mut tables = vec![1.0];
    for size in sizes {
        let of_group = seated(*size, alpha);
        let mut both = vec![0.0; tables.len() + size];
        for (a, p) in tables.iter().enumerate() {
            of_group.iter().enumerate().for_each(|(b, q)| both[a + b] += p * q);
        }
        tables = both;
    }
    let mut clusters = vec![0.0; tables.len()];
    for (number, p) in tables.iter().enumerate() {
        seated(number, gamma).iter().enumerate().for_each(|(k, q)| clusters[k] += p * q);
    }
    [clusters, tables]
}

#[test]
fn where_points_say_nothing_groups_are_as_the_prior_has_them() {
    const SIZES: [usize; 4] = [7, 2, 0, 4];
    const CONCENTRATIONS: [f64; 2] = [1.5, 0.8];
    let of: Vec<u32> = (0..).zip(SIZES).flat_map(|(group, size)| vec![group; size]).collect();
    let (component, points) = silent(of.len());
    let groups = Groups::new(of).unwrap();
    let [gamma, alpha] = CONCENTRATIONS.map(Concentration::Fixed);
    let model = Hierarchical::new(component, gamma, alpha).unwrap();
    let expected = franchise(&SIZES, CONCENTRATIONS);
    assert!(expected.iter().all(|of| (of.iter().sum::<f64>() - 1.0).abs() < 1e-12));
    let mut chain = model.chain(&points, &groups, &Start::One, 5).unwrap();
    let one = 1.0 / 40_000.0;
    let mut found = [vec![0.0; expected[0].len()], vec![0.0; expected[1].len()]];
    chain.step();
    for _ in 0..40_000 {
        chain.step();
        found[0][chain.current().clusters()] += one;
        found[1][chain.tables()] += one;
    }
    let [clusters, tables] =
        [0, 1].map(|of| 0.5 * found[of].iter().zip(&expected[of]).map(|(a, b)| (a - b).abs()).sum::<f64>());
    println!("P(K) {clusters:.4}, tables {tables:.4}");
    assert!(clusters < 0.012 && tables < 0.015, "P(K) {clusters}, tables {tables}");
}

/// Geweke's joint test (2004) of what enumeration keeps fixed: with the data drawn anew from the labels in every iteration, the
/// chain draws from the prior of everything. Here the data say nothing, so that of the concentration is left: Gamma(a, b).
#[test]
fn learnt_concentrations_are_drawn_from_their_prior() {
    let (component, points) = silent(15);
    let learnt = Concentration::Learnt { shape: 3.0, rate: 2.0 };
    let iterations = 60_000;
    let moments = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64)
    };
    let check = |name: &str, values: &[f64]| {
        let (mean, variance) = moments(values);
        assert!(
            (mean - 1.5).abs() < 0.05 && (variance - 0.75).abs() < 0.08,
            "{name}: mean {mean}, variance {variance}"
        );
    };
    let mixture = Mixture::new(component.clone(), learnt).unwrap();
    let mut chain = mixture.chain(&points, Strategy::Launch, &Start::One, 6).unwrap();
    let alphas: Vec<f64> = (0..iterations)
        .map(|_| {
            chain.step();
            chain.concentration()
        })
        .collect();
    check("alpha", &alphas);

    let groups = Groups::new((0..15).map(|point| point % 3).collect()).unwrap();
    let model = Hierarchical::new(component, learnt, learnt).unwrap();
    let mut chain = model.chain(&points, &groups, &Start::One, 7).unwrap();
    let both: Vec<[f64; 2]> = (0..iterations)
        .map(|_| {
            chain.step();
            chain.concentrations()
        })
        .collect();
    check("gamma", &both.iter().map(|[gamma, _]| *gamma).collect::<Vec<_>>());
    check("alpha of groups", &both.iter().map(|[_, alpha]| *alpha).collect::<Vec<_>>());
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let points = clouds(20_000, &[-4.0, 0.0, 5.0]);
    let component = Gaussian::around(0.05, vec![0.0, 0.0], 1.0).unwrap();
    let mixture = Mixture::new(component, Concentration::Learnt { shape: 1.0, rate: 1.0 }).unwrap();
    let drawn = |threads: usize, strategy: Strategy| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| mixture.chain(&points, strategy, &Start::One, 11).unwrap().nth(8).unwrap())
    };
    for strategy in [Strategy::Launch, Strategy::Subclusters] {
        let one = drawn(1, strategy);
        assert!([2, 8].into_iter().all(|threads| drawn(threads, strategy) == one), "{strategy:?}");
    }
    assert!(drawn(2, Strategy::Launch).clusters() >= 3, "three clouds");
}

#[test]
fn few_points_or_none_are_no_trouble() {
    let component = Gaussian::around(0.1, vec![0.0; 5], 1.0).unwrap();
    let mixture = Mixture::new(component, Concentration::Fixed(1.0)).unwrap();
    let constant = Array2::from_elem((3, 5), 7.0);
    for (rows, most) in [(Array2::zeros((0, 5)), 0), (Array2::zeros((1, 5)), 1), (constant, 3)] {
        let points = Points::new(rows.view()).unwrap();
        for strategy in [Strategy::Launch, Strategy::Collapsed, Strategy::Subclusters] {
            for start in [Start::One, Start::Singletons] {
                let drawn = mixture.chain(&points, strategy, &start, 1).unwrap().nth(30).unwrap();
                assert!(drawn.clusters() <= most, "{strategy:?}");
            }
        }
    }
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let texts = |error: ModesError| error.to_string();
    let counts = Multinomial::new(vec![1.0, 1.0]).unwrap();
    let negative = Points::new(ndarray::array![[1.0, 2.0], [0.0, -1.0]].view()).unwrap();
    assert_eq!(
        texts(counts.check(&negative).unwrap_err()),
        "value 1 of point 1 is -1, but must be a count: whole and not negative"
    );
    let nan = Points::new(ndarray::array![[1.0, f64::NAN]].view()).unwrap_err();
    assert_eq!(texts(nan), "value 1 of point 0 is NaN, but must be finite");
    let gaussian = Gaussian::around(1.0, vec![0.0; 3], 1.0).unwrap();
    assert_eq!(texts(gaussian.check(&negative).unwrap_err()), "points has 2 columns, but must have 3");
    assert!(Gaussian::around(0.0, vec![0.0], 1.0).is_err());
    assert!(Gaussian::around(1.0, vec![0.0], f64::INFINITY).is_err());
    assert!(Gaussian::new(1.0, vec![0.0, 0.0], 3.0, ndarray::array![[1.0, 2.0], [2.0, 1.0]].view()).is_err());
    assert!(Multinomial::new(vec![1.0, 0.0]).is_err());
    assert!(Mixture::new(gaussian, Concentration::Fixed(f64::NAN)).is_err());
    assert!(Groups::new(vec![0, 4_000_000]).is_err());
}
