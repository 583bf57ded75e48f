//! Ways between rotations.
//!
//! With unit quaternions q₀ and q₁, of two signs the nearer one, and the angle θ between them,
//!
//! ```text
//! q(s) = (sin((1 − s) θ) q₀ + sin(s θ) q₁) / sin θ
//! ```
//!
//! (Shoemake 1985): the shortest way, at an even speed. Columns of a matrix go the same way, as the quaternion of that matrix.

use parapolicy_policy::Kind;

/// A rotation, as a unit quaternion: of a quaternion in the order that it has, of columns w, x, y, z. NaN where there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rotation([f64; 4]);

/// The angle below which a way is a line.
const STRAIGHT: f64 = 1e-9;

impl Rotation {
    /// The rotation that `numbers` of this kind are nearest to; none of other kinds.
    pub fn of(kind: Kind, numbers: &[f64]) -> Option<Self> {
        match kind {
            Kind::Quaternion => {
                let mut quaternion = [f64::NAN; 4];
                quaternion.iter_mut().zip(numbers).for_each(|(to, from)| *to = *from);
                kind.project(&mut quaternion);
                Some(Self(quaternion))
            }
            Kind::Rotation6d => {
                let mut columns = [f64::NAN; 6];
                columns.iter_mut().zip(numbers).for_each(|(to, from)| *to = *from);
                kind.project(&mut columns);
                Some(Self::of_columns(columns))
            }
            _ => None,
        }
    }

    /// The quaternion of a matrix (Shepperd 1978).
    fn of_columns([a0, a1, a2, b0, b1, b2]: [f64; 6]) -> Self {
        let (c0, c1, c2) = (a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0);
        // m[row][column] is a, b, c by column.
        let candidates = [
            [1.0 + a0 + b1 + c2, b2 - c1, c0 - a2, a1 - b0],
            [b2 - c1, 1.0 + a0 - b1 - c2, a1 + b0, c0 + a2],
            [c0 - a2, a1 + b0, 1.0 - a0 + b1 - c2, b2 + c1],
            [a1 - b0, c0 + a2, b2 + c1, 1.0 - a0 - b1 + c2],
        ];
        let mut best = 0;
        for index in 1..4 {
            if candidates[index][index] > candidates[best][best] {
                best = index;
            }
        }
        let mut quaternion = candidates[best];
        Kind::Quaternion.project(&mut quaternion);
        Self(quaternion)
    }

    /// The first two columns of its matrix.
    fn columns(self) -> [f64; 6] {
        let [w, x, y, z] = self.0;
        [
            1.0 - 2.0 * (y * y + z * z),
            2.0 * (x * y + w * z),
            2.0 * (x * z - w * y),
            2.0 * (x * y - w * z),
            1.0 - 2.0 * (x * x + z * z),
            2.0 * (y * z + w * x),
        ]
    }

    /// The rotation at a share of the shortest way to another.
    pub fn towards(self, other: Self, share: f64) -> Self {
        let (from, mut to) = (self.0, other.0);
        let dot: f64 = from.iter().zip(&to).map(|(a, b)| a * b).sum();
        if dot < 0.0 {
            to = to.map(|number| -number);
        }
        let dot = dot.abs();
        let mut off = to;
        off.iter_mut().zip(&from).for_each(|(off, from)| *off -= dot * from);
        let sine = off.iter().map(|off| off * off).sum::<f64>().sqrt();
        let angle = sine.atan2(dot);
        let (first, second) = if angle > STRAIGHT {
            (((1.0 - share) * angle).sin() / angle.sin(), (share * angle).sin() / angle.sin())
        } else {
            (1.0 - share, share)
        };
        let mut at = [0.0; 4];
        at.iter_mut().zip(from.iter().zip(&to)).for_each(|(at, (from, to))| *at = first * from + second * to);
        Kind::Quaternion.project(&mut at);
        Self(at)
    }

    /// Writes it as numbers of this kind.
    pub fn write(self, kind: Kind, numbers: &mut [f64]) {
        if kind == Kind::Rotation6d {
            numbers.iter_mut().zip(self.columns()).for_each(|(to, from)| *to = from);
        } else {
            numbers.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
        }
    }
}
