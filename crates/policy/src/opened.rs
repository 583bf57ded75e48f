//! A graph that is open, with what is said of it: what policies and other denoisers are run by.

use std::path::Path;

use parapolicy_engine::Work;

use crate::{GraphError, OpenDenoiser, PredictError, Provider, Signature, TimestepType, graph, inpainted::Inpainted};

/// An open graph and its signature.
#[derive(Debug)]
pub(crate) struct Opened {
    pub signature: Signature,
    pub graph: Box<dyn OpenDenoiser>,
    /// Values of the samples that are known, where observations are a part of the plan.
    pub inpainted: Option<Inpainted>,
    /// The plan that each row of a batch belongs to.
    pub rows: Vec<usize>,
    pub provider: Provider,
    /// In which the threads of the graph are.
    process: u32,
}

impl Opened {
    /// Opens the graph in the directory `dir`.
    pub fn open(dir: &Path, signature: Signature, provider: &Provider) -> Result<Self, GraphError> {
        let graph = graph::open(dir, &signature, provider)?;
        let (provider, process) = (provider.clone(), std::process::id());
        Ok(Self { signature, graph, inpainted: None, rows: Vec::new(), provider, process })
    }

    /// Refuses timesteps that the graph cannot be asked about.
    pub fn check_timesteps(&self, timesteps: &[f32]) -> Result<(), PredictError> {
        let unfit = |timestep: &&f32| timestep.fract() != 0.0;
        match timesteps.iter().find(unfit) {
            Some(&timestep) if self.graph.timestep_type() == TimestepType::Int64 => {
                Err(PredictError::Timestep { input: self.signature.graph.timestep.clone(), timestep })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a graph that was opened before this process was forked: its threads are in the parent, and it would wait for
    /// them for ever.
    pub fn check_process(&self) -> Result<(), PredictError> {
        if self.process == std::process::id() { Ok(()) } else { Err(PredictError::Forked) }
    }

    /// Operations and bytes of a batch of `rows`.
    pub fn work(&self, rows: usize) -> Result<Work, String> {
        self.graph.work(&self.signature, self.provider.precision(), rows)
    }
}
