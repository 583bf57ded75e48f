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

#[cfg(test)]
mod tests {
    use parapolicy_control::Environment as _;

    use super::*;
    use crate::Arm;

    #[test]
    fn links_lie_from_joint_to_joint() {
        let arm = Arm::new([0.3, 1.1], [0.2, 0.4]);
        let (mut numbers, mut poses) = (Vec::new(), Vec::new());
        arm.scene(&mut numbers);
        ArmSketch.poses(&numbers, &mut poses);
        assert_eq!((poses.len(), ArmSketch.bodies().len()), (3, 3));
        let end = |[x, y, angle]: [f64; 3], length: f64| [x + length * angle.cos(), y + length * angle.sin()];
        let ends = [(poses[0], LINKS[0], &numbers[0..2]), (poses[1], LINKS[1], &numbers[2..4])];
        for (pose, length, expected) in ends {
            let found = end(pose, length);
            assert!((found[0] - expected[0]).abs() < 1e-12 && (found[1] - expected[1]).abs() < 1e-12, "{found:?}");
        }
        assert_eq!(poses[2], [0.2, 0.4, 0.0]);
    }
}
