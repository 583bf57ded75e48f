//! The part of a frame that changed since the one before, as a GIF frame.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::TryFromIntError;
use std::ops::Range;

use anyhow::Result;
use gif::Frame;

use super::Picture;
use super::picture::Colour;

/// Quantisation speed of the GIF library, 1 (best) to 30: frames have few colours.
const QUANTISATION: i32 = 10;

/// The rectangle of a picture that is not as it was before: most of the table never moves.
#[derive(Clone, Debug, PartialEq)]
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
        let line = 3 * after.width;
        let lines = before.rgb.chunks_exact(line).zip(after.rgb.chunks_exact(line)).enumerate();
        let differing = |(row, (before, after)): (usize, (&[u8], &[u8]))| {
            let first = before.iter().zip(after).position(|(before, after)| before != after)? / 3;
            let last = before.iter().zip(after).rposition(|(before, after)| before != after)? / 3;
            Some(Self { columns: first..last + 1, rows: row..row + 1 })
        };
        let unlike = lines.filter(|(_, (before, after))| before != after);
        unlike.filter_map(differing).reduce(Self::and).unwrap_or(Self { columns: 0..1, rows: 0..1 })
    }

    /// The smallest rectangle around both.
    fn and(self, other: Self) -> Self {
        let around = |one: Range<usize>, other: Range<usize>| one.start.min(other.start)..one.end.max(other.end);
        Self { columns: around(self.columns, other.columns), rows: around(self.rows, other.rows) }
    }

    /// This part of a picture, in its place.
    pub fn frame(self, picture: &Picture) -> Result<Frame<'static>> {
        let [width, height] = self.size()?;
        let pixels: Vec<Colour> = self.lines(picture).flatten().copied().collect();
        self.placed(Frame::from_rgb_speed(width, height, pixels.as_flattened(), QUANTISATION))
    }

    /// The same over the picture `before`, of which is left what did not change: long runs of one colour take little room. Not
    /// where there are too many colours for it.
    pub fn frame_over(self, before: &Picture, picture: &Picture) -> Result<Frame<'static>> {
        const UNCHANGED: u8 = 0;
        let mut palette = vec![Colour::default()];
        let mut known = HashMap::new();
        let mut buffer = Vec::with_capacity(self.columns.len() * self.rows.len());
        for (before, after) in self.lines(before).zip(self.lines(picture)) {
            if before == after {
                buffer.resize(buffer.len() + after.len(), UNCHANGED);
                continue;
            }
            let index = |(before, after): (&Colour, &Colour)| {
                if before == after {
                    return Ok(UNCHANGED);
                }
                *known.entry(*after).or_insert_with(|| {
                    palette.push(*after);
                    u8::try_from(palette.len() - 1)
                })
            };
            let line: Result<Vec<u8>, TryFromIntError> = before.iter().zip(after).map(index).collect();
            let Ok(line) = line else { return self.frame(picture) };
            buffer.extend(line);
        }
        let [width, height] = self.size()?;
        let palette = Some(palette.as_flattened().to_vec());
        let transparent = Some(UNCHANGED);
        self.placed(Frame { width, height, buffer: Cow::Owned(buffer), palette, transparent, ..Frame::default() })
    }

    /// The pixels of a picture that are in this part, a row each.
    fn lines<'p>(&self, picture: &'p Picture) -> impl Iterator<Item = &'p [Colour]> + use<'p> {
        let Self { columns, rows } = self.clone();
        let lines = picture.rgb.as_chunks().0.chunks_exact(picture.width).skip(rows.start).take(rows.len());
        lines.map(move |line| &line[columns.clone()])
    }

    fn size(&self) -> Result<[u16; 2]> {
        Ok([u16::try_from(self.columns.len())?, u16::try_from(self.rows.len())?])
    }

    fn placed(self, mut frame: Frame<'static>) -> Result<Frame<'static>> {
        (frame.left, frame.top) = (u16::try_from(self.columns.start)?, u16::try_from(self.rows.start)?);
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

        let frame = Part::changed(&before, &after).frame_over(&before, &after).unwrap();
        let (left, top, width) = (usize::from(frame.left), usize::from(frame.top), usize::from(frame.width));
        let (mut painted, palette) = (before.rgb.clone(), frame.palette.unwrap());
        for (at, &index) in frame.buffer.iter().enumerate().filter(|(_, index)| Some(**index) != frame.transparent) {
            let pixel = 3 * ((top + at / width) * SIZE + left + at % width);
            painted[pixel..pixel + 3].copy_from_slice(&palette[3 * usize::from(index)..][..3]);
        }
        assert!(painted == after.rgb, "a frame over the picture before makes the picture after");
    }
}
