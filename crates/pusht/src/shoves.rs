//! Kicks at random times.

use nalgebra::Vector2;
use rand::Rng as _;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use crate::numpy::polar_normals;
use crate::world::Kick;

/// The farthest that a shove moves the block, px: farther ones are cut to it, as scenario files are.
const FARTHEST: f64 = 100.0;

/// Kicks at random times: with this probability the block is shoved in a control step, somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RandomKicks {
    /// Of a kick, in every control step.
    pub probability: f64,
    /// Standard deviation of the displacement along each axis, px.
    pub displacement_std: f64,
    /// Standard deviation of the turn, rad.
    pub turn_std: f64,
    /// Seed of the kicks: with an episode's seed it fixes every one of them, independently of the actions.
    pub seed: u64,
}

/// The kicks of an episode, one control step after the other.
#[derive(Debug)]
pub struct Shoves {
    kicks: RandomKicks,
    random: Pcg64,
}

impl Shoves {
    /// Of the episode with this seed.
    pub fn new(kicks: RandomKicks, seed: u64) -> Self {
        // The low bit separates this stream from that of the observation noise.
        Self { kicks, random: Pcg64::new(seed.into(), (u128::from(kicks.seed) << 1 | 1) << 64) }
    }

    /// The kick of the next control step. A step without a kick draws as many numbers.
    pub fn next(&mut self) -> Kick {
        let RandomKicks { probability, displacement_std, turn_std, .. } = self.kicks;
        let mut uniform = || (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let comes = uniform() < probability;
        let ((x, y), (turn, _)) = (polar_normals(&mut uniform), polar_normals(&mut uniform));
        if !comes {
            return Kick::NONE;
        }
        let displacement = (Vector2::new(x, y) * displacement_std).cap_magnitude(FARTHEST);
        Kick { displacement, turn: turn * turn_std }
    }
}

#[cfg(test)]
mod tests {
    use super::{FARTHEST, RandomKicks, Shoves};
    use crate::world::Kick;

    #[test]
    fn kicks_are_as_many_and_as_strong_as_they_are_said_to_be() {
        let kicks = RandomKicks { probability: 0.2, displacement_std: 4.0, turn_std: 0.1, seed: 3 };
        let all: Vec<Kick> = (0..400)
            .flat_map(|seed| {
                let mut shoves = Shoves::new(kicks, seed);
                (0..100).map(move |_| shoves.next())
            })
            .filter(|kick| *kick != Kick::NONE)
            .collect();
        let count = all.len() as f64;
        assert!((count / 40_000.0 - 0.2).abs() < 0.008, "{count} of 40000");
        let std = |value: fn(&Kick) -> f64| (all.iter().map(|kick| value(kick).powi(2)).sum::<f64>() / count).sqrt();
        let found =
            [std(|kick| kick.displacement.x / 4.0), std(|kick| kick.displacement.y / 4.0), std(|kick| kick.turn / 0.1)];
        assert!(found.iter().all(|std| (std - 1.0).abs() < 0.03), "{found:?}");
        let mut far = Shoves::new(RandomKicks { displacement_std: 100.0, ..kicks }, 0);
        assert!((0..1000).all(|_| far.next().displacement.norm() <= FARTHEST * (1.0 + 1e-12)));
    }
}
