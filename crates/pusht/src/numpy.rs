//! The random streams of `numpy`, draw for draw, so that a seed means the same reset as in Python.
//!
//! The bit sources are `rand_mt` and `rand_pcg`; what `numpy` does with their bits is written out here, after
//! `numpy/random/src/legacy/legacy-distributions.c`, `numpy/random/src/distributions/distributions.c` and
//! `numpy/random/bit_generator.pyx` of <https://github.com/numpy/numpy>.

use rand::Rng as _;
use rand_mt::Mt;
use rand_pcg::Pcg64;

/// `numpy.random.RandomState(seed)`.
pub(crate) struct RandomState {
    bits: Mt,
    /// The second of the last pair of normal numbers.
    spare_normal: Option<f64>,
}

impl RandomState {
    pub(crate) fn new(seed: u32) -> Self {
        Self { bits: Mt::new(seed), spare_normal: None }
    }

    /// `randint(low, high)`: bits masked to the range's width, drawn again while they are beyond it.
    pub(crate) fn randint(&mut self, low: u32, high: u32) -> u32 {
        let largest = high - 1 - low;
        let mask = largest.checked_next_power_of_two().map_or(u32::MAX, |power| power - 1) | largest;
        loop {
            let value = self.bits.next_u32() & mask;
            if value <= largest {
                return low + value;
            }
        }
    }

    /// `randn()`: Marsaglia's polar method, two numbers at a time.
    pub(crate) fn randn(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        let (first, second) = polar_normals(|| self.random());
        self.spare_normal = Some(second);
        first
    }

    /// `random()`: 53 bits of two draws, in [0, 1).
    fn random(&mut self) -> f64 {
        let high = self.bits.next_u32() >> 5;
        let low = self.bits.next_u32() >> 6;
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }
}

/// `numpy.random.Generator(numpy.random.PCG64(seed))`, which is gymnasium's `np_random`.
pub(crate) struct Generator {
    bits: Pcg64,
    /// The upper half of the last 64 bits of which only the lower half was asked for.
    spare_bits: Option<u32>,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        let [state_high, state_low, stream_high, stream_low] = seed_sequence(seed);
        let join = |high: u64, low: u64| u128::from(high) << 64 | u128::from(low);
        Self { bits: Pcg64::new(join(state_high, state_low), join(stream_high, stream_low)), spare_bits: None }
    }

    /// `integers(low, high)`: Lemire's multiplication (arXiv 1805.10941).
    pub(crate) fn integers(&mut self, low: u32, high: u32) -> u32 {
        let count = high - low;
        let threshold = count.wrapping_neg() % count;
        loop {
            let product = u64::from(self.next_u32()) * u64::from(count);
            if product as u32 >= threshold {
                return low + (product >> 32) as u32;
            }
        }
    }

    /// `uniform(low, high)`.
    pub(crate) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.random()
    }

    /// `random()`: the upper 53 of 64 bits, in [0, 1).
    pub(crate) fn random(&mut self) -> f64 {
        (self.bits.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    fn next_u32(&mut self) -> u32 {
        if let Some(spare) = self.spare_bits.take() {
            return spare;
        }
        let bits = self.bits.next_u64();
        self.spare_bits = Some((bits >> 32) as u32);
        bits as u32
    }
}

/// Two independent standard normal numbers from uniform ones in [0, 1), in the order `numpy` hands them out.
pub(crate) fn polar_normals(mut random: impl FnMut() -> f64) -> (f64, f64) {
    loop {
        let x = 2.0 * random() - 1.0;
        let y = 2.0 * random() - 1.0;
        let square = x * x + y * y;
        if square < 1.0 && square != 0.0 {
            let scale = (-2.0 * square.ln() / square).sqrt();
            return (scale * y, scale * x);
        }
    }
}

/// `SeedSequence(seed).generate_state(4, numpy.uint64)`.
fn seed_sequence(seed: u64) -> [u64; 4] {
    const POOL: usize = 4;
    let mut hash = Hash { constant: 0x43b0_d7e5, factor: 0x931e_8875 };
    let entropy = [seed as u32, (seed >> 32) as u32, 0, 0];
    let mut pool = entropy.map(|word| hash.mix(word));
    for source in 0..POOL {
        for target in (0..POOL).filter(|&target| target != source) {
            pool[target] = combine(pool[target], hash.mix(pool[source]));
        }
    }

    let mut hash = Hash { constant: 0x8b51_f9dd, factor: 0x58f3_8ded };
    let words: [u32; 2 * POOL] = std::array::from_fn(|i| hash.mix(pool[i % POOL]));
    std::array::from_fn(|i| u64::from(words[2 * i + 1]) << 32 | u64::from(words[2 * i]))
}

/// The multiplicative hash of `SeedSequence`, whose constant moves on with every word.
struct Hash {
    constant: u32,
    factor: u32,
}

impl Hash {
    fn mix(&mut self, word: u32) -> u32 {
        let word = word ^ self.constant;
        self.constant = self.constant.wrapping_mul(self.factor);
        let word = word.wrapping_mul(self.constant);
        word ^ word >> 16
    }
}

fn combine(x: u32, y: u32) -> u32 {
    let mixed = x.wrapping_mul(0xca01_f9dd).wrapping_sub(y.wrapping_mul(0x4973_f715));
    mixed ^ mixed >> 16
}

#[cfg(test)]
mod reference;

#[cfg(test)]
mod tests {
    use super::reference::{GENERATOR, LAST_OF_GENERATOR, RANDOM_STATE};
    use super::{Generator, RandomState};

    #[test]
    fn random_state_draws_what_numpy_draws() {
        for (seed, integers, normals) in RANDOM_STATE {
            let mut random = RandomState::new(seed);
            assert_eq!(integers, std::array::from_fn(|i| random.randint(50, 450 - 50 * (i as u32 % 2))), "{seed}");
            for normal in normals {
                assert_eq!(normal, random.randn(), "seed {seed}");
            }
        }
    }

    #[test]
    fn generator_draws_what_numpy_draws() {
        for ((seed, integers, uniforms), last) in GENERATOR.into_iter().zip(LAST_OF_GENERATOR) {
            let mut random = Generator::new(seed);
            // An odd number of 32-bit draws leaves half a word over, which the 64-bit draws do not touch.
            assert_eq!(integers, std::array::from_fn(|_| random.integers(100, 3_000_000_000)), "{seed}");
            for uniform in uniforms {
                assert_eq!(uniform, random.uniform(-2.0, 3.0), "seed {seed}");
            }
            assert_eq!(last, random.integers(0, 7), "seed {seed}");
        }
    }
}
