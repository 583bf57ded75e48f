//! The restricted Gibbs step of [`super::super::gibbs`], of words:
//!
//! ```text
//! φ_k | z ~ Dir(λ + c_k1, …, λ + c_kV)     π_j | β, z ~ Dir(α β_k + n_jk)     z_ji ∝ π_jk φ_k(x_ji),  k ≤ K
//! ```
//!
//! Sums of Gamma variates are not needed where they cancel: that of π_j. Products are of [V, K], the topics of a word side by side, and
//! equal words of a document share them. Then the guard: words are moved in order, but for the last of a topic.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::Documents;
use crate::component::{Categorical, Component as _};
use crate::hierarchical::counts::Grouped;
use crate::random::{GammaVariates, Purpose, generator, uniform};
use crate::wide::{self, Task};

/// Topics that are multiplied together: a few registers of any vector unit.
const LANES: usize = 8;
/// Words of the vocabulary that are put side by side by one thread.
const WORDS: usize = 64;
/// Documents that one thread takes at least: making a task costs as much as some words.
const TOGETHER: usize = 4;

/// [K] in chunks, filled up with zeros.
type Lanes = [f64; LANES];

impl Grouped<'_, Categorical> {
    /// Draws the topics of all words, and what follows from them.
    pub fn draw_topics(&mut self, documents: &Documents, alpha: f64, seed: u64, iteration: u64) {
        if self.clusters() == 0 {
            return;
        }
        let words = self.draw_words(seed, iteration);
        let candidates = self.draw_candidates(documents, &words, alpha, (seed, iteration));
        self.move_guarded(documents, &candidates);
    }

    /// φ, `[V, chunks]` of topics.
    fn draw_words(&self, seed: u64, iteration: u64) -> Vec<Lanes> {
        let (clusters, component) = (self.clusters(), self.state.component);
        let of_topic = |topic: usize| {
            let mut random = generator(seed, iteration, Purpose::Words(topic));
            let mut rates = vec![0.0; component.words()];
            let writes = rates.iter_mut().map(|rate| |drawn| *rate = drawn);
            let total = component.draw_rates(self.state.of(topic), &mut random, writes);
            (rates, total.recip())
        };
        let topics: Vec<(Vec<f64>, f64)> = (0..clusters).into_par_iter().map(of_topic).collect();
        let chunks = clusters.div_ceil(LANES);
        let mut words = vec![[0.0; LANES]; component.words() * chunks];
        words.par_chunks_mut(chunks * WORDS).enumerate().for_each(|(part, words)| {
            for (topic, (rates, scale)) in topics.iter().enumerate() {
                let (chunk, lane) = (topic / LANES, topic % LANES);
                let rates = &rates[part * WORDS..];
                for (word, rate) in words.chunks_exact_mut(chunks).zip(rates) {
                    word[chunk][lane] = rate * scale;
                }
            }
        });
        words
    }

    /// The topic that each word would be moved to, `[n]`.
    fn draw_candidates(
        &self,
        documents: &Documents,
        words: &[Lanes],
        alpha: f64,
        (seed, iteration): (u64, u64),
    ) -> Vec<u32> {
        let (clusters, chunks) = (self.clusters(), self.clusters().div_ceil(LANES));
        let mut candidates = vec![0; documents.words()];
        let mut of_documents = Vec::with_capacity(documents.len());
        let mut left = &mut candidates[..];
        for ends in documents.starts.windows(2) {
            let (of_document, rest) = left.split_at_mut(ends[1] - ends[0]);
            of_documents.push(of_document);
            left = rest;
        }
        let tasks = of_documents.into_par_iter().enumerate().with_min_len(TOGETHER);
        tasks.for_each_init(
            || (vec![[0.0; LANES]; chunks], vec![[0.0; LANES]; chunks], vec![0.0; chunks]),
            |(rates, products, sums), (document, topics)| {
                let mut random = generator(seed, iteration, Purpose::Document(document));
                for topic in 0..clusters {
                    let shape = alpha * self.beta[topic] + self.count(document, topic);
                    let rate = GammaVariates::new(shape).sample(&mut random);
                    rates[topic / LANES][topic % LANES] = rate.max(f64::MIN_POSITIVE);
                }
                let first = documents.starts[document];
                let last = clusters - 1;
                wide::run(Draw { documents, words, rates, products, sums, random: &mut random, first, last, topics });
            },
        );
        candidates
    }

    /// Moves words to their candidates, in order, but for the last word of a topic.
    fn move_guarded(&mut self, documents: &Documents, candidates: &[u32]) {
        let (clusters, len) = (self.clusters(), self.state.component.statistics_len());
        for (point, (label, &candidate)) in self.state.labels.iter_mut().zip(candidates).enumerate() {
            let from = *label as usize * len;
            if *label == candidate || self.state.statistics[from] <= 1.0 {
                continue;
            }
            let (to, word) = (candidate as usize * len, 1 + documents.word(point));
            for (at, sign) in [(from, -1.0), (to, 1.0)] {
                self.state.statistics[at] += sign;
                self.state.statistics[at + word] += sign;
            }
            let counts = &mut self.counts[documents.groups.of[point] as usize * clusters..][..clusters];
            counts[*label as usize] -= 1.0;
            counts[candidate as usize] += 1.0;
            *label = candidate;
        }
    }
}

/// The topics of a document's words, given the weights of its topics.
struct Draw<'a> {
    documents: &'a Documents,
    words: &'a [Lanes],
    rates: &'a [Lanes],
    products: &'a mut [Lanes],
    sums: &'a mut [f64],
    random: &'a mut ChaCha8Rng,
    /// Its first word.
    first: usize,
    /// The last topic.
    last: usize,
    topics: &'a mut [u32],
}

impl Task for Draw<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { documents, words, rates, products, sums, random, first, last, topics } = self;
        let (chunks, mut known, mut total) = (rates.len(), usize::MAX, 0.0);
        for (topic, point) in topics.iter_mut().zip(first..) {
            let word = documents.word(point);
            if word != known {
                total = multiply(rates, &words[word * chunks..][..chunks], products, sums);
                known = word;
            }
            *topic = pick(products, sums, uniform(random) * total).min(last) as u32;
        }
    }
}

/// Products of a word's chances in every topic with the document's, sums of their chunks, and the sum of all.
#[inline(always)]
fn multiply(rates: &[Lanes], words: &[Lanes], products: &mut [Lanes], sums: &mut [f64]) -> f64 {
    let mut total = 0.0;
    for (((rates, words), products), sum) in rates.iter().zip(words).zip(products).zip(sums) {
        *products = std::array::from_fn(|lane| rates[lane] * words[lane]);
        let [a, b, c, d] = [0, 2, 4, 6].map(|lane| products[lane] + products[lane + 1]);
        *sum = (a + b) + (c + d);
        total += *sum;
    }
    total
}

/// The topic at which running sums pass `left`.
#[inline(always)]
fn pick(products: &[Lanes], sums: &[f64], mut left: f64) -> usize {
    let mut chunk = 0;
    while chunk + 1 < sums.len() && left >= sums[chunk] {
        left -= sums[chunk];
        chunk += 1;
    }
    let mut lane = 0;
    while lane + 1 < LANES && left >= products[chunk][lane] {
        left -= products[chunk][lane];
        lane += 1;
    }
    // Where rounding went beyond the last that has a chance.
    while products[chunk][lane] == 0.0 && chunk * LANES + lane > 0 {
        (chunk, lane) = if lane == 0 { (chunk - 1, LANES - 1) } else { (chunk, lane - 1) };
    }
    chunk * LANES + lane
}
