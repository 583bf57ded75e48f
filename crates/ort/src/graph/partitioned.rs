//! Partitions a graph in two, conditioning and rest, or runs it whole.

use std::{fs, path::Path};

use ort::session::Session;
use parapolicy_onnx::{Partition, TensorInfo};
use parapolicy_policy::{GraphError, GraphTensors};

use super::{
    Layout, Refusal,
    conditioning::Conditioning,
    conditioning_inputs::ConditioningInputs,
    precomputed::Precomputed,
    refused,
    sessions::{self, File, Sessions},
};
use crate::{ExecutionProvider, Runtime, runtime::Execution};

/// A graph that was read, and how it is to be computed.
pub(super) struct ToOpen<'a> {
    pub path: &'a Path,
    pub tensors: &'a GraphTensors,
    pub runtime: &'a Runtime,
    pub how: Execution,
}

impl ToOpen<'_> {
    /// Partitioned if that is faster and possible, else whole. `last` is the last training timestep.
    pub fn open(
        &self,
        reading: Session,
        layout: &Layout,
        conditioning_inputs: ConditioningInputs,
        last: f32,
    ) -> Result<(Sessions, Conditioning), GraphError> {
        let parts = self.in_partitions(layout, &conditioning_inputs, last).unwrap_or_else(|error| {
            tracing::debug!(path = %self.path.display(), %error, "run whole");
            None
        });
        match parts {
            Some((rest, condition)) => Ok((rest, Conditioning::Precomputed(Box::new(condition)))),
            None => Ok((self.whole(reading)?, Conditioning::Inputs(conditioning_inputs))),
        }
    }

    /// The whole graph of the file.
    fn whole(&self, reading: Session) -> Result<Sessions, GraphError> {
        let &Self { path, tensors, runtime, how, .. } = self;
        match how.provider {
            ExecutionProvider::Cpu => Ok(Sessions::open_size(reading)),
            provider => Sessions::open(File::At(path), runtime, how, &tensors.batch_names())
                .map_err(|error| refused(path, Refusal::NotWhole { provider, error })),
        }
    }

    /// The partition of the graph that depends on samples, and the partition that depends only on timesteps and
    /// observations; none where that is not faster with the provider, or where the graph cannot be partitioned so.
    fn in_partitions(
        &self,
        layout: &Layout,
        conditioning_inputs: &ConditioningInputs,
        last: f32,
    ) -> ort::Result<Option<(Sessions, Precomputed)>> {
        let &Self { path, tensors, runtime, how } = self;
        let Layout { sample, prediction, .. } = layout;
        let batch = tensors.inputs.iter().find(|input| input.name == *sample).and_then(TensorInfo::batch_name);
        let parts = if how.parts_graphs() { partition(path, sample, prediction) } else { None };
        let (Some(batch), Some(parts)) = (batch, parts) else { return Ok(None) };

        // On the calling thread alone: other threads would poll for work and disturb the threads of the main partition.
        let processor = Execution { provider: ExecutionProvider::Cpu, threads: 1, ..how };
        let condition = sessions::open(File::Of(&parts.conditioning_graph()), runtime, processor, &[])?;
        let Some(condition) = Precomputed::of(condition, conditioning_inputs.clone(), parts.boundary(), last)? else {
            return Ok(None);
        };

        let rest = parts.rest(condition.values(), batch, prediction);
        let names = if batch.is_empty() { &[][..] } else { &[batch][..] };
        Ok(Some((Sessions::open(File::Of(&rest), runtime, how, names)?, condition)))
    }
}

fn partition(path: &Path, sample: &str, prediction: &str) -> Option<Partition> {
    Partition::new(fs::read(path).ok()?, sample, prediction)
}
