//! Initial states of episodes.

use std::f64::consts::{PI, TAU};

use nalgebra::{Rotation2, Vector2};
use serde::{Deserialize, Serialize};

use crate::geometry::{CENTRE_OF_GRAVITY, Pose};
use crate::numpy::{Generator, RandomState};
use crate::state::State;

/// Which random stream the start is drawn from. Both draw the agent in [50, 450)² and the block in [100, 400)², whole
/// pixels, and any angle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResetDistribution {
    /// The Diffusion Policy project's, which published scores are measured with: `numpy.random.RandomState(seed)`,
    /// angle
    /// `randn()·2π − π`.
    DiffusionPolicy,
    /// gym-pusht's: `numpy.random.Generator(PCG64(seed))`, angle `uniform(−π, π)`.
    GymPusht,
}

/// What a drawn block pose means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResetOrder {
    /// Position first, then angle, as gym-pusht and the Diffusion Policy environment do: the block is put down upright
    /// and turned about its centre of gravity, so its origin ends up elsewhere.
    Legacy,
    /// The drawn pose is used as it is.
    Plain,
}

impl ResetDistribution {
    /// The largest seed the distribution knows: `RandomState` takes 32 bits.
    pub const fn largest_seed(self) -> u64 {
        match self {
            Self::DiffusionPolicy => u32::MAX as u64,
            Self::GymPusht => u64::MAX,
        }
    }

    /// Draws `[agent x, agent y, block x, block y, angle]` (px, rad). Seeds beyond [`Self::largest_seed`] begin again
    /// at 0.
    ///
    /// ```
    /// use parapolicy_pusht::ResetDistribution;
    ///
    /// let [x, y, block_x, block_y, angle] = ResetDistribution::DiffusionPolicy.draw(100_000);
    /// assert_eq!([x, y, block_x, block_y], [235.0, 124.0, 335.0, 128.0]);
    /// assert!((angle - -0.9049274).abs() < 1e-7);
    /// ```
    pub fn draw(self, seed: u64) -> [f64; 5] {
        match self {
            Self::DiffusionPolicy => {
                let mut random = RandomState::new(seed as u32);
                let [x, y] = [(); 2].map(|()| random.randint(50, 450).into());
                let [block_x, block_y] = [(); 2].map(|()| random.randint(100, 400).into());
                [x, y, block_x, block_y, random.randn() * TAU - PI]
            }
            Self::GymPusht => {
                let mut random = Generator::new(seed);
                let [x, y] = [(); 2].map(|()| random.integers(50, 450).into());
                let [block_x, block_y] = [(); 2].map(|()| random.integers(100, 400).into());
                [x, y, block_x, block_y, random.uniform(-PI, PI)]
            }
        }
    }
}

impl ResetOrder {
    /// The state that a draw leads to: in the legacy order x' = x + 45·sin θ, y' = y + 45 − 45·cos θ.
    pub fn apply(self, draw: [f64; 5]) -> State {
        let State { agent, block } = State::from_array(draw);
        let position = match self {
            Self::Plain => block.position,
            Self::Legacy => {
                let arm = Vector2::from(CENTRE_OF_GRAVITY);
                block.position + arm - Rotation2::new(block.angle) * arm
            }
        };
        State { agent, block: Pose { position, ..block } }
    }
}

#[cfg(test)]
mod tests {
    use super::{ResetDistribution, ResetOrder};

    /// The first published test seeds: draws, and the block after the legacy order.
    #[test]
    fn published_seeds_start_where_they_should() {
        let table = [
            (100_000, [235.0, 124.0, 335.0, 128.0, -0.9049274], [299.612885, 145.201581, 5.378258]),
            (100_001, [365.0, 182.0, 275.0, 280.0, -1.0981131], [234.934254, 304.512540, 5.185072]),
            (100_002, [159.0, 417.0, 295.0, 339.0, -6.1146167], [302.549711, 339.637833, 0.168569]),
        ];
        for (seed, draw, block) in table {
            let drawn = ResetDistribution::DiffusionPolicy.draw(seed);
            let state = ResetOrder::Legacy.apply(drawn).to_array();
            for (is, should) in drawn.iter().zip(draw).chain(state[2..].iter().zip(block)) {
                assert!((is - should).abs() < 5e-6, "seed {seed}: {is} should be {should}");
            }
        }
    }

    #[test]
    fn the_plain_order_takes_the_pose_as_it_is() {
        assert_eq!(ResetOrder::Plain.apply([1.0, 2.0, 3.0, 4.0, 5.0]).to_array(), [1.0, 2.0, 3.0, 4.0, 5.0]);
    }
}
