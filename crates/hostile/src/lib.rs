//! Mutated inputs for the tests of readers: what strangers bring.
//!
//! A reader of files is given small valid files, mutated from a seed: bits and bytes, lengths and counts in binary, numbers and
//! brackets in text, pieces of one file in another. Whatever comes, it has to return, to allocate no more than a stated
//! amount, and to take no longer than a stated time. A panic, an abort or a hang is a defect of the reader.

#![allow(clippy::expect_used, clippy::panic, reason = "a helper that fails is a test that fails")]

mod mutate;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

pub use mutate::Mutator;

/// What a reader said of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took it.
    Read,
    /// It refused it.
    Refused,
}

impl<T, E> From<Result<T, E>> for Outcome {
    fn from(result: Result<T, E>) -> Self {
        if result.is_ok() { Self::Read } else { Self::Refused }
    }
}

/// What a reader may take for a mutant.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes that are allocated at once.
    pub bytes: u64,
    /// Time, measured on a machine that has other things to do.
    pub time: Duration,
}

/// What came of all mutants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Mutants that were read.
    pub read: u64,
    /// Mutants that were refused.
    pub refused: u64,
    /// The most bytes that were allocated at once.
    pub most_bytes: u64,
    /// The longest time.
    pub longest: Duration,
}

/// How many mutants to try: `MUTANTS` of the environment, or `default`.
///
/// # Panics
/// If `MUTANTS` is no number.
pub fn mutants(default: u64) -> u64 {
    number("MUTANTS").unwrap_or(default)
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|number| number.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// Has `attempt` read mutants of `seeds`, as many as [`mutants`] says, and prints what came of them. `name` names the format.
/// The mutants are the same in every run, and others for each number `MUTANTS_SEED` of the environment.
///
/// # Panics
/// If a mutant is not read within the bounds, or the reader panics; the mutant is in a temporary file then.
pub fn run(
    name: &str,
    seeds: &[Vec<u8>],
    default: u64,
    bounds: Bounds,
    mut attempt: impl FnMut(&[u8]) -> Outcome,
) -> Summary {
    let mutator = Mutator::new(seeds);
    let mut rng = ChaCha8Rng::seed_from_u64(number("MUTANTS_SEED").unwrap_or(1));
    let mut summary = Summary::default();
    let started = Instant::now();
    let count = mutants(default);
    for turn in 0..count {
        let mutant = mutator.draw(&mut rng);
        let (mut outcome, begun) = (None, Instant::now());
        let allocated = allocation_counter::measure(|| {
            outcome = Some(catch_unwind(AssertUnwindSafe(|| attempt(&mutant))));
        });
        let took = begun.elapsed();
        let outcome = match outcome.expect("it was run") {
            Ok(outcome) => outcome,
            Err(panic) => {
                keep(name, turn, &mutant);
                resume_unwind(panic);
            }
        };
        if allocated.bytes_max > bounds.bytes || took > bounds.time {
            keep(name, turn, &mutant);
            panic!("{name}, mutant {turn} of {} bytes: {} bytes, {took:?}", mutant.len(), allocated.bytes_max);
        }
        match outcome {
            Outcome::Read => summary.read += 1,
            Outcome::Refused => summary.refused += 1,
        }
        summary.most_bytes = summary.most_bytes.max(allocated.bytes_max);
        summary.longest = summary.longest.max(took);
    }
    println!("{name}: {count} mutants in {:.0?}: {summary:?}", started.elapsed());
    summary
}

/// Writes a mutant to where it can be looked at.
fn keep(name: &str, turn: u64, mutant: &[u8]) {
    let path = env::temp_dir().join(format!("{name}-{turn}.mutant"));
    match std::fs::write(&path, mutant) {
        Ok(()) => eprintln!("{name}, mutant {turn}: {}", path.display()),
        Err(error) => eprintln!("{name}, mutant {turn}: cannot be kept ({error})"),
    }
}
