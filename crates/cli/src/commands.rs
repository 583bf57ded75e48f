//! One file a command.

mod adopt;
mod anytime;
pub mod bench;
mod calibrate;
mod compare;
pub mod demos;
mod inspect;
mod merge;
pub mod modes;
mod observations;
mod precision;
mod realtime;
mod refinement;
mod replay;
#[cfg(feature = "ros2")]
mod ros2;
mod run;
mod runtime;
mod sample;
#[cfg(feature = "serve")]
mod serve;
pub mod study;
mod tune;
mod tuned;
mod view;

use std::ops::Range;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use ndarray::Array2;
use parapolicy_control::controller::Deadline;
use parapolicy_control::{Environment, InferenceOptions, SamplingOptions};
use parapolicy_eval::{Calibration, Sampling};
use parapolicy_files::printable;
use parapolicy_policy::{
    BackendName, DenoiserManifest, Endpoints, Inference, InferenceError, Manifest, Network, Provider, Signature,
};
use parapolicy_remote::REMOTE;
use parapolicy_sampler::{Budget, ConfigError, Sampler, Solver, Strategies, Strategy, Table};
use serde::Serialize;

use crate::args::{BudgetArguments, Command, DeadlineName, ModelArguments, RuntimeArguments, Study, WindowArguments};
use crate::auto_provider::{self, ProviderArgument};
use crate::auto_sampler::{self, SamplerName};
use crate::backends::backends;
use crate::failure::{Failure, InputError as _};
use crate::progress::InstallProgress;
use crate::say::say;

/// Does what the command line asks for.
pub fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(arguments) => run::run(&arguments.settled()?),
        Command::Bench(arguments) => bench::bench(&arguments.settled()?),
        Command::Study(Study::Latency(arguments)) => study::latency(&arguments),
        Command::Study(Study::Merge(arguments)) => study::merge(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Merge(arguments) => merge::merge(&arguments),
        Command::Calibrate(arguments) => calibrate::calibrate(&arguments),
        Command::Tune(arguments) => tune::tune(&arguments),
        Command::Sample(arguments) => sample::sample(&arguments.settled()?),
        #[cfg(feature = "serve")]
        Command::Serve(arguments) => serve::serve(&arguments),
        #[cfg(feature = "ros2")]
        Command::Ros2(arguments) => ros2::ros2(&arguments),
        Command::Modes(arguments) => modes::modes(&arguments),
        Command::Replay(arguments) => replay::replay(&arguments),
        Command::Demos(command) => demos::demos(&command),
        Command::View(arguments) => view::view(&arguments),
        Command::Adopt(arguments) => adopt::adopt(arguments),
        Command::Inspect(arguments) => inspect::inspect(&arguments),
        Command::Runtime(command) => runtime::runtime(&command),
    }
}

impl RuntimeArguments {
    /// What is asked for; the provider `auto` is settled for the model.
    fn asked(&self, model: &Path) -> Result<Inference, Failure> {
        let Self { provider, precision, threads, pin: pinned, timeout, .. } = *self;
        let Self { devices, ort_lib, endpoints, task, .. } = self;
        let named = match provider {
            Some(ProviderArgument::Named(provider)) => Some(provider.as_str()),
            Some(ProviderArgument::Auto) => Some(BackendName::default().as_str()),
            None if !endpoints.is_empty() => Some(REMOTE.as_str()),
            None if ort_lib.is_none() && DenoiserManifest::is_in(model) => Some(CPU),
            None => None,
        };
        let precision = precision.map(|precision| precision.to_string());
        let options = InferenceOptions {
            provider: named,
            precision: precision.as_deref(),
            threads,
            pinned,
            devices: devices.clone(),
            library: ort_lib.clone(),
            endpoints: Endpoints { urls: endpoints.clone(), timeout },
            task: task.as_deref(),
        };
        let inference = options.inference(&backends()).input()?;
        match provider {
            Some(ProviderArgument::Auto) => auto_provider::choose(model, &inference),
            _ => Ok(inference),
        }
    }

    /// The same; threads that are not named are those of the fastest calibration.
    fn inference(&self, model: &Path) -> Result<Inference, Failure> {
        let asked = self.asked(model)?;
        // Errors of the model are reported when it is loaded; a damaged calibration counts as none.
        let known = Manifest::load(model).ok().and_then(|manifest| Calibration::fastest_for(&manifest, &asked).ok());
        Ok(known.flatten().map_or(asked, |(fastest, _)| fastest))
    }

    /// What the model's graph is run by; ONNX Runtime is looked for where it is asked for.
    pub fn provider(&self, model: &Path) -> Result<Provider, Failure> {
        self.open(&self.inference(model)?)
    }

    fn open(&self, inference: &Inference) -> Result<Provider, Failure> {
        inference.open(&InstallProgress::new()).map_err(|error| match error {
            // A missing library is not an input error.
            InferenceError::Unavailable(_) if self.ort_lib.is_none() => Failure::Other(error.into()),
            error => Failure::Input(error.into()),
        })
    }
}

impl ModelArguments {
    fn manifest(&self) -> Result<Manifest, Failure> {
        Manifest::load(&self.model).input()
    }

    /// The policy.
    pub fn load(&self) -> Result<Network, Failure> {
        Network::load(&self.model, &self.runtime.provider(&self.model)?).input()
    }
}

/// What runs denoisers that are no policies, unless another provider is named: it runs any graph.
const CPU: &str = "cpu";

/// The sampler that was chosen.
pub struct Settled {
    /// For reports: `picard`, or `auto:picard` where `auto` took it.
    name: String,
    /// With window and tolerance.
    strategy: Strategy,
    /// Why `auto` took it.
    reason: Option<String>,
}

