//! Topics of documents: the posterior of every partition, enumerated elsewhere; topics that are known; bad input.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use parapolicy_modes::{Categorical, Concentration, Documents, Hierarchical, TopicsChain};
use rand_chacha::{ChaCha8Rng, rand_core::Rng as _, rand_core::SeedableRng as _};

fn below(random: &mut ChaCha8Rng, bound: u32) -> u32 {
    random.next_u32() % bound
}

/// Errors of P(K) and of the number of tables, as total variations, and the largest of a pair's probability to be together.
fn errors(chain: &mut TopicsChain<'_>, case: &serde_json::Value, iterations: usize) -> [f64; 3] {
    let numbers = |field: &str| -> Vec<f64> { serde_json::from_value(case[field].clone()).unwrap() };
    let together: Vec<Vec<f64>> = serde_json::from_value(case["coclustering"].clone()).unwrap();
    let n = together.len();
    let (mut clusters, mut tables, mut pairs) = (vec![0.0; n], vec![0.0; n + 1], vec![0.0; n * n]);
    let one = 1.0 / iterations as f64;
    chain.step();
    for _ in 0..iterations {
        chain.step();
        let partition = chain.current();
        clusters[partition.clusters() - 1] += one;
        tables[chain.tables()] += one;
        let labels = partition.labels();
        (0..n * n).for_each(|pair| pairs[pair] += if labels[pair / n] == labels[pair % n] { one } else { 0.0 });
    }
    let variation = |a: &[f64], b: &[f64]| 0.5 * a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>();
    let largest = pairs.iter().zip(together.concat()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    [variation(&clusters, &numbers("p_K")), variation(&tables, &numbers("p_tables")), largest]
}

#[test]
fn topics_are_drawn_from_the_posterior() {
    let case: serde_json::Value = serde_json::from_str(include_str!("data/hdp_cat_n8.json")).unwrap();
    let rows: Vec<Vec<f64>> = serde_json::from_value(case["x"].clone()).unwrap();
    let groups: Vec<usize> = serde_json::from_value(case["group"].clone()).unwrap();
    // Words are sorted within a document, as the case has them but for its last document: there the second word and the third are alike.
    let mut documents = vec![Vec::new(); 2];
    for (row, group) in rows.iter().zip(groups) {
        documents[group].push(row.iter().position(|count| *count == 1.0).unwrap() as u32);
    }
    assert!(documents.iter().all(|words| words.is_sorted()), "points of the case are those of the documents");
    let documents = Documents::new(&documents).unwrap();
    let number = |field: &str| case[field].as_f64().unwrap();
    let [gamma, alpha] = ["gamma", "alpha"].map(|field| Concentration::Fixed(number(field)));
    let model = Hierarchical::new(Categorical::new(3, 0.5).unwrap(), gamma, alpha).unwrap();
    // Eight words are no work for two threads.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut chain = model.topics(&documents, 1, 1).unwrap();
    let [clusters, tables, pairs] = pool.install(|| errors(&mut chain, &case, 200_000));
    println!("{clusters:.4} {tables:.4} {pairs:.4}");
    assert!(clusters < 0.01 && tables < 0.015 && pairs < 0.015, "P(K) {clusters}, tables {tables}, pairs {pairs}");
}

/// Documents of 60 words, each of two of four topics; topic k has the words 10 k to 10 k + 9.
fn known() -> (Documents, Vec<u32>) {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let documents: Vec<Vec<u32>> = (0..80)
        .map(|_| {
            let topics = [below(&mut random, 4), below(&mut random, 4)];
            let mut words: Vec<u32> =
                (0..60).map(|_| 10 * topics[below(&mut random, 2) as usize] + below(&mut random, 10)).collect();
            words.sort_unstable();
            words
        })
        .collect();
    let truth = documents.concat().into_iter().map(|word| word / 10).collect();
    (Documents::new(&documents).unwrap(), truth)
}

const LEARNT: Concentration = Concentration::Learnt { shape: 1.0, rate: 1.0 };

#[test]
fn topics_that_are_known_are_found() {
    let (documents, truth) = known();
    let model = Hierarchical::new(Categorical::new(40, 0.1).unwrap(), LEARNT, LEARNT).unwrap();
    for begin in [1, 30] {
        let mut chain = model.topics(&documents, begin, 3).unwrap();
        let found = chain.nth(300).unwrap();
        let sizes = found.sizes();
        let large = sizes.iter().filter(|size| **size > truth.len() / 20).count();
        // Words whose topic has words of theirs, and no others.
        let mut most = vec![[0; 4]; sizes.len()];
        truth.iter().zip(found.labels()).for_each(|(a, b)| most[*b as usize][*a as usize] += 1);
        let agree: usize = most.iter().map(|counts| counts.iter().max().unwrap()).sum();
        println!("from {begin}: {sizes:?}, {agree} of {}", truth.len());
        // From thirty, some are two topics of the same words still: merges of large topics are rare.
        assert!(
            (large == 4 || begin > 1) && agree as f64 > 0.98 * truth.len() as f64,
            "from {begin}: {sizes:?}, {agree}"
        );
        let topics = chain.topics();
        assert_eq!(topics.weights.len(), topics.words.nrows() + 1);
        assert!(topics.words.rows().into_iter().all(|row| (row.sum() - 1.0).abs() < 1e-9));
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let (documents, _) = known();
    let model = Hierarchical::new(Categorical::new(40, 0.1).unwrap(), LEARNT, LEARNT).unwrap();
    let drawn = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| model.topics(&documents, 20, 11).unwrap().nth(20).unwrap())
    };
    let one = drawn(1);
    assert!([2, 8].into_iter().all(|threads| drawn(threads) == one));
}

#[test]
fn what_are_no_documents_is_refused_or_is_the_prior() {
    let model = Hierarchical::new(Categorical::new(4, 0.1).unwrap(), LEARNT, LEARNT).unwrap();
    let text = |documents: &[Vec<u32>], topics: usize| {
        model.topics(&Documents::new(documents).unwrap(), topics, 1).unwrap_err().to_string()
    };
    assert_eq!(
        text(&[vec![], vec![1, 4]], 1),
        "value 0 of point 1 is 4, but must be the index of a word: whole, from 0, and less than the number of words"
    );
    assert_eq!(text(&[vec![1]], 0), "topics is 0, but must be 1 to 4294967295");
    assert!(Categorical::new(0, 0.1).is_err());
    assert!(Categorical::new(3, f64::NAN).is_err());
    for documents in [vec![], vec![vec![], vec![]], vec![vec![2], vec![], vec![]]] {
        let documents = Documents::new(&documents).unwrap();
        let mut chain = model.topics(&documents, 3, 1).unwrap();
        assert!(chain.nth(20).unwrap().clusters() <= documents.words());
        assert_eq!(chain.topics().words.nrows(), chain.clusters());
    }
}
