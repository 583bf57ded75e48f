//! Shapes as triangles with a colour at every corner, in table px, in the order in which they are painted.

use crate::colour::Colour;

/// A point of the table, px, y down.
pub type Point = [f32; 2];

/// Corners of a circle: at the sizes drawn here none of them shows.
const CORNERS: usize = 48;

/// How far a stroke's corner may stick out, in half widths: beyond it, a sharp turn is cut.
const MITRE: f32 = 1.6;

/// What is drawn so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sketch {
    /// Every corner's place.
    pub points: Vec<Point>,
    /// Every corner's colour.
    pub colours: Vec<Colour>,
    /// Three corners a triangle; later ones cover earlier ones.
    pub triangles: Vec<u32>,
}

impl Sketch {
    /// A filled convex polygon.
    pub fn polygon(&mut self, corners: &[Point], colour: Colour) {
        let first = self.next();
        for &corner in corners {
            self.corner(corner, colour);
        }
        for i in 2..corners.len() as u32 {
            self.triangles.extend([first, first + i - 1, first + i]);
        }
    }

    /// A filled circle.
    pub fn disc(&mut self, centre: Point, radius: f32, colour: Colour) {
        self.polygon(&circle(centre, radius), colour);
    }

    /// A circle's line, `width` wide, `radius` at its middle.
    pub fn ring(&mut self, centre: Point, radius: f32, width: f32, colour: Colour) {
        self.outline(&circle(centre, radius), width, colour);
    }

    /// The line around a polygon.
    pub fn outline(&mut self, corners: &[Point], width: f32, colour: Colour) {
        let n = corners.len();
        let around = |i: usize| sides(corners[(i + n - 1) % n], corners[i], corners[(i + 1) % n], width / 2.0);
        self.strip((0..n).chain(0..n.min(1)).map(|i| (around(i), colour)));
    }

    /// A line with round ends through points, its colour by the share of the points that it has passed.
    pub fn stroke(&mut self, points: &[Point], width: f32, colour: impl Fn(f32) -> Colour) {
        let (Some(&first), Some(&last)) = (points.first(), points.last()) else { return };
        let share = |i: usize| i as f32 / (points.len() - 1).max(1) as f32;
        let (before, after) =
            (|i: usize| points[i.saturating_sub(1)], |i: usize| points[(i + 1).min(points.len() - 1)]);
        let along = |i: usize| (sides(before(i), points[i], after(i), width / 2.0), colour(share(i)));
        self.strip((0..points.len()).map(along));
        self.cap(first, after(0), width / 2.0, colour(0.0));
        self.cap(last, before(points.len() - 1), width / 2.0, colour(1.0));
    }

    /// Half a disc, on the side of `end` that is turned away from `from`.
    fn cap(&mut self, end: Point, from: Point, radius: f32, colour: Colour) {
        let away = (end[1] - from[1]).atan2(end[0] - from[0]);
        let at = |i: usize| away + (i as f32 / (CORNERS / 4) as f32 - 0.5) * std::f32::consts::PI;
        let half: Vec<Point> = (0..=CORNERS / 4).map(|i| on_circle(end, radius, at(i))).collect();
        self.polygon(&half, colour);
    }

    /// A band between pairs of points.
    fn strip(&mut self, pairs: impl Iterator<Item = ([Point; 2], Colour)>) {
        let first = self.next();
        for ([left, right], colour) in pairs {
            self.corner(left, colour);
            self.corner(right, colour);
        }
        for i in (first + 2..self.next()).step_by(2) {
            self.triangles.extend([i - 2, i - 1, i, i, i - 1, i + 1]);
        }
    }

    fn corner(&mut self, point: Point, colour: Colour) {
        self.points.push(point);
        self.colours.push(colour);
    }

    fn next(&self) -> u32 {
        self.points.len() as u32
    }
}

fn circle(centre: Point, radius: f32) -> [Point; CORNERS] {
    std::array::from_fn(|i| on_circle(centre, radius, i as f32 / CORNERS as f32 * std::f32::consts::TAU))
}

fn on_circle([x, y]: Point, radius: f32, angle: f32) -> Point {
    [x + radius * angle.cos(), y + radius * angle.sin()]
}

