//! Conditioning inputs of a graph: timesteps and observations.

use ort::{memory::Allocator, value::Tensor};

use parapolicy_policy::{Batch, TimestepType};

use super::tensors::{Input, Numbers, zeros};

/// The inputs.
#[derive(Clone, Debug)]
pub(super) struct ConditioningInputs {
    pub timestep: String,
    pub timestep_type: TimestepType,
    /// Where it sees observations, or another condition.
    pub observation: Option<String>,
    /// Whether that is a label, in int64.
    pub is_label: bool,
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
        let numbers = self.timestep_tensor(allocator, &vec![0.0; rows])?;
        let mut inputs = vec![Input { name: self.timestep.clone(), numbers }];
        if let Some(name) = self.observation.clone() {
            let numbers = match self.is_label {
                true => whole(allocator, &vec![0.0; rows])?,
                false => Numbers::Float(zeros(allocator, rows, &self.seen)?),
            };
            inputs.push(Input { name, numbers });
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
        let [Input { numbers, .. }] = observation else { return Ok(()) };
        let len = self.seen_len();
        match numbers {
            Numbers::Float(tensor) => {
                let (_, observations) = tensor.try_extract_tensor_mut::<f32>()?;
                for (row, &plan) in observations.chunks_exact_mut(len).zip(batch.plans) {
                    row.copy_from_slice(&batch.observations[plan * len..][..len]);
                }
            }
            // Classes: checked before.
            Numbers::Int(tensor) => {
                let (_, labels) = tensor.try_extract_tensor_mut::<i64>()?;
                labels.iter_mut().zip(batch.plans).for_each(|(to, &plan)| *to = batch.observations[plan] as i64);
            }
        }
        Ok(())
    }

    /// Timesteps in the graph's type.
    pub fn timestep_tensor(&self, allocator: &Allocator, timesteps: &[f32]) -> ort::Result<Numbers> {
        Ok(match self.timestep_type {
            TimestepType::Int64 => whole(allocator, timesteps)?,
            TimestepType::Float32 => {
                let mut tensor = Tensor::new(allocator, [timesteps.len()])?;
                tensor.try_extract_tensor_mut::<f32>()?.1.copy_from_slice(timesteps);
                Numbers::Float(tensor)
            }
        })
    }
}

/// Whole numbers in int64, `[rows]`.
fn whole(allocator: &Allocator, rows: &[f32]) -> ort::Result<Numbers> {
    let mut tensor = Tensor::new(allocator, [rows.len()])?;
    let (_, numbers) = tensor.try_extract_tensor_mut::<i64>()?;
    numbers.iter_mut().zip(rows).for_each(|(to, from)| *to = *from as i64);
    Ok(Numbers::Int(tensor))
}
