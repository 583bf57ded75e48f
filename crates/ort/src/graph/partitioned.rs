//! Partitions a graph into what is precomputed and the rest, or runs it whole.

use ort::session::Session;
use parapolicy_onnx::{DenoiserNames, Partition, TensorInfo};
use parapolicy_policy::{GraphError, GraphFile, GraphTensors};

use super::{
    Layout, Refusal,
    conditioning::Conditioning,
    conditioning_inputs::ConditioningInputs,
    precomputed::Precomputed,
    refused,
    sessions::{self, Sessions},
};
use crate::{ExecutionProvider, Runtime, runtime::Execution};

/// A graph that was read, and how it is to be computed.
pub(super) struct ToOpen<'a> {
    pub file: &'a GraphFile,
    pub tensors: &'a GraphTensors,
    pub runtime: &'a Runtime,
    pub how: Execution,
}

impl ToOpen<'_> {
    /// Partitioned if that is faster and possible, else whole.
    pub fn open(
        &self,
        reading: Session,
        layout: &Layout,
        conditioning_inputs: ConditioningInputs,
    ) -> Result<(Sessions, Conditioning), GraphError> {
        let parts = self.in_partitions(layout, &conditioning_inputs).unwrap_or_else(|error| {
            tracing::debug!(path = %self.file.path().display(), %error, "run whole");
            None
        });
        match parts {
            Some((rest, condition)) => Ok((rest, Conditioning::Precomputed(Box::new(condition)))),
            None => Ok((self.whole(reading)?, Conditioning::Inputs(conditioning_inputs))),
        }
    }

    /// The whole graph of the file.
    fn whole(&self, reading: Session) -> Result<Sessions, GraphError> {
        let &Self { file, tensors, runtime, how, .. } = self;
        match how.provider {
            ExecutionProvider::Cpu => Ok(Sessions::open_size(reading)),
            provider => Sessions::open(file.bytes()?, runtime, how, &tensors.batch_names())
                .map_err(|error| refused(file.path(), Refusal::NotWhole { provider, error })),
        }
    }

    /// The partition of the graph that depends on samples, and what is precomputed from timesteps and observations; none
    /// where that is not faster with the provider, or where the graph cannot be partitioned so.
    fn in_partitions(
        &self,
        layout: &Layout,
        conditioning_inputs: &ConditioningInputs,
    ) -> ort::Result<Option<(Sessions, Precomputed)>> {
        let &Self { file, tensors, runtime, how } = self;
        let Layout { sample, prediction, .. } = layout;
        let batch = tensors.inputs.iter().find(|input| input.name == *sample).and_then(TensorInfo::batch_name);
        let (Some(batch), true) = (batch, how.parts_graphs()) else { return Ok(None) };
        let ConditioningInputs { timestep, observation, seen, is_label, .. } = conditioning_inputs;
        if *is_label {
            return Ok(None);
        }
        let observation = observation.as_deref().map(|name| (name, &seen[..]));
        let names = DenoiserNames { sample, timestep, observation, prediction };
        // They were read before.
        let Ok(bytes) = file.bytes() else { return Ok(None) };
        let Some(partition) = Partition::new(bytes.clone(), &names, batch) else {
            return Ok(None);
        };

        // On the calling thread alone: other threads would poll for work and disturb the threads of the main partition.
        let processor = Execution { provider: ExecutionProvider::Cpu, threads: 1, ..how };
        let open = |graph: &[u8]| sessions::open(graph, runtime, processor, &[]);
        let precomputed = Precomputed::of(&partition, conditioning_inputs.clone(), open)?;
        let names = if batch.is_empty() { &[][..] } else { &[batch][..] };
        Ok(Some((Sessions::open(partition.rest(), runtime, how, names)?, precomputed)))
    }
}
