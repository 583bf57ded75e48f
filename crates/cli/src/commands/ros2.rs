//! `parapolicy ros2`: a ROS 2 node that runs a policy.

use parapolicy_control::controller::{ControllerConfig, Deadline};
use parapolicy_control::usual_strategy;
use parapolicy_ros2::{Ros2Config, Ros2Node};

use super::realtime::start_controller;
use crate::args::{Ros2Arguments, SamplingArguments};
use crate::auto_sampler::SamplerName;
use crate::failure::{Failure, InputError as _};
use crate::say::{say, tell};
use crate::stop::Stop;

/// Runs the node until Ctrl-C or SIGTERM.
pub fn ros2(arguments: &Ros2Arguments) -> Result<(), Failure> {
    let Ros2Arguments { model, sampling, sampler, budget, map, dry_run, stopped, seed } = arguments;
    let (config, manifest) = (Ros2Config::load(map).input()?, model.manifest()?);
    let shown = config.show(&manifest).input()?;
    if *dry_run {
        return say(shown);
    }
    let stop = Stop::listen()?;
    let (stated, deadline) = budget.apart();
    let budget = stated.budget()?;
    let start = |controller| {
        let mut network = model.load()?;
        let SamplingArguments { solver, steps, window } = sampling;
        let usual = match deadline {
            Deadline::Own => SamplerName::usual(*steps, budget),
            Deadline::Loop { .. } => SamplerName::Strategy(usual_strategy(*steps, true)),
        };
        let settled = window.settle(sampler.unwrap_or(usual), &mut network, *solver, *steps, |_| Ok(Vec::new()))?;
        let sampler = settled.sampler(network.signature(), *solver, *steps).input()?;
        drop(network);
        let provider = model.runtime.provider(&model.model)?;
        let controller = ControllerConfig { deadline, ..controller };
        start_controller(model, &provider, controller, &sampler, *solver, budget, false)
    };
    let mut node = Ros2Node::open(&config, &manifest, *seed, start)?;
    if *stopped {
        node = node.stopped();
    }
    tell!("runs {}", node.name());
    node.run(|| stop.is_asked())?;
    tell!("ros2: ended");
    Ok(())
}
