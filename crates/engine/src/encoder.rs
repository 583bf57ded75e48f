//! An open encoder of observations.

mod step;
mod view;

use std::fmt;

use self::view::walk;
pub(crate) use self::{
    step::{Function, Matrix, Operation, Reduction, Step},
    view::View,
};
use crate::{
    EngineError, Graph, RunError, Threads,
    engine::built_of,
    kernel::{Kernel, Program},
    recognise::recognise_encoder,
};

/// The names of an encoder's input and of its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncoderNames<'a> {
    /// Observations, `[batch, steps, observation_dim]`.
    pub observation: &'a str,
    /// What a denoiser sees of them, `[batch, steps, size]`.
    pub features: &'a str,
}

/// What is computed of a frame: step `i` makes tensor `i`, of `lens[i]` numbers.
#[derive(Debug)]
pub(crate) struct FrameNetwork {
    pub steps: Vec<Step>,
    pub lens: Vec<usize>,
    pub features: View,
}

/// An open encoder: convolutional networks on cameras' images, such as ResNets (He et al. 2015, arXiv 1512.03385), and what
/// makes features of their results. Each step of an observation is a frame, and encoded by itself.
///
/// # Example
/// ```
/// use parapolicy_engine::{Encoder, EncoderNames, Graph, Precision, kernel::Kernel};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/encoders/grouped.onnx");
/// let names = EncoderNames { observation: "observation", features: "features" };
/// let graph = Graph::read(std::fs::read(file)?)?;
/// let mut encoder = Encoder::new(graph, &names, Kernel::fastest(Precision::F32), 2)?;
///
/// let frames = vec![0.5; 3 * encoder.frame_dim()];
/// let mut features = vec![0.0; 3 * encoder.size()];
/// encoder.run(&frames, &mut features)?;
/// assert_eq!(features[..encoder.size()], features[encoder.size()..][..encoder.size()]);
/// # Ok(())
/// # }
/// ```
pub struct Encoder {
    steps: Vec<Step>,
    lens: Vec<usize>,
    features: View,
    /// The program of each step that is a network on images.
    programs: Vec<Option<Program>>,
    /// Each for `room` frames; those of constants once.
    tensors: Vec<Vec<f32>>,
    room: usize,
    /// Frames that are encoded at once at most.
    most: usize,
}

/// The most frames that are encoded at once: so many share the reading of the weights.
const FRAMES: usize = 8;

/// The most numbers that the tensors of all frames that are encoded at once have, if one frame has no more.
const NUMBERS: usize = 1 << 24;

impl Encoder {
    /// Prepares a graph for `kernel` on so many `threads`, the calling one among them. The others spin while frames are encoded
    /// and sleep otherwise.
    ///
    /// # Errors
    /// A graph that has more than convolutional networks and simple functions of their results: the error names the first node
    /// that does. Or the processor lacks the kernel, or the system has no more threads or cannot pin them.
    pub fn new(
        graph: Graph,
        names: &EncoderNames<'_>,
        kernel: Kernel,
        threads: impl Into<Threads>,
    ) -> Result<Self, EngineError> {
        built_of(graph, |graph| {
            let FrameNetwork { mut steps, lens, features } = recognise_encoder(&graph, names)?;
            drop(graph);
            let threads = threads.into();
            let mut program = |step: &mut Step| match step {
                Step::Images(_, layers) => Program::new(std::mem::take(&mut **layers), kernel, threads).map(Some),
                _ => Ok(None),
            };
            let programs = steps.iter_mut().map(&mut program).collect::<Result<_, _>>()?;
            let most = (NUMBERS / lens.iter().sum::<usize>().max(1)).clamp(1, FRAMES);
            Ok(Self { steps, lens, features, programs, tensors: vec![], room: 0, most })
        })
    }

    /// Numbers of a frame: one step of an observation.
    pub fn frame_dim(&self) -> usize {
        self.lens[0]
    }

    /// Numbers that a frame is encoded to.
    pub fn size(&self) -> usize {
        self.features.len()
    }

    /// Encodes `frames`, `[frames, frame_dim]`, to `features`, `[frames, size]`. The features of a frame do not depend on the
    /// others, nor on the number of threads.
    ///
    /// # Errors
    /// Slices whose lengths do not fit; or the encoder has threads, and was made before this process was forked.
    pub fn run(&mut self, frames: &[f32], features: &mut [f32]) -> Result<(), RunError> {
        let (frame, size) = (self.frame_dim(), self.size());
        let count = frames.len() / frame;
        check("the frames", frames.len(), count * frame)?;
        check("the features", features.len(), count * size)?;
        if self.programs.iter().flatten().any(Program::is_forked) {
            return Err(RunError::Forked);
        }
        for (frames, features) in frames.chunks(self.most * frame).zip(features.chunks_mut(self.most * size)) {
            self.run_some(frames, features);
        }
        Ok(())
    }

    fn run_some(&mut self, frames: &[f32], features: &mut [f32]) {
        let count = frames.len() / self.frame_dim();
        if self.room < count {
            self.tensors = self.steps.iter().zip(&self.lens).map(|(step, &len)| memory(step, len, count)).collect();
            self.room = count;
        }
        let Self { steps, lens, programs, tensors, .. } = self;
        tensors[0][..frames.len()].copy_from_slice(frames);
        for (index, (step, program)) in steps.iter().zip(programs).enumerate() {
            let (before, rest) = tensors.split_at_mut(index);
            let data = |frame: usize, tensor: usize| match steps[tensor] {
                Step::Constant(_) => &before[tensor][..],
                _ => &before[tensor][frame * lens[tensor]..][..lens[tensor]],
            };
            match (step, program) {
                (Step::Images(view, _), Some(program)) => {
                    let images = view.dims[0] * count;
                    program.load(images, |sample, _| {
                        for (frame, sample) in sample.chunks_exact_mut(view.len()).enumerate() {
                            let (from, mut to) = (data(frame, view.tensor), sample.iter_mut());
                            walk(&view.dims, [&view.strides], [view.first], &mut |[at]| {
                                if let Some(to) = to.next() {
                                    *to = from[at];
                                }
                            });
                        }
                    });
                    program.run(&mut rest[0][..lens[index] * count]);
                }
                (Step::Frame | Step::Constant(_), _) => {}
                _ => {
                    for (frame, to) in rest[0].chunks_exact_mut(lens[index]).take(count).enumerate() {
                        step.run(|tensor| data(frame, tensor), to);
                    }
                }
            }
        }
        let View { tensor, first, ref dims, ref strides } = self.features;
        for (frame, features) in features.chunks_exact_mut(self.features.len()).enumerate() {
            let from = match self.steps[tensor] {
                Step::Constant(_) => &self.tensors[tensor][..],
                _ => &self.tensors[tensor][frame * self.lens[tensor]..],
            };
            let mut to = features.iter_mut();
            walk(dims, [strides], [first], &mut |[at]| {
                if let Some(to) = to.next() {
                    *to = from[at];
                }
            });
        }
    }
}

/// Memory for the tensor of a step, of so many frames.
fn memory(step: &Step, len: usize, frames: usize) -> Vec<f32> {
    match step {
        Step::Constant(numbers) => numbers.clone(),
        _ => vec![0.0; len * frames],
    }
}

fn check(what: &'static str, found: usize, expected: usize) -> Result<(), RunError> {
    if found == expected { Ok(()) } else { Err(RunError::Length { what, found, expected }) }
}

/// Without the weights.
impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("frame_dim", &self.frame_dim())
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}
