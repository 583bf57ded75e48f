//! The collapsed steps of [`super::super::collapsed`], of words: ml(I_k ∪ x) / ml(I_k) is the word's predictive probability,
//! (λ + c_kx) / (V λ + N_k), and 1 / V in a topic that is new.

use rand_chacha::ChaCha8Rng;

use super::Documents;
use crate::component::{Categorical, Component as _};
use crate::hierarchical::counts::Grouped;
use crate::random::uniform;

impl Grouped<'_, Categorical> {
    /// A step for each of `chosen`, in order.
    pub fn collapsed_words(
        &mut self,
        documents: &Documents,
        [alpha, gamma]: [f64; 2],
        serial: &mut ChaCha8Rng,
        chosen: impl Iterator<Item = usize>,
    ) {
        let component = self.state.component;
        let mut weights = Vec::new();
        for index in chosen {
            let word = documents.word(index);
            let group = documents.groups.of[index] as usize;
            let from = self.state.labels[index] as usize;
            let clusters = self.clusters();
            self.counts[group * clusters + from] -= 1.0;
            component.add(self.state.of_mut(from), &[word as f64], -1.0);
            if self.state.size(from) == 0.0 {
                self.rest += std::mem::take(&mut self.beta[from]);
            }
            weights.clear();
            weights.extend((0..clusters).map(|cluster| {
                // An empty place is no topic: its β is 0, and no word of any document is there.
                let mass = self.count(group, cluster) + alpha * self.beta[cluster];
                mass * component.predictive(self.state.of(cluster), word)
            }));
            weights.push(alpha * self.rest / component.words() as f64);
            let drawn = drawn(&weights, uniform(serial));
            let to = if drawn < clusters { drawn } else { self.open(gamma, serial) };
            component.add(self.state.of_mut(to), &[word as f64], 1.0);
            let clusters = self.clusters();
            self.counts[group * clusters + to] += 1.0;
            self.state.labels[index] = to as u32;
        }
        self.compact();
    }
}

/// An index with probability ∝ `weights`, by a uniform number.
fn drawn(weights: &[f64], uniform: f64) -> usize {
    let mut left = uniform * weights.iter().sum::<f64>();
    for (index, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return index;
        }
    }
    weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0)
}
