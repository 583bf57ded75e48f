//! How the scenes of a planar environment are drawn by whatever shows points and frames: logs, say.
//!
//! ```text
//! numbers of Environment::scene ──poses()──▶ [x, y, angle] of each body ──▶ its outline there
//! ```

/// Bodies of fixed outlines that move in a plane, drawn from the numbers of
/// [`Environment::scene`](crate::Environment::scene).
pub trait Sketch: Send {
    /// The bodies, in the order of [`poses`](Self::poses). Names differ; each is a frame, and a part of a topic's name.
    fn bodies(&self) -> Vec<Body>;

    /// Adds where each body is, `[x, y, angle]` (the scene's units, rad); nothing, if these are not numbers of its scenes.
    fn poses(&self, scene: &[f64], poses: &mut Vec<[f64; 3]>);

    /// Where an action leads, if actions are places of the scene.
    fn place(&self, _action: &[f64]) -> Option<[f64; 2]> {
        None
    }

    /// Whether y points down, as in pictures.
    fn y_is_down(&self) -> bool {
        false
    }
}

/// A body of a [`Sketch`].
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// Its name: letters, digits and `-`.
    pub name: String,
    /// Red, green and blue.
    pub colour: [u8; 3],
    /// Corners of its closed outline, in its own frame.
    pub outline: Vec<[f64; 2]>,
}

impl Body {
    /// A disc around the frame's origin, as 48 corners.
    #[must_use]
    pub fn disc(name: &str, colour: [u8; 3], radius: f64) -> Self {
        let corner = |index: u32| std::f64::consts::TAU * f64::from(index) / 48.0;
        let outline = (0..48).map(corner).map(|angle| [radius * angle.cos(), radius * angle.sin()]).collect();
        Self { name: name.into(), colour, outline }
    }

    /// Points on its outline, at least a hundred of them, as far from each other as they can be: its corners, and those
    /// between them.
    #[must_use]
    pub fn points(&self) -> Vec<[f64; 2]> {
        const POINTS: f64 = 100.0;
        let next = self.outline.iter().cycle().skip(1);
        let edges: Vec<_> = self.outline.iter().zip(next).collect();
        let length = |from: &[f64; 2], to: &[f64; 2]| f64::hypot(to[0] - from[0], to[1] - from[1]);
        let around: f64 = edges.iter().map(|(from, to)| length(from, to)).sum();
        let on_edge = |(from, to): (&[f64; 2], &[f64; 2])| {
            // An outline that is no number, or a point, has its corners alone.
            let share = if around > 0.0 { length(from, to) / around } else { 0.0 };
            let parts = (POINTS * share).ceil().clamp(1.0, POINTS) as u32;
            let (from, to) = (*from, *to);
            (0..parts).map(move |part| {
                let along = f64::from(part) / f64::from(parts);
                [0, 1].map(|axis| from[axis] + along * (to[axis] - from[axis]))
            })
        };
        edges.into_iter().flat_map(on_edge).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_points_of_a_body_lie_on_its_outline() {
        let body = Body { name: "wedge".into(), colour: [0; 3], outline: vec![[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]] };
        let points = body.points();
        assert!((100..104).contains(&points.len()));
        let on = |&[x, y]: &[f64; 2]| y == 0.0 || x == 3.0 || (y - x * 4.0 / 3.0).abs() < 1e-12;
        assert!(points.iter().all(on));
        assert!(body.outline.iter().all(|corner| points.contains(corner)));
        let disc = Body::disc("agent", [0; 3], 15.0).points();
        assert!(disc.iter().all(|[x, y]| (14.9..=15.0 + 1e-12).contains(&x.hypot(*y))));
        let outline = vec![[f64::NAN, 0.0]; 3];
        assert_eq!(Body { outline, ..body }.points().len(), 3);
    }
}
