//! Labels drawn from weights and densities, a block of points at a time.

use rand_chacha::ChaCha8Rng;

use crate::component::Component;
use crate::points::{BLOCK, Block};
use crate::random::uniform;
use crate::wide::{self, Task};

/// Room for the log probabilities of a block, `[K, BLOCK]`.
#[derive(Debug, Default)]
pub(crate) struct Room {
    logs: Vec<f64>,
}

impl Room {
    /// Draws the labels of `block`: z_i ∝ exp(w_ik) f(x_i; θ_k). `weigh` adds the log weights of cluster k to those of the points of the block.
    pub fn draw<C: Component>(
        &mut self,
        component: &C,
        parameters: &[C::Parameters],
        weigh: impl Fn(usize, &mut [f64]),
        block: Block<'_>,
        generator: &mut ChaCha8Rng,
        labels: &mut [u32],
    ) {
        self.logs.resize(parameters.len() * BLOCK, 0.0);
        let (logs, _) = self.logs.as_chunks_mut();
        wide::run(Draw { logs, component, parameters, weigh, block, generator, labels });
    }
}

struct Draw<'a, C: Component, W> {
    /// `[K]`
    logs: &'a mut [[f64; BLOCK]],
    component: &'a C,
    parameters: &'a [C::Parameters],
    weigh: W,
    block: Block<'a>,
    generator: &'a mut ChaCha8Rng,
    labels: &'a mut [u32],
}

impl<C: Component, W: Fn(usize, &mut [f64])> Task for Draw<'_, C, W> {
    #[inline(always)]
    fn run(self) {
        let Self { logs, component, parameters, weigh, block, generator, labels } = self;
        let mut tops = [f64::NEG_INFINITY; BLOCK];
        for (k, (row, parameters)) in logs.iter_mut().zip(parameters).enumerate() {
            component.log_densities(parameters, block, row);
            weigh(k, &mut row[..block.len()]);
            row.iter().zip(&mut tops).for_each(|(log, top)| *top = if *log > *top { *log } else { *top });
        }
        let mut sums = [0.0; BLOCK];
        for row in logs.iter_mut() {
            for ((log, top), sum) in row.iter_mut().zip(&tops).zip(&mut sums) {
                *sum += exp(*log - top);
                *log = *sum;
            }
        }
        let mut passed = [0_u64; BLOCK];
        sums.iter_mut().take(block.len()).for_each(|sum| *sum *= uniform(generator));
        for row in &*logs {
            for ((passed, log), threshold) in passed.iter_mut().zip(row).zip(&sums) {
                *passed += u64::from(log <= threshold);
            }
        }
        let last = parameters.len() as u64 - 1;
        labels.iter_mut().zip(passed).for_each(|(label, passed)| *label = passed.min(last) as u32);
    }
}

/// Moves every point to its candidate, in order, but for the last point of a cluster.
pub(crate) fn move_guarded(labels: &mut [u32], candidates: &[u32], counts: &mut [usize]) {
    for (label, &candidate) in labels.iter_mut().zip(candidates) {
        let from = &mut counts[*label as usize];
        if *from > 1 {
            *from -= 1;
            counts[candidate as usize] += 1;
            *label = candidate;
        }
    }
}

/// eˣ for x ≤ 0, to 2e-9 of it and without branches, so that a loop of it is vectorised: x = n log 2 + r, and a polynomial in r.
#[inline(always)]
fn exp(x: f64) -> f64 {
    // Adding and subtracting it rounds to a whole number.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let x = x.max(-700.0);
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let r = (x - whole * 0.693_147_180_369_123_8) - whole * 1.908_214_929_270_587_7e-10;
    let p = 1.0 / 40320.0;
    let p = p * r + 1.0 / 5040.0;
    let p = p * r + 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r + 1.0;
    let p = p * r + 1.0;
    // 2ⁿ by its bits: the lowest bits of `shifted` are n.
    let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    p * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_the_standard_library() {
        for i in 0..70_000 {
            let x = -0.01 * f64::from(i);
            let (ours, theirs) = (exp(x), x.exp());
            assert!((ours - theirs).abs() <= 2e-9 * theirs, "{x}: {ours} {theirs}");
        }
        assert!(exp(f64::NEG_INFINITY) < 1e-300);
    }

    #[test]
    fn the_last_point_of_a_cluster_stays() {
        let (mut labels, mut counts) = (vec![0, 0, 1], vec![2, 1]);
        move_guarded(&mut labels, &[1, 1, 0], &mut counts);
        assert_eq!(labels, [1, 0, 0], "the second stays, and then the third is not alone");
        assert_eq!(counts, [2, 1]);
    }
}
