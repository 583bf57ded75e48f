//! One file a command.

pub mod bench;
mod inspect;
mod replay;
mod run;
mod sample;

use anyhow::Context as _;
use parapolicy_runner::{Policy, Runtime};
use parapolicy_sampler::{ConfigError, Sampler, Solver, Strategy, Table, WindowConfig};
use serde::Serialize;

use crate::args::{Command, ModelArguments, RuntimeArguments, SamplingArguments, WindowArguments};
use crate::failure::{Failure, InputError as _};
use crate::progress::InstallProgress;

/// Does what the command line asks for.
pub fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::Sample(arguments) => sample::sample(&arguments),
        Command::Replay(arguments) => replay::replay(&arguments),
        Command::Inspect(arguments) => inspect::inspect(&arguments),
    }
}

impl RuntimeArguments {
    fn find(&self) -> Result<Runtime, Failure> {
        let found = Runtime::find_or_install(self.ort_lib.as_deref(), &InstallProgress::new());
        if self.ort_lib.is_some() { found.input() } else { Ok(found?) }
    }

    fn threads(&self) -> usize {
        if self.threads > 0 { self.threads } else { std::thread::available_parallelism().map_or(1, usize::from) }
    }
}

impl ModelArguments {
    fn load(&self, runtime: &Runtime) -> Result<Policy, Failure> {
        Policy::load(&self.model, runtime, self.runtime.threads()).input()
    }
}

impl WindowArguments {
    /// A sampler for the policy's action sequences, with the window and tolerance of the command line.
    fn sampler(
        &self,
        policy: &Policy,
        solver: Solver,
        steps: usize,
        strategy: Strategy,
    ) -> Result<Sampler, ConfigError> {
        let manifest = policy.manifest();
        let table = Table::new(&manifest.scheduler, solver, steps)?;
        let strategy = strategy.with_window(WindowConfig { window: self.window, tolerance: self.tolerance });
        Sampler::new(table, strategy, manifest.sample_dim())
    }
}

impl SamplingArguments {
    fn sampler(&self, policy: &Policy, strategy: Strategy) -> Result<Sampler, Failure> {
        self.window.sampler(policy, self.solver, self.steps, strategy).input()
    }
}

/// Prints a value as JSON on standard output.
fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    use std::io::Write as _;
    let text = serde_json::to_string_pretty(value).context("the result has no JSON form")?;
    writeln!(std::io::stdout(), "{text}").context("standard output")?;
    Ok(())
}
