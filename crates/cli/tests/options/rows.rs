//! What each option is in C, C++ and Python.

/// An option; its cells name what there is between backticks, or say after `no: ` why there is nothing.
pub struct Row {
    /// Without its dashes.
    pub option: &'static str,
    /// Fields of structs, as `options.steps`, and functions.
    pub c: &'static str,
    /// Keywords, as `Policy(threads=)`, and methods.
    pub python: &'static str,
}

const fn row(option: &'static str, c: &'static str, python: &'static str) -> Row {
    Row { option, c, python }
}

/// The same in both.
const fn none(option: &'static str, why: &'static str) -> Row {
    Row { option, c: why, python: why }
}

pub const ROWS: &[Row] = &[
    row(
        "model",
        "`parapolicy_policy_load`, `parapolicy_controller_start`",
        "`Policy(directory=)`, `Controller(directory=)`",
    ),
    row("provider", "`options.provider`", "`Policy(provider=)`, `Controller(provider=)`"),
    row("precision", "`options.precision`", "`Policy(precision=)`, `Controller(precision=)`"),
    row("ort-lib", "`options.ort_lib`", "`Policy(ort_lib=)`, `Controller(ort_lib=)`"),
    none("endpoint", "no: a robot's process runs the network itself; Rust has servers in `parapolicy-remote`"),
    none("timeout", "no: of `--endpoint`"),
    row("threads", "`options.threads`", "`Policy(threads=)`, `Controller(threads=)`"),
    row("pin", "`options.pin`", "`Policy(pin=)`, `Controller(pin=)`"),
    row("devices", "`options.devices`", "`Policy(devices=)`, `Controller(devices=)`"),
    row("task", "`options.task`", "`Policy(task=)`, `Controller(task=)`"),
    row("solver", "`options.solver`", "`sampling(solver=)`"),
    row("steps", "`options.steps`", "`sampling(steps=)`"),
    row("window", "`options.window`", "`sampling(window=)`"),
    row("tolerance", "`options.tolerance`", "`sampling(tolerance=)`"),
    row("within", "`options.within`", "`sampling(within=)`"),
    row("sampler", "`options.sampler`", "`sampling(sampler=)`"),
    row("tuned", "`options.tuned`", "`sampling(tuned=)`"),
    row("deadline", "`options.deadline_ns`, `config.deadline_quantile`", "`sampling(deadline=)`"),
    row("rounds", "`options.rounds`", "`sampling(rounds=)`"),
    row("keep-on-failure", "`options.keep_on_failure`", "`sampling(keep_on_failure=)`"),
    row(
        "input",
        "`drawing.observations`, `drawing.initial_noise`, `drawing.step_noise`, `parapolicy_controller_observe`",
        "`sample(observation=)`, `sample(initial_noise=)`, `sample(step_noise=)`, `Controller.observe`",
    ),
    row(
        "output",
        "`drawing.actions`, `drawing.costs`, `parapolicy_controller_plan`",
        "`Sample.actions`, `Controller.plan`",
    ),
    none("label", "no: a denoiser that takes labels is no policy, and plans nothing"),
    row(
        "seed",
        "`drawing.seed`, `parapolicy_controller_reset`",
        "`sample(seed=)`, `Controller(seed=)`, `Controller.reset`",
    ),
    row("count", "`drawing.plans`", "`sample_many(seeds=)`"),
    none("refine", "no: what is kept out of is the scenario's; Rust has `Refinement`"),
    none("warm-start", "no: a controller's plans do not begin with the one before; Rust has `DiffusionPolicy::warm`"),
    none("reuse", "no: a controller's plans do not begin with the one before; Rust has `DiffusionPolicy::reusing`"),
    row("log-rounds", "`config.log_rounds`", "`Controller(log_rounds=)`"),
    none("live", "no: a robot's process serves nobody; Rust has the feature `live` of `parapolicy-log`"),
    none("environment", "no: the world is the caller's; PushT for Python is `parapolicy/PushT-v0` of gymnasium"),
    none("scenario", "no: of `--environment`"),
    none("episodes", "no: the loop is the caller's"),
    none("environments", "no: the loop is the caller's"),
    none("clock", "no: the clock is the caller's"),
    none("latency", "no: it is what it is on the caller's clock"),
    row("rate", "`config.period_ns`", "`Controller(period=)`"),
    row("replan", "`config.replan`, `config.replan_count`", "`Controller(replan_every=)`, `Controller(replan_below=)`"),
    row("blend", "`config.blend`, `config.blend_decay`", "`Controller(ensemble=)`"),
    row("late", "`config.late`, `config.late_within_ns`", "`Controller(late=)`, `Controller(decelerate_within=)`"),
    row("continuity", "`config.continuity`, `config.delay_quantile`", "`Controller(continuity=)`"),
    none("realtime-priority", "no: the control thread is the caller's"),
    row("out", "`config.log`", "`Controller(log=)`"),
    none("resume", "no: the loop is the caller's"),
    none("shard", "no: the loop is the caller's"),
    none("only", "no: the loop is the caller's"),
    none("json", "no: what a plan took comes with it"),
];

/// What the bindings have besides: what the program takes from a scenario and an environment, and lengths.
pub const BESIDES: &[&str] = &[
    "options.size",
    "config.size",
    "config.max_age_ns",
    "config.action_dim",
    "config.initial",
    "config.safe",
    "config.min",
    "config.max",
    "config.max_change",
    "config.watchdog_ns",
    "config.stale_ns",
    "drawing.size",
    "drawing.observations_len",
    "drawing.initial_noise_len",
    "drawing.step_noise_len",
    "drawing.actions_len",
    "Controller(initial=)",
    "Controller(max_age=)",
    "Controller(min=)",
    "Controller(max=)",
    "Controller(max_change=)",
    "Controller(safe=)",
    "Controller(watchdog=)",
    "Controller(stale=)",
    // Real-time chunking, which a controller does by itself.
    "sample(committed=)",
    "sample(weights=)",
    // What plans and commands have to keep on a robot.
    "config.plan_failing",
    "config.plan_min",
    "config.plan_max",
    "config.plan_step",
    "config.plan_velocity",
    "config.plan_acceleration",
    "config.plan_jerk",
    "config.plan_state",
    "config.plan_regions",
    "config.plan_region_count",
    "config.plan_predicate",
    "config.plan_context",
    "config.interpolation",
    "config.cycle_ns",
    "config.max_velocity",
    "config.max_acceleration",
    "config.max_jerk",
    "config.plan_refine_ns",
    "Controller(check=)",
    "Controller(interpolation=)",
    "Controller(cycle=)",
    "Controller(velocity=)",
    "Controller(acceleration=)",
    "Controller(jerk=)",
];
