//! Steps of images that are no layers: the largest numbers in windows, and enlarged images. Threads share the pixels of the output.

use crate::Work;
use crate::kernel::evaluation::Evaluation;
use crate::kernel::layout::{ActivationLayout, ArenaLayout};
use crate::network::{Largest, Repeat, Window};
use crate::thread_pool::Share;

/// How a pixel of the output is made.
enum Rule {
    Largest(Window),
    Repeat { image: [usize; 2], times: [usize; 2] },
}

/// A step that makes each pixel of its output of some pixels of its input, channel by channel.
pub(in crate::kernel) struct Pixels {
    rule: Rule,
    input: ActivationLayout,
    output: ActivationLayout,
    residual: Option<ActivationLayout>,
}

impl Pixels {
    pub fn largest(largest: &Largest, arena: &ArenaLayout) -> Self {
        let Largest { input, output, window } = *largest;
        Self { rule: Rule::Largest(window), input: arena.of(input), output: arena.of(output), residual: None }
    }

    pub fn repeat(repeat: &Repeat, arena: &ArenaLayout) -> Self {
        let Repeat { input, output, image, times, residual } = *repeat;
        let residual = residual.map(|residual| arena.of(residual));
        Self { rule: Rule::Repeat { image, times }, input: arena.of(input), output: arena.of(output), residual }
    }

    pub fn work(&self, batch: usize) -> Work {
        let layouts = [self.input, self.output].into_iter().chain(self.residual);
        let numbers: usize = layouts.map(|layout| layout.numbers()).sum();
        Work { activations: numbers * batch * size_of::<f32>(), ..Work::default() }
    }

    /// # Safety
    /// As for [`Operation::run`](super::Operation::run).
    pub unsafe fn run(&self, evaluation: Evaluation<'_>, share: Share) {
        let Evaluation { arena, batch, .. } = evaluation;
        let stride = self.output.stride;
        // SAFETY: the caller says that no one writes the input.
        let input = unsafe { self.input.read(arena, batch) };
        // SAFETY: the caller says that no one writes the residual.
        let residual = self.residual.map(|residual| unsafe { residual.read(arena, batch) });
        let output = arena.pointer(self.output.start(batch), self.output.len(batch));
        for row in share.of(self.output.positions * batch) {
            // SAFETY: the row is in the output, and this thread's alone.
            let to = unsafe { std::slice::from_raw_parts_mut(output.add(row * stride), stride) };
            let (position, image) = (row / batch, row % batch);
            let pixel = |position: usize| &input[(position * batch + image) * stride..][..stride];
            match self.rule {
                Rule::Largest(window) => largest(window, position, pixel, to),
                Rule::Repeat { image, times } => {
                    let wide = image[1] * times[1];
                    to.copy_from_slice(pixel(position / wide / times[0] * image[1] + position % wide / times[1]));
                }
            }
            if let Some(residual) = residual {
                to.iter_mut().zip(&residual[row * stride..]).for_each(|(to, &more)| *to += more);
            }
        }
    }
}

/// The largest numbers of the pixels under a window. NaN is larger than any number.
fn largest<'i>(window: Window, place: usize, pixel: impl Fn(usize) -> &'i [f32], to: &mut [f32]) {
    let (lines, line) = window.inside(0, place / window.places[1]);
    let (columns, column) = window.inside(1, place % window.places[1]);
    to.fill(f32::NEG_INFINITY);
    for line in line..line + lines.len() {
        for column in column..column + columns.len() {
            for (to, &from) in to.iter_mut().zip(pixel(line * window.image[1] + column)) {
                *to = if from <= *to { *to } else { from };
            }
        }
    }
}