/// The two sides of a line at `at`, on its way from `before` to `after`: on the bisector, and further out the sharper it
/// turns.
fn sides(before: Point, at: Point, after: Point, half: f32) -> [Point; 2] {
    let (arriving, leaving) = (direction(before, at), direction(at, after));
    let arriving = arriving.or(leaving).unwrap_or([1.0, 0.0]);
    let leaving = leaving.unwrap_or(arriving);
    let sum = [arriving[0] + leaving[0], arriving[1] + leaving[1]];
    // It turns back: there is no bisector.
    let along = direction([0.0; 2], sum).unwrap_or(leaving);
    let cosine = along[0] * leaving[0] + along[1] * leaving[1];
    let out = half * (1.0 / cosine.max(f32::EPSILON)).min(MITRE);
    let normal = [-along[1] * out, along[0] * out];
    [[at[0] + normal[0], at[1] + normal[1]], [at[0] - normal[0], at[1] - normal[1]]]
}

/// From one point to another, of length 1; `None` between points that are the same.
fn direction(from: Point, to: Point) -> Option<Point> {
    let way = [to[0] - from[0], to[1] - from[1]];
    let length = way[0].hypot(way[1]);
    (length > 1e-4).then(|| way.map(|x| x / length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INK: Colour = Colour::of(0);

    /// The area of all triangles, overlaps counted twice.
    fn area(sketch: &Sketch) -> f32 {
        let corner = |i: &u32| sketch.points[*i as usize];
        let triangle = |t: &[u32]| {
            let [a, b, c] = [corner(&t[0]), corner(&t[1]), corner(&t[2])];
            ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).abs() / 2.0
        };
        sketch.triangles.chunks(3).map(triangle).sum()
    }

    fn drawn(draw: impl FnOnce(&mut Sketch)) -> Sketch {
        let mut sketch = Sketch::default();
        draw(&mut sketch);
        sketch
    }

    #[test]
    fn shapes_cover_what_they_should() {
        let square = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]];
        let near = |is: f32, should: f32| assert!((is / should - 1.0).abs() < 0.01, "{is} should be {should}");
        near(area(&drawn(|s| s.polygon(&square, INK))), 100.0);
        near(area(&drawn(|s| s.outline(&square, 2.0, INK))), 144.0 - 64.0);
        near(area(&drawn(|s| s.disc([5.0, 5.0], 10.0, INK))), 314.16);
        near(area(&drawn(|s| s.ring([5.0, 5.0], 10.0, 2.0, INK))), std::f32::consts::PI * (121.0 - 81.0));
        let line = [[0.0, 0.0], [30.0, 0.0], [30.0, 40.0]];
        near(area(&drawn(|s| s.stroke(&line, 2.0, |_| INK))), 140.0 + std::f32::consts::PI);
    }

    #[test]
    fn a_stroke_changes_its_colour_on_the_way() {
        let fading = drawn(|s| s.stroke(&[[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]], 1.0, |share| INK.at(1.0 - share)));
        let opacities: Vec<f32> = fading.colours.iter().take(6).map(|colour| colour.opacity).collect();
        assert_eq!(opacities, [1.0, 1.0, 0.5, 0.5, 0.0, 0.0]);
    }

    proptest! {
        /// Points that coincide, lines that turn back: nothing that is not a number, no corner far out.
        #[test]
        fn every_line_can_be_drawn(points in prop::collection::vec([0..4_u8, 0..4_u8], 0..8)) {
            let points: Vec<Point> = points.iter().map(|p| p.map(f32::from)).collect();
            let sketch = drawn(|s| {
                s.stroke(&points, 1.0, |_| INK);
                s.outline(&points, 1.0, INK);
                s.polygon(&points, INK);
            });
            prop_assert!(sketch.points.iter().flatten().all(|x| (-1.0..=4.0).contains(x)), "{:?}", sketch.points);
            prop_assert!(sketch.triangles.iter().all(|&i| (i as usize) < sketch.points.len()));
            prop_assert_eq!(sketch.colours.len(), sketch.points.len());
        }
    }
}
