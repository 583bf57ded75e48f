//! Where the table is in the window: a square beside the panel.

use crate::sketch::Point;

/// Width of the panel at the right, points: window px at a zoom of 1.
pub const PANEL: f32 = 344.0;

/// Around the table, points.
const MARGIN: f32 = 20.0;

/// The window that all fits in at a zoom of 1.
const USUAL: Point = [1180.0, 784.0];

/// From where on letters are too small, and too large.
const ZOOM: [f32; 2] = [0.85, 4.0];

/// Window px a point: everything that is written grows with the window.
pub fn zoom(width: f32, height: f32) -> f32 {
    const STEP: f32 = 0.05;
    let fits = (width / USUAL[0]).min(height / USUAL[1]);
    ((fits / STEP).floor() * STEP).clamp(ZOOM[0], ZOOM[1])
}

/// The table's side, px of its own.
const TABLE: f32 = parapolicy_pusht::geometry::TABLE_SIZE as f32;

/// From table px to window px, both with y down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    /// Window px of the table's top left corner.
    pub origin: Point,
    /// Window px a table px.
    pub scale: f32,
}

impl Layout {
    /// Of a window of this size, px.
    pub fn of(width: f32, height: f32) -> Self {
        let zoom = zoom(width, height);
        let room = [width - PANEL * zoom, height];
        let side = (room[0].min(room[1]) - 2.0 * MARGIN * zoom).max(1.0);
        Self { origin: room.map(|room| (room - side) / 2.0), scale: side / TABLE }
    }

    /// The point of the table at a point of the window.
    pub fn to_table(self, [x, y]: Point) -> Point {
        [(x - self.origin[0]) / self.scale, (y - self.origin[1]) / self.scale]
    }

    /// Whether a point of the table is on it.
    pub fn is_on_table(point: Point) -> bool {
        point.iter().all(|x| (0.0..=TABLE).contains(x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_a_square_in_the_middle_of_its_room() {
        let layout = Layout::of(1180.0, 784.0);
        assert_eq!(layout.to_table(layout.origin), [0.0, 0.0]);
        let corner = [layout.origin[0] + TABLE * layout.scale, layout.origin[1] + TABLE * layout.scale];
        assert!((corner[1] - 764.0).abs() < 1e-3 && (corner[0] + layout.origin[0] - (1180.0 - PANEL)).abs() < 1e-3);
        assert!(
            Layout::is_on_table(layout.to_table([388.0, 350.0])) && !Layout::is_on_table(layout.to_table([0.0; 2]))
        );
    }

    #[test]
    fn what_is_written_grows_with_the_window_and_stays_legible() {
        assert_eq!([zoom(1180.0, 784.0), zoom(700.0, 500.0), zoom(3840.0, 2160.0)], [1.0, 0.85, 2.75]);
        let large = Layout::of(3840.0, 2160.0);
        assert!(large.origin[0] >= 0.0 && large.origin[0] + TABLE * large.scale < 3840.0 - 2.75 * PANEL);
    }

    #[test]
    fn a_window_of_no_size_is_no_division_by_zero() {
        assert!(Layout::of(0.0, 0.0).to_table([5.0, 5.0]).iter().all(|x| x.is_finite()));
    }
}
