//! Runs the conditional 1-D U-Nets and transformers of Diffusion Policy (Chi et al. 2023, arXiv 2303.04137), diffusion
//! transformers that timestep and observation modulate (adaLN, Peebles and Xie 2023, arXiv 2212.09748), and the convolutional
//! encoders of images, straight from their ONNX files, fused, on the processor.
//!
//! # What it reads
//!
//! An ONNX graph with the inputs sample `[batch, horizon, action]`, timestep `[batch]` (int64 or float32) and observation
//! `[batch, …]`, and the output prediction in the shape of the sample. There is no template to match: every tensor is
//! recognised as a constant, a function of the timestep or the observation, or a stage of the [`network`]. Widths, depth,
//! kernel, groups, horizon and embeddings are what the file says; several exporters' forms of one operation become the same
//! step. Any other graph is refused with the operator and the node that do not belong
//! ([`EngineError::Refused`]). Files are not trusted: what is built is bounded by a few times the file's size.
//!
//! An [`Encoder`] reads a graph with the input observation `[batch, steps, …]` and the output features `[batch, steps, size]`,
//! where each step is encoded by itself: images are scaled, cropped and resized, convolved by ResNets or the like, and become means
//! or keypoints.
//!
//! # Memory layout
//!
//! All slices of the interface are row-major and contiguous: samples and predictions `[batch, horizon · action]`, one row
//! for each sample; observations `[plans, observation]`, one row for each plan. Each row of a batch names its plan and its
//! timestep.
//!
//! Inside, an activation is `[position, batch, channel]`, with rows of channels padded to multiples of 16 numbers, and kept
//! from being a multiple of 4 KB apart. A convolution is then one matrix product for each tap, on the rows of the whole batch. Weights are packed once, in the
//! order in which they are read. FiLM parameters and conditioning tokens are sums of a function of the timestep and a function
//! of the observation; both are cached, and a batch adds them.
//!
//! # Kernels
//!
//! | [`Kernel`](kernel::Kernel) | needs | products |
//! |---|---|---|
//! | `AmxBf16` | x86-64 with AMX-BF16, allowed by the system | bf16 |
//! | `Avx512Bf16` | x86-64 with `AVX512_BF16` | bf16 |
//! | `Avx512` | x86-64 with AVX-512F | f32 |
//! | `Avx2` | x86-64 with AVX2 and FMA | f32 |
//! | `Neon` | AArch64 | f32 |
//! | `Portable` | any processor | f32 |
//!
//! [`Kernel::fastest`](kernel::Kernel::fastest) takes the first of a [`Precision`] that the processor has; [`Engine::on`] takes
//! the kernel that it is told. Before a kernel runs a network, a small layer is compared with plain loops, and a kernel with
//! a wrong result is an error. Sums, normalisation and activation functions are f32 in every kernel. A result does not depend
//! on the number of threads, bit for bit, nor on the other rows of the batch.
//!
//! # Threads
//!
//! [`Engine::on`] starts all threads but the calling one. They spin while a plan is sampled, and sleep between plans. With
//! four rows or more for each thread, each computes rows of its own; with fewer, threads share the channels of each layer,
//! as they do whatever the rows where the weights are too many for a cache.
//!
//! # Example
//!
//! ```
//! use parapolicy_engine::{Engine, Graph, Names, Precision, kernel::Kernel};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let names =
//!     Names { sample: "sample", timestep: "timestep", observation: "observation", prediction: "prediction" };
//! let graph = Graph::read(std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/plain.onnx"))?)?;
//! let mut engine = Engine::on(graph, &names, Kernel::fastest(Precision::F32), 2)?;
//!
//! // One observation, and two rows of its plan at different timesteps.
//! engine.bind(&vec![0.5; engine.observation_dim()])?;
//! let samples = vec![0.1; 2 * engine.sample_dim()];
//! let mut prediction = vec![0.0; samples.len()];
//! engine.run(&[0, 0], &samples, &[99.0, 0.0], &mut prediction)?;
//! assert!(prediction.iter().all(|number| number.is_finite()));
//! # Ok(())
//! # }
//! ```

#[cfg(test)]
extern crate self as parapolicy_engine;

mod encoder;
mod engine;
mod error;
mod film_cache;
pub mod kernel;
pub mod limits;
pub mod network;
mod precision;
mod recognise;
mod thread_pool;
mod work;

pub use encoder::{Encoder, EncoderNames};
pub use engine::Engine;
pub use error::{EngineError, RunError};
pub use parapolicy_onnx::{Graph, OnnxError, ReadError};
pub use precision::Precision;
pub use recognise::Names;
pub use thread_pool::Threads;
pub use work::{Work, WorkByStage};
