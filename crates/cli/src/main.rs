//! The `parapolicy` program.

mod args;
mod auto_provider;
mod auto_sampler;
mod backends;
mod built_in;
mod commands;
mod environments;
mod failure;
mod input;
mod journal;
mod model;
mod output;
mod progress;
mod say;
mod stop;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        // A closed standard error is no reason to end.
        .log_internal_errors(false)
        .init();
    match commands::dispatch(args::Arguments::parse().command()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
