//! PushT for whatever shows points and frames: the agent, the block, its goal and the discs to keep out of.

use parapolicy_control::{Body, Sketch};

use super::painter::PushTScene;
use crate::KeepOut;
use crate::geometry::{AGENT_RADIUS, GOAL, OUTLINE, Pose};

const AGENT: [u8; 3] = [65, 105, 225];
const BLOCK: [u8; 3] = [119, 136, 153];
const GOAL_COLOUR: [u8; 3] = [144, 238, 144];
const KEEP_OUT: [u8; 3] = [205, 92, 92];

/// Draws scenes of a scenario with these discs.
pub(super) struct PushTSketch(pub Vec<KeepOut>);

impl Sketch for PushTSketch {
    fn bodies(&self) -> Vec<Body> {
        let block = |name: &str, colour| Body { name: name.into(), colour, outline: OUTLINE.to_vec() };
        let discs =
            (1..).zip(&self.0).map(|(number, disc)| Body::disc(&format!("keep-out-{number}"), KEEP_OUT, disc.radius));
        let [goal, block] = [block("goal", GOAL_COLOUR), block("block", BLOCK)];
        [goal, block, Body::disc("agent", AGENT, AGENT_RADIUS)].into_iter().chain(discs).collect()
    }

    fn poses(&self, scene: &[f64], poses: &mut Vec<[f64; 3]>) {
        let Some(PushTScene { state, keep_out, .. }) = PushTScene::read(scene) else { return };
        let of = |Pose { position, angle }: Pose| [position.x, position.y, angle];
        poses.extend([of(GOAL), of(state.block), [state.agent.x, state.agent.y, 0.0]]);
        poses.extend(keep_out.iter().map(|disc| [disc.centre[0], disc.centre[1], 0.0]));
    }

    /// Actions are where the agent is to go.
    fn place(&self, action: &[f64]) -> Option<[f64; 2]> {
        action.try_into().ok()
    }

    fn y_is_down(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::State;

    #[test]
    fn every_body_of_a_scene_has_its_place() {
        let keep_out = vec![KeepOut { centre: [100.0, 200.0], radius: 30.0 }];
        let state = State::from_array([1.0, 2.0, 3.0, 4.0, 0.5]);
        let (sketch, mut numbers, mut poses) = (PushTSketch(keep_out.clone()), Vec::new(), Vec::new());
        PushTScene { state, coverage: 0.0, keep_out }.write(&mut numbers);
        sketch.poses(&numbers, &mut poses);
        let names: Vec<_> = sketch.bodies().into_iter().map(|body| body.name).collect();
        assert_eq!(names, ["goal", "block", "agent", "keep-out-1"]);
        let quarter = std::f64::consts::FRAC_PI_4;
        assert_eq!(poses, [[256.0, 256.0, quarter], [3.0, 4.0, 0.5], [1.0, 2.0, 0.0], [100.0, 200.0, 0.0]]);
        sketch.poses(&[0.0; 3], &mut poses);
        assert_eq!(poses.len(), 4, "what is no scene of PushT is not drawn");
    }
}
