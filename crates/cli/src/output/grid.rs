//! Samples that are images, as a grid in one PNG.

use std::io::Write;

use anyhow::{Result, bail};
use ndarray::{ArrayView1, ArrayView2};

/// Small images are magnified to this height or width at least, pixels.
const LEAST: usize = 32;

/// How samples are shown as images.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    channels: usize,
    height: usize,
    width: usize,
    /// Black and white.
    range: [f32; 2],
}

impl Grid {
    /// Of samples `[height, width]`, `[1, height, width]`, grey, or `[3, height, width]`, in colour.
    ///
    /// # Errors
    /// Samples of another shape.
    pub fn new(shape: &[usize], range: [f32; 2]) -> Result<Self> {
        let (channels, height, width) = match *shape {
            [height, width] => (1, height, width),
            [channels @ (1 | 3), height, width] => (channels, height, width),
            _ => bail!(
                "samples of shape {shape:?} are no images [height, width], [1, height, width] or [3, height, width]: write an \
                 .npz"
            ),
        };
        Ok(Self { channels, height, width, range })
    }

    /// Writes `samples` `[count, …]` as a PNG, in as many columns as rows, or one more.
    ///
    /// # Errors
    /// Whatever keeps the picture from being written.
    pub fn write(&self, samples: ArrayView2<'_, f32>, file: &mut impl Write) -> Result<()> {
        let columns = (1..).find(|columns| columns * columns >= samples.nrows()).unwrap_or(1);
        let rows = samples.nrows().div_ceil(columns);
        let zoom = LEAST.div_ceil(self.height.max(self.width)).max(1);
        let (width, height) = (columns * self.width * zoom, rows * self.height * zoom);
        let mut bytes = vec![0; width * height * self.channels];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let (channel, x, y) =
                (at % self.channels, at / self.channels % width / zoom, at / self.channels / width / zoom);
            let sample = y / self.height * columns + x / self.width;
            if sample < samples.nrows() {
                *byte = self.byte(samples.row(sample), [channel, y % self.height, x % self.width]);
            }
        }
        let mut encoder = png::Encoder::new(file, u32::try_from(width)?, u32::try_from(height)?);
        encoder.set_color(if self.channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&bytes)?;
        Ok(writer.finish()?)
    }

    /// A value, the range mapped to 0..=255; what is beyond it is cut off.
    fn byte(&self, sample: ArrayView1<'_, f32>, [channel, y, x]: [usize; 3]) -> u8 {
        let [low, high] = self.range;
        let value = sample[(channel * self.height + y) * self.width + x];
        // Saturates; what is no number is black.
        (255.0 * (value - low) / (high - low)).round() as u8
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn pixels(png: &[u8]) -> (png::OutputInfo, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        (info, bytes)
    }

    #[test]
    fn images_lie_in_a_grid_and_their_range_goes_from_black_to_white() {
        let mut png = Vec::new();
        let samples = array![[-1.0, 0.0], [1.0, 2.0], [-3.0, 0.5]];
        Grid::new(&[1, 2], [-1.0, 1.0]).unwrap().write(samples.view(), &mut png).unwrap();
        let (info, bytes) = pixels(&png);
        // Two columns, two rows; a pixel is 16 × 16.
        assert_eq!((info.width, info.height, info.color_type), (64, 32, png::ColorType::Grayscale));
        let at = |x: usize, y: usize| bytes[(16 * y + 8) * 64 + 16 * x + 8];
        assert_eq!([at(0, 0), at(1, 0), at(2, 0), at(3, 0)], [0, 128, 255, 255]);
        assert_eq!([at(0, 1), at(1, 1), at(2, 1), at(3, 1)], [0, 191, 0, 0]);
    }

    #[test]
    fn colours_come_from_three_channels() {
        let mut png = Vec::new();
        Grid::new(&[3, 1, 1], [0.0, 1.0]).unwrap().write(array![[0.0, 0.2, 1.0]].view(), &mut png).unwrap();
        let (info, bytes) = pixels(&png);
        assert_eq!((info.color_type, &bytes[..3]), (png::ColorType::Rgb, &[0, 51, 255][..]));
    }

    #[test]
    fn what_is_no_image_is_refused() {
        for shape in [&[4, 8, 8][..], &[64], &[3, 2, 8, 8]] {
            let said = Grid::new(shape, [0.0, 1.0]).unwrap_err().to_string();
            assert!(said.contains("are no images"), "{said}");
        }
    }
}
