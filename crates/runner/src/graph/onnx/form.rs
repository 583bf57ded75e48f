//! The form in which a graph is run: in two parts, or whole.

use std::{fs, path::Path};

use ort::session::Session;
use parapolicy_onnx::Partition;

use super::{
    Layout,
    beside::Beside,
    condition::Condition,
    given::Given,
    sessions::{self, File, Sessions},
};
use crate::{
    ProviderName, Runtime,
    graph::{GraphError, Outlet, Outlets},
    runtime::Execution,
};

/// A graph that was read, and how it is to be computed.
pub(super) struct ToOpen<'a> {
    pub path: &'a Path,
    pub outlets: &'a Outlets,
    pub runtime: &'a Runtime,
    pub how: Execution,
}

impl ToOpen<'_> {
    /// In parts if that is faster; else, or if that cannot be, whole. Timesteps of the training end with `last`.
    pub fn open(
        &self,
        reading: Session,
        layout: &Layout,
        given: Given,
        last: i64,
    ) -> Result<(Sessions, Beside), GraphError> {
        let parts = self.in_parts(layout, &given, last).unwrap_or_else(|error| {
            tracing::debug!(path = %self.path.display(), %error, "run whole");
            None
        });
        match parts {
            Some((rest, condition)) => Ok((rest, Beside::Condition(Box::new(condition)))),
            None => Ok((self.whole(reading)?, Beside::Given(given))),
        }
    }

    /// As the file has it.
    fn whole(&self, reading: Session) -> Result<Sessions, GraphError> {
        let &Self { path, outlets, runtime, how, .. } = self;
        match how.provider {
            ProviderName::Cpu => Ok(Sessions::open_size(reading)),
            provider => Sessions::open(File::At(path), runtime, how, &outlets.batch_names())
                .map_err(|error| GraphError::Provider { path: path.to_path_buf(), provider, error }),
        }
    }

    /// Without what follows from timesteps and observations alone, and that; nothing where the provider is no faster so, or
    /// where the graph does not fall into these parts.
    fn in_parts(&self, layout: &Layout, given: &Given, last: i64) -> ort::Result<Option<(Sessions, Condition)>> {
        let &Self { path, outlets, runtime, how } = self;
        let Layout { sample, prediction, .. } = layout;
        let batch = outlets.inputs.iter().find(|input| input.name == *sample).and_then(Outlet::batch_name);
        let parts = if how.parts_graphs() { partition(path, sample, prediction) } else { None };
        let (Some(batch), Some(parts)) = (batch, parts) else { return Ok(None) };

        // On the calling thread alone: others would look for work, and be in the way of the rest's.
        let processor = Execution { provider: ProviderName::Cpu, threads: 1, ..how };
        let condition = sessions::open(File::Of(&parts.conditioning_graph()), runtime, processor, &[])?;
        let Some(condition) = Condition::of(condition, given.clone(), parts.boundary(), last)? else {
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
