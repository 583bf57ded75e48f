//! Discs that the agent is to stay out of.

use nalgebra::Vector2;
use serde::{Deserialize, Serialize};

use crate::agent::{Agent, SUBSTEPS};

/// A disc that the agent's centre is to stay out of. It stops nothing: the simulator reports who enters it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepOut {
    /// Its centre, px.
    pub centre: [f64; 2],
    /// Its radius, px.
    pub radius: f64,
}

impl KeepOut {
    /// How far inside the disc a point is, px; 0 outside and on its edge.
    pub fn intrusion(&self, point: Vector2<f64>) -> f64 {
        (self.radius - (point - Vector2::from(self.centre)).norm()).max(0.0)
    }
}

/// How far inside any of `discs` the agent gets at the end of any substep of a control step towards `target`, px.
pub(crate) fn deepest_intrusion(discs: &[KeepOut], mut agent: Agent, target: Vector2<f64>) -> f64 {
    let mut deepest = 0.0_f64;
    for _ in 0..SUBSTEPS {
        agent.follow(target);
        deepest = discs.iter().map(|disc| disc.intrusion(agent.position)).fold(deepest, f64::max);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intrusion_is_measured_from_the_edge() {
        let disc = KeepOut { centre: [100.0, 50.0], radius: 10.0 };
        let at = |x| disc.intrusion(Vector2::new(x, 50.0));
        assert_eq!([at(100.0), at(107.0), at(110.0), at(300.0)], [10.0, 3.0, 0.0, 0.0]);
    }
}
