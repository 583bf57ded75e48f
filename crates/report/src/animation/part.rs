//! The part of a frame that changed since the one before, as a GIF frame.

use std::ops::Range;

use anyhow::Result;
use gif::Frame;

use super::Picture;

/// Quantisation speed of the GIF library, 1 (best) to 30: frames have few colours.
const QUANTISATION: i32 = 10;

/// The rectangle of a picture that is not as it was before: most of the table never moves.
#[derive(Debug, PartialEq)]
pub struct Part {
    columns: Range<usize>,
    rows: Range<usize>,
}

impl Part {
    /// All of a picture.
    pub fn whole(picture: &Picture) -> Self {
        Self { columns: 0..picture.width, rows: 0..picture.height }
    }

    /// Where two pictures differ; a single pixel if they do not.
    pub fn changed(before: &Picture, after: &Picture) -> Self {
        let width = after.width;
        let pixels = before.rgb.chunks_exact(3).zip(after.rgb.chunks_exact(3)).enumerate();
        let differing = pixels.filter(|(_, (before, after))| before != after).map(|(index, _)| index);
        let pixel = |index: usize| {
            let (row, column) = (index / width, index % width);
            Self { columns: column..column + 1, rows: row..row + 1 }
        };
        differing.map(pixel).reduce(Self::and).unwrap_or(Self { columns: 0..1, rows: 0..1 })
    }

    /// The smallest rectangle around both.
    fn and(self, other: Self) -> Self {
        let around = |one: Range<usize>, other: Range<usize>| one.start.min(other.start)..one.end.max(other.end);
        Self { columns: around(self.columns, other.columns), rows: around(self.rows, other.rows) }
    }

    /// This part of a picture, in its place.
    pub fn frame(self, picture: &Picture) -> Result<Frame<'static>> {
        let Self { columns, rows } = self;
        let line = 3 * picture.width;
        let lines = picture.rgb.chunks_exact(line).skip(rows.start).take(rows.len());
        let rgb: Vec<u8> = lines.flat_map(|line| &line[3 * columns.start..3 * columns.end]).copied().collect();
        let (width, height) = (u16::try_from(columns.len())?, u16::try_from(rows.len())?);
        let mut frame = Frame::from_rgb_speed(width, height, &rgb, QUANTISATION);
        (frame.left, frame.top) = (u16::try_from(columns.start)?, u16::try_from(rows.start)?);
        Ok(frame)
    }
}

#[cfg(test)]
mod tests {
    use parapolicy_pusht::{Renderer, State, World};

    use super::*;

    const SIZE: usize = 160;

    /// What is painted over the picture before makes the picture after.
    #[test]
    fn what_changed_is_within_the_part() {
        let mut renderer = Renderer::new(160, 160).unwrap();
        let at = |x: f64| State { agent: [x, 200.0].into(), ..World::new().state() };
        let mut draw = |x: f64| Picture { width: SIZE, height: SIZE, rgb: renderer.draw(&at(x), &[]).rgb().to_vec() };
        let (before, after) = (draw(100.0), draw(140.0));
        let part = Part::changed(&before, &after);
        assert!(part.columns.len() < SIZE / 4 && part.rows.len() < SIZE / 4, "{part:?}");
        let line = 3 * SIZE;
        for (row, (before, after)) in before.rgb.chunks(line).zip(after.rgb.chunks(line)).enumerate() {
            for column in (0..SIZE).filter(|column| !part.rows.contains(&row) || !part.columns.contains(column)) {
                assert_eq!(before[3 * column..3 * column + 3], after[3 * column..3 * column + 3]);
            }
        }
        assert_eq!(Part::changed(&after, &after), Part { columns: 0..1, rows: 0..1 });
    }
}
