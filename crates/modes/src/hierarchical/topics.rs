//! Topics of documents: a hierarchical Dirichlet process over words (Teh et al. 2006, Chang & Fisher 2014), for vocabularies of thousands.
//!
//! A document is a group, a word in it a point, a topic a cluster: a distribution over the vocabulary. The chain is that of
//! [`Hierarchical::chain`], with the same steps; only that what is done to a word is cheap in the size of the vocabulary.

mod collapsed;
mod gibbs;

use ndarray::Array2;

use super::{Groups, Hierarchical, HierarchicalChain};
use crate::component::{Categorical, Component as _};
use crate::error::ModesError;
use crate::mixture::{COLLAPSED, Start};
use crate::partition::Partition;
use crate::points::Points;
use crate::random::{Purpose, below, generator};

/// Splits and merges tried in an iteration. Topics are opened by collapsed steps too.
const MOVES: usize = 1;

/// Documents: the words of each, by their index in a vocabulary.
#[derive(Clone, Debug)]
pub struct Documents {
    groups: Groups,
    points: Points,
    /// Where each begins, and the end.
    starts: Vec<usize>,
}

impl Documents {
    /// Of `documents`, each a list of the indices of its words. Their order within a document means nothing. A document may be empty.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if there are more than 4294967295 words.
    pub fn new(documents: &[Vec<u32>]) -> Result<Self, ModesError> {
        let (mut of, mut words, mut starts) = (Vec::new(), Vec::new(), Vec::from([0]));
        for (document, tokens) in (0..).zip(documents) {
            // Equal words are neighbours: what is computed of one holds for the next.
            let mut tokens = tokens.clone();
            tokens.sort_unstable();
            of.resize(of.len() + tokens.len(), document);
            words.extend(tokens.into_iter().map(f64::from));
            starts.push(words.len());
        }
        let rows = Array2::from_shape_fn((words.len(), 1), |(row, _)| words[row]);
        Ok(Self { groups: Groups { of, count: documents.len() }, points: Points::new(rows.view())?, starts })
    }

    /// How many documents there are, `J`.
    pub fn len(&self) -> usize {
        self.groups.count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many words there are in all documents, `n`.
    pub fn words(&self) -> usize {
        self.points.len()
    }

    /// The word of a point.
    fn word(&self, point: usize) -> usize {
        self.points.value(point, 0) as usize
    }
}

/// Topics as they are in a draw, given which word is of which.
#[derive(Clone, Debug)]
pub struct Topics {
    /// α β_k, `[K]`, and last that of topics that do not exist: a document's weights are Dir(of these) before it is seen.
    pub weights: Vec<f64>,
    /// The probability of each word in each topic, `[K, V]`, in the mean given its words; a topic that does not exist has every word alike.
    pub words: Array2<f64>,
}

impl Hierarchical<Categorical> {
    /// A Markov chain of the topics of `documents`. It begins with each word in one of `topics` topics, at random.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if a word is not of the vocabulary, or `topics` is 0 or more than 4294967295.
    pub fn topics<'a>(
        &'a self,
        documents: &'a Documents,
        topics: usize,
        seed: u64,
    ) -> Result<TopicsChain<'a>, ModesError> {
        if topics == 0 || u32::try_from(topics).is_err() {
            return Err(ModesError::out_of_range("topics", topics, "1 to 4294967295"));
        }
        let mut random = generator(seed, 0, Purpose::Report);
        let labels: Vec<u32> = (0..documents.words()).map(|_| below(&mut random, topics) as u32).collect();
        let start = Start::At(Partition::new(&labels));
        Ok(TopicsChain { chain: self.chain(&documents.points, &documents.groups, &start, seed)?, documents })
    }
}

/// A Markov chain of topics, as an iterator of the topics of every word: it does not end.
#[derive(Debug)]
pub struct TopicsChain<'a> {
    chain: HierarchicalChain<'a, Categorical>,
    documents: &'a Documents,
}

impl TopicsChain<'_> {
    /// Draws the next partition of all words.
    pub fn step(&mut self) {
        let (mut serial, concentrations) = self.chain.begin();
        let (seed, iteration, words) = (self.chain.seed, self.chain.iteration, self.documents.words());
        let grouped = &mut self.chain.grouped;
        grouped.draw_topics(self.documents, concentrations[0], seed, iteration);
        (0..MOVES).for_each(|number| grouped.launch_move(concentrations, &mut serial, seed, iteration, number));
        if words <= COLLAPSED {
            grouped.collapsed_words(self.documents, concentrations, &mut serial, 0..words);
        } else {
            let chosen: Vec<_> = (0..COLLAPSED).map(|_| below(&mut serial, words)).collect();
            grouped.collapsed_words(self.documents, concentrations, &mut serial, chosen.into_iter());
        }
        self.chain.iteration += 1;
    }

    /// How many topics there are, `K`.
    pub fn clusters(&self) -> usize {
        self.chain.grouped.clusters()
    }

    /// γ and α, which change where they are learnt.
    pub fn concentrations(&self) -> [f64; 2] {
        self.chain.concentrations()
    }

    /// Tables of all documents, m, in the last iteration.
    pub fn tables(&self) -> usize {
        self.chain.tables()
    }

    /// The topic of every word, document after document, sorted within each; topics are numbered as they appear.
    pub fn current(&self) -> Partition {
        self.chain.current()
    }

    /// The topics as they are.
    pub fn topics(&self) -> Topics {
        let (grouped, [_, alpha]) = (&self.chain.grouped, self.concentrations());
        let component = grouped.state.component;
        let weights = grouped.beta.iter().chain([&grouped.rest]).map(|beta| alpha * beta).collect();
        let of = |(topic, word): (usize, usize)| component.predictive(grouped.state.of(topic), word);
        Topics { weights, words: Array2::from_shape_fn((grouped.clusters(), component.statistics_len() - 1), of) }
    }
}

impl Iterator for TopicsChain<'_> {
    type Item = Partition;

    fn next(&mut self) -> Option<Partition> {
        self.step();
        Some(self.current())
    }
}
