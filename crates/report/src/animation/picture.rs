//! Pictures in memory, and what is put on them: other pictures, boxes, words.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// Red, green and blue.
pub type Colour = [u8; 3];

/// Shades between ink and ground: few, as a GIF's frame has 256 colours.
const SHADES: u32 = 4;

/// A picture as rows of red, green and blue.
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
}

/// How words look.
#[derive(Clone, Copy)]
pub struct Letters {
    size: RasterHeight,
    weight: FontWeight,
}

impl Letters {
    pub const LARGE: Self = Self { size: RasterHeight::Size20, weight: FontWeight::Regular };
    pub const BOLD: Self = Self { size: RasterHeight::Size20, weight: FontWeight::Bold };
    pub const SMALL: Self = Self { size: RasterHeight::Size16, weight: FontWeight::Regular };

    /// Width of so many letters, px: all are alike.
    pub fn width(self, count: usize) -> usize {
        count * get_raster_width(self.weight, self.size)
    }
}

impl Picture {
    /// Nothing but white.
    pub fn white(width: usize, height: usize) -> Self {
        Self { width, height, rgb: vec![u8::MAX; 3 * width * height] }
    }

    fn pixel(&mut self, x: usize, y: usize) -> Option<&mut Colour> {
        if x >= self.width {
            return None;
        }
        let at = 3 * (y * self.width + x);
        self.rgb.get_mut(at..at + 3)?.try_into().ok()
    }

    /// Fills a box, given by its left, top, width and height.
    pub fn fill(&mut self, [left, top, width, height]: [usize; 4], colour: Colour) {
        let line = self.width;
        for row in self.rgb.as_chunks_mut().0.chunks_exact_mut(line).skip(top).take(height) {
            row[left.min(line)..(left + width).min(line)].fill(colour);
        }
    }

    /// Puts another picture on this one, its corner at `left`, `top`.
    pub fn put(&mut self, other: &Self, [left, top]: [usize; 2]) {
        let (line, room) = (3 * self.width, 3 * other.width.min(self.width.saturating_sub(left)));
        let rows = other.rgb.chunks_exact(3 * other.width);
        for (row, from) in self.rgb.chunks_exact_mut(line).skip(top).zip(rows) {
            row[3 * left..3 * left + room].copy_from_slice(&from[..room]);
        }
    }

    /// Writes `words` from `left` on. A letter that the font has not is a question mark.
    pub fn write(&mut self, words: &str, [left, top]: [usize; 2], letters: Letters, ink: Colour) {
        let Letters { size, weight } = letters;
        let known = words
            .chars()
            .filter_map(|letter| get_raster(letter, weight, size).or_else(|| get_raster('?', weight, size)));
        for (index, letter) in known.enumerate() {
            let from = left + letters.width(index);
            for (y, row) in letter.rows().enumerate() {
                for (x, &strength) in row.iter().enumerate().filter(|(_, strength)| **strength > 0) {
                    if let Some(pixel) = self.pixel(from + x, top + y) {
                        *pixel = blend(*pixel, ink, strength);
                    }
                }
            }
        }
    }

    /// Writes `words` up to `right`.
    pub fn write_to(&mut self, words: &str, [right, top]: [usize; 2], letters: Letters, ink: Colour) {
        let left = right.saturating_sub(letters.width(words.chars().count()));
        self.write(words, [left, top], letters, ink);
    }
}

/// `ground` under `ink` of a strength up to 255.
fn blend(ground: Colour, ink: Colour, strength: u8) -> Colour {
    let share = (u32::from(strength) * SHADES + 127) / 255;
    std::array::from_fn(|channel| {
        let [ground, ink] = [ground[channel], ink[channel]].map(u32::from);
        ((ground * (SHADES - share) + ink * share) / SHADES) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_where_they_are_put_in_the_ink_asked_for() {
        let ink = [200, 0, 0];
        let mut picture = Picture::white(100, 40);
        picture.write_to("1.0 s ½", [100, 10], Letters::LARGE, ink);
        let left = 100 - Letters::LARGE.width(7);
        let inked = |picture: &Picture| {
            let pixels = picture.rgb.chunks_exact(3).enumerate().filter(|(_, pixel)| *pixel != [255; 3]);
            pixels.map(|(at, _)| [at % 100, at / 100]).collect::<Vec<_>>()
        };
        let found = inked(&picture);
        assert!(found.iter().all(|[x, y]| (left..100).contains(x) && (10..30).contains(y)) && found.len() > 100);
        assert!(picture.rgb.chunks_exact(3).any(|pixel| pixel == ink));
        let mut beyond = Picture::white(10, 10);
        beyond.write("wide", [5, 5], Letters::BOLD, ink);
        beyond.fill([5, 5, 100, 100], ink);
        assert_eq!(beyond.rgb.len(), 300, "what is beyond the edge is cut off");
    }
}