impl Settled {
    fn sampler(&self, signature: &Signature, solver: Solver, steps: usize) -> Result<Sampler, ConfigError> {
        let table = Table::new(&signature.scheduler, solver, steps)?;
        Sampler::new(table, self.strategy, signature.sample_dim())
    }
}

/// Refuses a graph that cannot be asked about the timesteps of these steps.
fn check_timesteps(policy: &Network, solver: Solver, steps: usize) -> Result<(), Failure> {
    // A table that cannot be made is refused, or left out, where it is needed.
    let Ok(table) = Table::new(&policy.manifest().scheduler, solver, steps) else { return Ok(()) };
    policy.check_timesteps(table.timesteps()).input()
}

impl WindowArguments {
    /// The sampler with the window and tolerance of the command line; `auto` tries candidates on what `meet` gives.
    pub fn settle(
        &self,
        name: SamplerName,
        policy: &mut Network,
        solver: Solver,
        steps: usize,
        meet: impl FnOnce(&mut Network) -> Result<Vec<Array2<f64>>, Failure>,
    ) -> Result<Settled, Failure> {
        check_timesteps(policy, solver, steps)?;
        let tolerance = self.tolerance(Some(policy.manifest()))?;
        if let Some(settled) = self.named(name, steps, tolerance)? {
            return Ok(settled);
        }
        let choice = auto_sampler::choose(policy, &Sampling { solver, steps, tolerance }, meet)?;
        let strategy = choice.best.strategy;
        Ok(Settled { name: format!("{name}:{strategy}"), strategy, reason: Some(choice.to_string()) })
    }
}

impl WindowArguments {
    /// The tolerance in normalised units, for a policy with this manifest or a denoiser that is none.
    pub fn tolerance(&self, manifest: Option<&Manifest>) -> Result<f64, Failure> {
        match (&self.within, manifest) {
            (None, _) => Ok(self.tolerance),
            (Some(within), Some(manifest)) => within.tolerance(manifest).input(),
            (Some(_), None) => {
                Err(anyhow::anyhow!("--within: a sample that is no plan has no unit; give --tolerance")).input()
            }
        }
    }

    /// The sampler of this name, for so many steps, with the window of the command line; none for `auto`.
    pub fn named(&self, name: SamplerName, steps: usize, tolerance: f64) -> Result<Option<Settled>, Failure> {
        let window = self.window;
        let SamplerName::Strategy(strategy) = name else { return Ok(None) };
        let sampler = Some(strategy.name());
        let (steps, tolerance) = (Some(steps), Some(tolerance));
        let options = SamplingOptions { sampler, steps, window, tolerance, ..SamplingOptions::default() };
        let strategy = options.strategy(&Strategies::default()).input()?;
        Ok(Some(Settled { name: name.to_string(), strategy, reason: None }))
    }
}

impl BudgetArguments {
    /// What a plan may cost with `strategy`, where `sequential` is the reference.
    fn beside_reference(&self, strategy: Strategy) -> Result<Budget, Failure> {
        let budget = self.budget()?;
        Ok(if strategy == Strategy::sequential() { Budget::default() } else { budget })
    }

    /// The same in a loop that does not wait, whose own deadline comes beside it.
    fn in_loop(&self, strategy: Strategy) -> Result<(Budget, Deadline), Failure> {
        let (stated, of_loop) = self.apart();
        let of_loop = if strategy == Strategy::sequential() { Deadline::Own } else { of_loop };
        Ok((stated.beside_reference(strategy)?, of_loop))
    }

    /// What is stated, and the loop's own deadline.
    fn apart(&self) -> (Self, Deadline) {
        match self.deadline {
            Some(DeadlineName::Loop(of_loop)) => (Self { deadline: None, ..*self }, of_loop),
            _ => (Self { ..*self }, Deadline::Own),
        }
    }

    fn budget(&self) -> Result<Budget, Failure> {
        if let Some(deadline @ DeadlineName::Loop(_)) = self.deadline {
            return Err(anyhow!("--deadline {deadline}: only where the world does not wait (run --clock real, ros2)"))
                .input();
        }
        let options = SamplingOptions {
            rounds: self.rounds,
            deadline: self.deadline.and_then(DeadlineName::stated),
            keep_on_failure: self.keep_on_failure,
            ..SamplingOptions::default()
        };
        options.budget().input()
    }
}

/// The command line, as far as it is text.
fn command_line() -> Vec<String> {
    std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect()
}

/// The seeds of `count` episodes, the first one's given; each must be a seed of the environment.
fn seeds(first: u64, count: u64, environment: &mut dyn Environment) -> Result<Range<u64>, Failure> {
    let end = first.checked_add(count);
    let end = end.with_context(|| format!("--seed: {count} episodes from {first} on go beyond the largest seed"));
    let end = end.input()?;
    if let Some(last) = end.checked_sub(1).filter(|last| *last >= first) {
        environment.reset(last).map_err(anyhow::Error::from_boxed).context("--seed").input()?;
    }
    Ok(first..end)
}

/// Where files were written, in words.
fn written_to(folder: &Path, files: &[String]) -> String {
    format!("written to {}: {}", folder.display(), files.join(", "))
}

/// Prints a value as JSON on standard output.
fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).context("the result has no JSON form")?;
    // What a terminal might obey stands in strings alone, and is written there as JSON has it.
    let is_safe = |character: char| {
        character == '\n' || printable(character.encode_utf8(&mut [0; 4])).len() == character.len_utf8()
    };
    let escaped = |character: char| match is_safe(character) {
        true => character.to_string(),
        false => format!("\\u{:04x}", u32::from(character)),
    };
    say(text.chars().map(escaped).collect::<String>())
}
