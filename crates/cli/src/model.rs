//! A model's folder, loaded: a policy, or a denoiser that is none.

use anyhow::anyhow;
use ndarray::Array2;
use parapolicy_eval::Roofline;
use parapolicy_policy::{BoundDenoiser, DenoiserManifest, DenoiserNetwork, Manifest, Network, PolicyError, Signature};
use parapolicy_sampler::{Solver, Table};

use crate::args::{ModelArguments, WindowArguments};
use crate::auto_sampler::SamplerName;
use crate::commands::Settled;
use crate::failure::{Failure, InputError as _};
use parapolicy_report::machine;

/// What can be drawn from.
pub enum Model {
    /// Draws plans for observations.
    Policy(Box<Network>),
    /// Draws samples of any shape, for conditions.
    Denoiser(Box<DenoiserNetwork>),
}

impl Model {
    /// Whichever of both lies in the folder.
    pub fn load(arguments: &ModelArguments) -> Result<Self, Failure> {
        if !DenoiserManifest::is_in(&arguments.model) {
            return Ok(Self::Policy(Box::new(arguments.load()?)));
        }
        let provider = arguments.runtime.provider(&arguments.model)?;
        Ok(Self::Denoiser(Box::new(DenoiserNetwork::load(&arguments.model, &provider).input()?)))
    }

    /// Shapes, names and scheduler.
    pub fn signature(&self) -> &Signature {
        match self {
            Self::Policy(network) => network.signature(),
            Self::Denoiser(network) => network.signature(),
        }
    }

    /// The manifest, if it is a policy.
    pub fn manifest(&self) -> Option<&Manifest> {
        match self {
            Self::Policy(network) => Some(network.manifest()),
            Self::Denoiser(_) => None,
        }
    }

    /// Refuses a graph that cannot be asked about the timesteps of these steps.
    pub fn check_timesteps(&self, solver: Solver, steps: usize) -> Result<(), Failure> {
        // A table that cannot be made is refused, or left out, where it is needed.
        let Ok(table) = Table::new(&self.signature().scheduler, solver, steps) else { return Ok(()) };
        match self {
            Self::Policy(network) => network.check_timesteps(table.timesteps()).input(),
            Self::Denoiser(network) => network.check_timesteps(table.timesteps()).input(),
        }
    }

    /// Binds an observation `[n_obs_steps, observation_dim]` of a policy, or a condition `[1, condition_dim]`.
    pub fn bind(&mut self, given: &Array2<f64>) -> Result<BoundDenoiser<'_>, PolicyError> {
        match self {
            Self::Policy(network) => network.bind(given.view()),
            Self::Denoiser(network) => network.bind(given.row(0)),
        }
    }

    /// The sampler with the window and tolerance of the command line; `auto`, for a policy, tries candidates on what is
    /// `given`.
    pub fn settle(
        &mut self,
        window: &WindowArguments,
        name: SamplerName,
        solver: Solver,
        steps: usize,
        given: &[Array2<f64>],
    ) -> Result<Settled, Failure> {
        match self {
            Self::Policy(network) => window.settle(name, network, solver, steps, |_| Ok(given.to_vec())),
            Self::Denoiser(_) => {
                window.named(name, steps, window.tolerance(None)?)?.ok_or_else(|| anyhow!(NO_AUTO)).input()
            }
        }
    }

    /// How far the network's batches are from the machine's limits.
    pub fn roofline(&self) -> Roofline {
        match self {
            Self::Policy(network) => machine::roofline(network),
            Self::Denoiser(_) => Roofline::Unknown("`calibrate` measures policies alone".into()),
        }
    }
}

/// Why a denoiser that is no policy has no `auto`.
const NO_AUTO: &str = "--sampler auto: chooses by a calibration, which measures policies alone; name a sampler";
