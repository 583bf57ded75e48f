//! The tensors of one batch size, bound to a session once.

use ort::{
    session::{IoBinding, Session},
    value::Tensor,
};

use super::{Layout, TimestepType};
use crate::graph::Batch;

/// Tensors for batches of up to so many rows: ONNX Runtime reads and writes them where they lie, so nothing is made anew
/// for a call but its own handle of the output.
#[derive(Debug)]
pub(super) struct Tensors {
    rows: usize,
    binding: IoBinding,
    sample: Tensor<f32>,
    timestep: Timesteps,
    /// Where that is an input.
    observation: Option<Tensor<f32>>,
    prediction: Tensor<f32>,
    /// The plans whose observations are there, and when those were bound.
    plans: Vec<usize>,
    bound: u64,
}

/// The timesteps, in the type that the graph wants.
#[derive(Debug)]
enum Timesteps {
    Int64(Tensor<i64>),
    Float32(Tensor<f32>),
}

impl Tensors {
    pub fn new(session: &Session, layout: &Layout, rows: usize) -> ort::Result<Self> {
        let allocator = session.allocator();
        // What lies in the rows beyond a batch costs nothing, but must be numbers.
        let zeros = |sizes: &[usize]| -> ort::Result<Tensor<f32>> {
            let mut tensor = Tensor::new(allocator, [&[rows], sizes].concat())?;
            tensor.try_extract_tensor_mut::<f32>()?.1.fill(0.0);
            Ok(tensor)
        };
        let sample = zeros(&layout.plan)?;
        let observation = layout.observation.as_ref().map(|_| zeros(&layout.seen)).transpose()?;
        let mut prediction = zeros(&layout.plan)?;
        let mut binding = session.create_binding()?;
        let timestep = match layout.timestep_type {
            TimestepType::Int64 => {
                let mut timestep = Tensor::new(allocator, [rows])?;
                timestep.try_extract_tensor_mut::<i64>()?.1.fill(0);
                Timesteps::Int64(timestep)
            }
            TimestepType::Float32 => {
                let mut timestep = Tensor::new(allocator, [rows])?;
                timestep.try_extract_tensor_mut::<f32>()?.1.fill(0.0);
                Timesteps::Float32(timestep)
            }
        };
        binding.bind_output(&layout.prediction, &mut prediction)?;
        let plans = Vec::with_capacity(rows);
        let mut tensors = Self { rows, binding, sample, timestep, observation, prediction, plans, bound: 0 };
        tensors.bind(layout)?;
        Ok(tensors)
    }

    /// Binds the inputs.
    fn bind(&mut self, layout: &Layout) -> ort::Result<()> {
        self.binding.bind_input(&layout.sample, &self.sample)?;
        if let (Some(name), Some(observation)) = (&layout.observation, &self.observation) {
            self.binding.bind_input(name, observation)?;
        }
        match &self.timestep {
            Timesteps::Int64(timestep) => self.binding.bind_input(&layout.timestep, timestep),
            Timesteps::Float32(timestep) => self.binding.bind_input(&layout.timestep, timestep),
        }
    }

    /// Rows that there is room for.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Runs the session on a batch; the prediction is what lies in its rows. `bound` says when its observations were.
    pub fn run(&mut self, session: &mut Session, layout: &Layout, batch: Batch<'_>, bound: u64) -> ort::Result<&[f32]> {
        self.load(batch, bound)?;
        if layout.copies_inputs {
            self.bind(layout)?;
        }
        session.run_binding(&self.binding)?;
        Ok(&self.prediction.try_extract_tensor::<f32>()?.1[..batch.samples.len()])
    }

    fn load(&mut self, batch: Batch<'_>, bound: u64) -> ort::Result<()> {
        self.sample.try_extract_tensor_mut::<f32>()?.1[..batch.samples.len()].copy_from_slice(batch.samples);
        match &mut self.timestep {
            Timesteps::Int64(tensor) => {
                tensor.try_extract_tensor_mut::<i64>()?.1[..batch.timesteps.len()].copy_from_slice(batch.timesteps);
            }
            Timesteps::Float32(tensor) => {
                let (_, timesteps) = tensor.try_extract_tensor_mut::<f32>()?;
                timesteps.iter_mut().zip(batch.timesteps).for_each(|(to, from)| *to = *from as f32);
            }
        }
        let Some(observation) = &mut self.observation else { return Ok(()) };
        // A plan's rounds are about the same observation.
        if self.bound == bound && self.plans.starts_with(batch.plans) {
            return Ok(());
        }
        let (_, observations) = observation.try_extract_tensor_mut::<f32>()?;
        let len = observations.len() / self.rows;
        for (row, &plan) in observations.chunks_exact_mut(len).zip(batch.plans) {
            row.copy_from_slice(&batch.observations[plan * len..][..len]);
        }
        self.plans.clear();
        self.plans.extend_from_slice(batch.plans);
        self.bound = bound;
        Ok(())
    }
}
