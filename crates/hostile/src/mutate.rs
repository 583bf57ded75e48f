//! Mutations of bytes, of numbers in binary, and of numbers and brackets in text.

use rand::{Rng, RngExt as _};

/// Lengths and counts that readers get wrong.
const NUMBERS: [u64; 16] = [
    0,
    1,
    2,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x10_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    1 << 40,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

/// What may stand where a text has a number.
const WORDS: [&str; 22] = [
    "0",
    "-0",
    "-1",
    "1",
    "0.5",
    "1e308",
    "-1e308",
    "1e400",
    "1e-320",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999999",
    "33554432",
    "null",
    "true",
    "nan",
    "inf",
    "\"\"",
    "[]",
    "{}",
];

/// Text that is put in anywhere.
const PIECES: [&[u8]; 14] = [
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\0",
    b"\x1b[2J",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"\n[[a]]\n",
    b"\na.b.c = 1\n",
    b",",
    b":",
    b"}",
    b"]",
    b"//",
];

/// The longest mutant, bytes: a nest of brackets, or a file that was put into itself.
const LONGEST: usize = 1 << 17;

/// Draws mutants of a few inputs.
#[derive(Clone, Debug)]
pub struct Mutator {
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    /// Of these inputs.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(seeds: &[Vec<u8>]) -> Self {
        assert!(!seeds.is_empty(), "there must be an input");
        Self { seeds: seeds.to_vec() }
    }

    /// A mutant: of one of the inputs, with one to six mutations.
    pub fn draw(&self, rng: &mut impl Rng) -> Vec<u8> {
        let mut mutant = self.seed(rng).to_vec();
        for _ in 0..rng.random_range(1..=6) {
            self.mutate(&mut mutant, rng);
            mutant.truncate(LONGEST);
        }
        mutant
    }

    fn seed(&self, rng: &mut impl Rng) -> &[u8] {
        &self.seeds[rng.random_range(0..self.seeds.len())]
    }

    fn mutate(&self, mutant: &mut Vec<u8>, rng: &mut impl Rng) {
        if mutant.is_empty() {
            mutant.extend_from_slice(self.seed(rng));
            return;
        }
        match rng.random_range(0..12) {
            0 => {
                let at = rng.random_range(0..mutant.len());
                mutant[at] ^= 1 << rng.random_range(0..8);
            }
            1 => {
                let at = rng.random_range(0..mutant.len());
                mutant[at] = rng.random();
            }
            2 | 3 => number(mutant, rng),
            4 | 5 => word(mutant, rng),
            6 => nest(mutant, rng),
            7 => {
                let piece = PIECES[rng.random_range(0..PIECES.len())];
                insert(mutant, rng, piece);
            }
            8 => {
                let (from, to) = range(mutant.len(), rng);
                mutant.drain(from..to);
            }
            9 => {
                let (from, to) = range(mutant.len(), rng);
                let piece = mutant[from..to].to_vec();
                insert(mutant, rng, &piece);
            }
            10 => {
                let seed = self.seed(rng);
                let (from, to) = range(seed.len(), rng);
                insert(mutant, rng, &seed[from..to]);
            }
            _ => mutant.truncate(rng.random_range(0..=mutant.len())),
        }
    }
}

/// A piece, mostly short.
fn range(len: usize, rng: &mut impl Rng) -> (usize, usize) {
    let from = rng.random_range(0..=len);
    let most = len - from;
    let most = if rng.random_bool(0.8) { most.min(32) } else { most };
    (from, from + rng.random_range(0..=most))
}

fn insert(mutant: &mut Vec<u8>, rng: &mut impl Rng, piece: &[u8]) {
    let at = rng.random_range(0..=mutant.len());
    mutant.splice(at..at, piece.iter().copied());
}

/// Overwrites a number of 1, 2, 4 or 8 bytes, little-endian, or the same as big-endian.
fn number(mutant: &mut [u8], rng: &mut impl Rng) {
    let size = [1, 2, 4, 8][rng.random_range(0..4)].min(mutant.len());
    let at = rng.random_range(0..=mutant.len() - size);
    let place = &mut mutant[at..at + size];
    let mut old = [0; 8];
    old[..size].copy_from_slice(place);
    let old = u64::from_le_bytes(old);
    let new = match rng.random_range(0..4) {
        0 => old.wrapping_add(1),
        1 => old.wrapping_sub(1),
        _ => NUMBERS[rng.random_range(0..NUMBERS.len())],
    };
    place.copy_from_slice(&new.to_le_bytes()[..size]);
    if rng.random_bool(0.1) {
        place.reverse();
    }
}

/// Replaces a number of a text.
fn word(mutant: &mut Vec<u8>, rng: &mut impl Rng) {
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+');
    let start = rng.random_range(0..mutant.len());
    let Some(from) = mutant[start..].iter().position(u8::is_ascii_digit).map(|offset| start + offset) else { return };
    let to = mutant[from..].iter().position(|byte| !is_part(byte)).map_or(mutant.len(), |offset| from + offset);
    let word = WORDS[rng.random_range(0..WORDS.len())];
    mutant.splice(from..to, word.bytes());
}

/// Nests brackets.
fn nest(mutant: &mut Vec<u8>, rng: &mut impl Rng) {
    let (open, close) =
        [("[", "]"), ("{", "}"), ("(", ")"), ("{\"a\":", "}"), ("[{\"values\":", "}]")][rng.random_range(0..5)];
    let times = [2, 20, 200, 5_000][rng.random_range(0..4)];
    let mut piece = open.repeat(times).into_bytes();
    if rng.random_bool(0.5) {
        piece.push(b'1');
        piece.extend(close.repeat(times).bytes());
    }
    insert(mutant, rng, &piece);
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn mutants_are_many_and_the_same_every_time() {
        let mutator = Mutator::new(&[b"{\"a\": [1, 2]}".to_vec(), b"\x01\x02\x03\x04".to_vec()]);
        let draw = || {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            (0..1000).map(|_| mutator.draw(&mut rng)).collect::<Vec<_>>()
        };
        let mutants = draw();
        assert_eq!(mutants, draw());
        let distinct: std::collections::HashSet<_> = mutants.iter().collect();
        assert!(distinct.len() > 800, "{}", distinct.len());
        assert!(mutants.iter().all(|mutant| mutant.len() <= LONGEST));
    }
}
