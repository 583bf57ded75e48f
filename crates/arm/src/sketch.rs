//! The arm for whatever shows points and frames.

use parapolicy_control::{Body, Sketch};

use crate::{LINKS, NEAR};

const TARGET: [u8; 3] = [46, 139, 87];
const ARM: [u8; 3] = [65, 105, 225];
/// Half the width of a link, in m.
const HALF: f64 = 0.02;

/// Draws scenes as the painter reads them.
pub(crate) struct ArmSketch;

impl Sketch for ArmSketch {
    fn bodies(&self) -> Vec<Body> {
        let link = |name: &str, length: f64| {
            let outline = vec![[0.0, -HALF], [length, -HALF], [length, HALF], [0.0, HALF]];
            Body { name: name.into(), colour: ARM, outline }
        };
        vec![link("first-link", LINKS[0]), link("second-link", LINKS[1]), Body::disc("target", TARGET, NEAR)]
    }

    fn poses(&self, scene: &[f64], poses: &mut Vec<[f64; 3]>) {
        let &[elbow_x, elbow_y, tip_x, tip_y, target_x, target_y] = scene else { return };
        poses.extend([
            [0.0, 0.0, elbow_y.atan2(elbow_x)],
            [elbow_x, elbow_y, (tip_y - elbow_y).atan2(tip_x - elbow_x)],
            [target_x, target_y, 0.0],
        ]);
    }
}
