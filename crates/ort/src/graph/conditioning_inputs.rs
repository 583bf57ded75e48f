//! Conditioning inputs of a graph: timesteps and observations.

use ort::{
    memory::Allocator,
    session::{Session, SessionOutputs},
    value::{DynValue, Tensor},
};

use parapolicy_policy::{Batch, TimestepType};

use super::tensors::{Input, Numbers, zeros};

/// The inputs.
#[derive(Clone, Debug)]
pub(super) struct ConditioningInputs {
    pub timestep: String,
    pub timestep_type: TimestepType,
    /// Where it sees observations.
    pub observation: Option<String>,
    /// Sizes of one.
    pub seen: Vec<usize>,
}

impl ConditioningInputs {
    /// Numbers of an observation; none where none is seen.
    pub fn seen_len(&self) -> usize {
        if self.observation.is_some() { self.seen.iter().product() } else { 0 }
    }

    /// Tensors for a number of rows: timesteps, and observations if the graph has that input.
    pub fn inputs(&self, allocator: &Allocator, rows: usize) -> ort::Result<Vec<Input>> {
        let numbers = match self.timestep_type {
            TimestepType::Int64 => {
                let mut tensor = Tensor::new(allocator, [rows])?;
                tensor.try_extract_tensor_mut::<i64>()?.1.fill(0);
                Numbers::Int(tensor)
            }
            TimestepType::Float32 => Numbers::Float(zeros(allocator, rows, &[])?),
        };
        let mut inputs = vec![Input { name: self.timestep.clone(), numbers }];
        if let Some(name) = self.observation.clone() {
            inputs.push(Input { name, numbers: Numbers::Float(zeros(allocator, rows, &self.seen)?) });
        }
        Ok(inputs)
    }

    /// Writes those of a batch.
    pub fn fill(&self, batch: Batch<'_>, inputs: &mut [Input]) -> ort::Result<()> {
        let [timestep, observation @ ..] = inputs else { return Ok(()) };
        match &mut timestep.numbers {
            Numbers::Int(tensor) => {
                // Whole numbers: checked before.
                let (_, timesteps) = tensor.try_extract_tensor_mut::<i64>()?;
                timesteps.iter_mut().zip(batch.timesteps).for_each(|(to, from)| *to = *from as i64);
            }
            Numbers::Float(tensor) => {
                tensor.try_extract_tensor_mut::<f32>()?.1[..batch.timesteps.len()].copy_from_slice(batch.timesteps);
            }
        }
        let [Input { numbers: Numbers::Float(tensor), .. }] = observation else { return Ok(()) };
        let len = self.seen_len();
        let (_, observations) = tensor.try_extract_tensor_mut::<f32>()?;
        for (row, &plan) in observations.chunks_exact_mut(len).zip(batch.plans) {
            row.copy_from_slice(&batch.observations[plan * len..][..len]);
        }
        Ok(())
    }

    /// Runs a session that has only these inputs, with one observation per timestep.
    pub fn run<'s>(
        &self,
        session: &'s mut Session,
        timesteps: &[f32],
        observations: &[f32],
    ) -> ort::Result<SessionOutputs<'s>> {
        let plans: Vec<_> = (0..timesteps.len()).collect();
        let mut inputs = self.inputs(session.allocator(), timesteps.len())?;
        self.fill(Batch { plans: &plans, observations, samples: &[], timesteps }, &mut inputs)?;
        let taken = |input: &Input| session.inputs().iter().any(|tensor_info| tensor_info.name() == input.name);
        inputs.retain(taken);
        let inputs: Vec<_> = inputs.into_iter().map(|input| (input.name, DynValue::from(input.numbers))).collect();
        session.run(inputs)
    }
}
