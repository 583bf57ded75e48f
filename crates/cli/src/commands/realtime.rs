//! Settings and controllers of a realtime loop.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use parapolicy_control::Recipe;
use parapolicy_control::clock::RealtimeSupport;
use parapolicy_control::controller::{Controller, ControllerConfig, ControllerError, SamplingTime};
use parapolicy_eval::realtime::controller_config;
use parapolicy_eval::{RealtimeReport, Report};
use parapolicy_policy::{Manifest, Provider};
use parapolicy_sampler::{Budget, Sampler, Solver};

use crate::args::{ClockName, LatencyName, LoopArguments, ModelArguments};
use crate::failure::{Failure, InputError as _};

impl LoopArguments {
    /// Refuses options that the chosen clock does not use.
    pub fn check(&self) -> Result<(), Failure> {
        let Self { clock, latency, rate, replan, blend, late, continuity, realtime_priority } = self;
        let realtime = [
            ("--rate", rate.is_some()),
            ("--replan", replan.is_some()),
            ("--blend", blend.is_some()),
            ("--late", late.is_some()),
            ("--continuity", continuity.is_some()),
        ];
        let refused = match clock {
            ClockName::Lockstep => {
                realtime.iter().find(|(_, given)| *given).map(|(name, _)| (*name, "real or virtual"))
            }
            _ => None,
        };
        let of_virtual = (latency.is_some() && *clock != ClockName::Virtual).then_some(("--latency", "virtual"));
        let of_real =
            (realtime_priority.is_some() && *clock != ClockName::Real).then_some(("--realtime-priority", "real"));
        match refused.or(of_virtual).or(of_real) {
            Some((name, clock)) => Err(anyhow!("{name}: only with --clock {clock}")).input(),
            None => Ok(()),
        }
    }

    /// How plans become commands, for the policy that `manifest` describes; `period` is the environment's own.
    pub fn controller(&self, manifest: &Manifest, period: Duration) -> ControllerConfig {
        let period = self.rate.map_or(period, |rate| Duration::from_secs_f64(1.0 / rate));
        let config = controller_config(manifest, period, self.replan, self.blend, self.late);
        ControllerConfig { continuity: self.continuity.unwrap_or_default(), ..config }
    }

    /// What sampling takes on the virtual clock, for the sampler `name`.
    pub fn sampling_time(&self, name: &str) -> Result<SamplingTime, Failure> {
        match &self.latency {
            None | Some(LatencyName::Measured) => Ok(SamplingTime::Measured),
            Some(LatencyName::Stated(time)) => Ok(SamplingTime::Stated(*time)),
            Some(LatencyName::Report(path)) => earlier(path, name).input(),
        }
    }

    /// For the report.
    pub fn describe(&self, config: &ControllerConfig, realtime: Option<RealtimeSupport>) -> RealtimeReport {
        let latency = self.latency.clone().unwrap_or(LatencyName::Measured);
        RealtimeReport {
            clock: self.clock.to_string(),
            rate_hz: self.rate.unwrap_or_else(|| 1.0 / config.playback.period.as_secs_f64()),
            replan: config.replan.to_string(),
            blend: config.playback.blend.to_string(),
            late: config.playback.late.to_string(),
            continuity: config.continuity.to_string(),
            latency: (self.clock == ClockName::Virtual).then(|| latency.to_string()),
            realtime,
        }
    }
}

/// The sampling latencies of the sampler `name` in an earlier report.
fn earlier(path: &Path, name: &str) -> anyhow::Result<SamplingTime> {
    let sampler = Report::load(path)?.samplers.into_iter().find(|sampler| sampler.name == name);
    let file = path.display();
    let sampler = sampler.with_context(|| format!("{file}: it has no sampler `{name}` to take the latencies of"))?;
    // The time of a shared batch is not the latency of a plan.
    let latencies = sampler.sampling_latency_ms.is_some().then_some(sampler.throughput.call_histogram);
    let latencies = latencies.filter(|latencies| !latencies.is_empty());
    Ok(SamplingTime::Drawn(latencies.with_context(|| format!("{file}: it has no latencies of `{name}`"))?))
}

/// A controller whose worker has a network of its own, loaded and tried by now.
pub fn start_controller(
    model: &ModelArguments,
    provider: &Provider,
    config: ControllerConfig,
    sampler: &Sampler,
    solver: Solver,
    budget: Budget,
    observed: bool,
) -> Result<Controller, Failure> {
    let (strategy, steps) = (sampler.strategy(), sampler.table().steps());
    let recipe = Recipe { strategy, solver, steps, budget, inference: provider.inference().clone() };
    let loaded = recipe.load(&model.model).input()?;
    let make = recipe.maker(model.model.clone(), loaded, observed);
    Controller::start(config, make).map_err(|error| match error {
        error @ ControllerError::Thread(_) => Failure::Other(error.into()),
        error => Failure::Input(error.into()),
    })
}
