//! What the numbers of an action are, where they are not positions that a line leads between.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the numbers of an entry of an action are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// Numbers that a line leads between: positions, angles of joints, velocities.
    #[default]
    Position,
    /// What is held until the next action and never interpolated: a gripper that is open or closed.
    Gripper,
    /// A rotation as four numbers of norm 1, in either order; the other sign is the same rotation.
    Quaternion,
    /// A rotation as two columns, or two rows, of its matrix (Zhou et al. 2019, arXiv 1812.07035).
    #[serde(rename = "rotation_6d")]
    Rotation6d,
}

impl Kind {
    /// How many numbers there are, if the kind says it.
    #[must_use]
    pub fn size(self) -> Option<usize> {
        match self {
            Self::Position | Self::Gripper => None,
            Self::Quaternion => Some(4),
            Self::Rotation6d => Some(6),
        }
    }

    /// Whether it is a rotation.
    #[must_use]
    pub fn is_rotation(self) -> bool {
        self.size().is_some()
    }

    /// Makes a rotation of `numbers`, which a network predicts one by one: a quaternion is divided by its norm, of two columns the
    /// first is, and the second made perpendicular to it (Gram and Schmidt). Numbers that are near none become NaN. Other kinds
    /// stay.
    ///
    /// # Example
    /// ```
    /// use parapolicy_policy::Kind;
    ///
    /// let mut columns = [2.0, 0.0, 0.0, 1.0, 3.0, 0.0];
    /// Kind::Rotation6d.project(&mut columns);
    /// assert_eq!(columns, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    /// ```
    pub fn project(self, numbers: &mut [f64]) {
        match self {
            Self::Position | Self::Gripper => {}
            Self::Quaternion => divide_by_norm(numbers),
            Self::Rotation6d => {
                let (first, second) = numbers.split_at_mut(numbers.len() / 2);
                divide_by_norm(first);
                let along: f64 = first.iter().zip(&*second).map(|(a, b)| a * b).sum();
                second.iter_mut().zip(&*first).for_each(|(b, a)| *b -= along * a);
                divide_by_norm(second);
            }
        }
    }
}

/// Norms below it are none.
const LEAST: f64 = 1e-6;

fn divide_by_norm(numbers: &mut [f64]) {
    let norm = numbers.iter().map(|number| number * number).sum::<f64>().sqrt();
    let norm = if norm > LEAST { norm } else { f64::NAN };
    numbers.iter_mut().for_each(|number| *number /= norm);
}

/// As the manifest has it.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Position => "position",
            Self::Gripper => "gripper",
            Self::Quaternion => "quaternion",
            Self::Rotation6d => "rotation_6d",
        })
    }
}
