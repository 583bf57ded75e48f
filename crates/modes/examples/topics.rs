//! Topics of a corpus: `cargo run --release -p parapolicy-modes --example topics -- CORPUS.npz TOPICS.npz [SEED [BEGIN]]`.
//!
//! `CORPUS.npz` has `words [n]`, an index of a vocabulary for every word, `documents [n]`, its document, and `vocabulary []`, how many words there are; whole numbers as
//! `int64`. `TOPICS.npz` gets, of every draw `i` that is kept, `words_i [K, V]` and `weights_i [K + 1]` ([`parapolicy_modes::Topics`]).
//! `topics_compare.py` beside it makes the first of a corpus, and reads the second.

use std::{error::Error, fs::File, time::Instant};

use ndarray::{Array0, Array1};
use ndarray_npy::{NpzReader, NpzWriter};
use parapolicy_modes::{Categorical, Concentration, Documents, Hierarchical};

/// λ of every word, as the libraries beside it have.
const PSEUDO_COUNT: f64 = 0.1;
const LEARNT: Concentration = Concentration::Learnt { shape: 1.0, rate: 1.0 };
/// Iterations before the first draw that is kept, draws, and iterations between them.
const BURN_IN: usize = 600;
const DRAWS: usize = 10;
const THIN: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [corpus, out, settings @ ..] = &arguments[..] else {
        return Err("CORPUS.npz TOPICS.npz [SEED [BEGIN]]".into());
    };
    let seed = settings.first().map_or(Ok(1), |seed| seed.parse())?;
    let begin = settings.get(1).map_or(Ok(50), |begin| begin.parse())?;
    let (documents, vocabulary) = read(corpus)?;
    let model = Hierarchical::new(Categorical::new(vocabulary, PSEUDO_COUNT)?, LEARNT, LEARNT)?;
    let mut chain = model.topics(&documents, begin, seed)?;
    let (began, processor) = (Instant::now(), processor_seconds());
    let mut file = NpzWriter::new(File::create(out)?);
    for draw in 0..DRAWS {
        let iterations = if draw == 0 { BURN_IN } else { THIN };
        (0..iterations).for_each(|_| chain.step());
        let topics = chain.topics();
        file.add_array(format!("words_{draw}"), &topics.words)?;
        file.add_array(format!("weights_{draw}"), &Array1::from(topics.weights))?;
    }
    file.finish()?;
    let iterations = BURN_IN + (DRAWS - 1) * THIN;
    let (wall, processor) = (began.elapsed().as_secs_f64(), processor_seconds() - processor);
    println!(
        "{} words of {} documents, {iterations} iterations in {wall:.2} s, {processor:.2} processor seconds: {:.2} million words a processor second; {} topics",
        documents.words(),
        documents.len(),
        (documents.words() * iterations) as f64 / processor / 1e6,
        chain.clusters()
    );
    Ok(())
}

/// Documents, and how many words the vocabulary has.
fn read(corpus: &str) -> Result<(Documents, usize), Box<dyn Error>> {
    let mut file = NpzReader::new(File::open(corpus)?)?;
    let (words, of): (Array1<i64>, Array1<i64>) = (file.by_name("words")?, file.by_name("documents")?);
    let vocabulary: Array0<i64> = file.by_name("vocabulary")?;
    let mut documents: Vec<Vec<u32>> = Vec::new();
    for (word, document) in words.into_iter().zip(of) {
        let document = usize::try_from(document)?;
        if document > documents.len() + 100_000 {
            return Err("documents: numbers must not be far apart".into());
        }
        documents.resize(documents.len().max(document + 1), Vec::new());
        documents[document].push(u32::try_from(word)?);
    }
    Ok((Documents::new(&documents)?, usize::try_from(vocabulary.into_scalar())?))
}

/// User and system time of this process, where `/proc` has it.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / 100.0
}
