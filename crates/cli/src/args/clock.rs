//! Arguments of the clock: lockstep, real or virtual.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use parapolicy_control::controller::{Continuity, Replan};
use parapolicy_control::playback::{Blend, Late};

/// Sampling that takes longer is not simulated.
pub const LONGEST_LATENCY: Duration = Duration::from_secs(3600);

/// Whether the world waits for the policy, and what is sent if it does not.
#[derive(Debug, Args)]
pub struct LoopArguments {
    /// `lockstep`: the world waits for every plan. `real`: control steps begin at absolute deadlines, and a worker plans
    /// beside them. `virtual`: the same on simulated time, as fast as the machine allows.
    #[arg(long, default_value_t = ClockName::Lockstep)]
    pub clock: ClockName,
    /// What sampling takes on the virtual clock: a time, `120ms` say; the latencies of an earlier run, drawn from its
    /// `report.json`; or `measured`, what it takes here and now, which is never the same again [default: measured]
    #[arg(long, value_name = "TIME|FILE")]
    pub latency: Option<LatencyName>,
    /// Control steps a second, if the world does not wait [default: 10]
    #[arg(long, value_name = "HZ", value_parser = parse_rate)]
    pub rate: Option<f64>,
    /// When a plan is asked for, if the world does not wait: after so many control steps, `below:K` when fewer than K
    /// intended actions are left, or `always` when the last plan is done [default: the policy's `n_action_steps`]
    #[arg(long, value_name = "STEPS")]
    pub replan: Option<Replan>,
    /// How a plan takes over from the one before: `switch`, or `ensemble:DECAY`, the mean of both, the older ones
    /// weighing more with a decay above 0, or `queue:SHARE`, a queue that moves towards every new plan by this share, as
    /// LeRobot's does by 0.7 [default: switch]
    #[arg(long)]
    pub blend: Option<Blend>,
    /// What is sent when a plan is used up and the next is not there: `finish` its horizon, `hold` the last action, or
    /// `decelerate:TIME` [default: finish]
    #[arg(long)]
    pub late: Option<Late>,
    /// How a plan relates to the one before: `independent`, or held to the actions that will have been sent when it is there
    /// (real-time chunking). Agreement with those after them fades at once (`hard`), evenly (`linear`) or as published
    /// (`exponential`); `hard:0.5` expects that a plan takes what half of those so far took at most [default: independent]
    #[arg(long)]
    pub continuity: Option<Continuity>,
    /// Ask for `SCHED_FIFO` with this priority for the control thread, and for locked memory; the report says what was
    /// obtained. With `--clock real`.
    #[arg(long, value_name = "PRIORITY", value_parser = clap::value_parser!(u8).range(1..=99))]
    pub realtime_priority: Option<u8>,
}

/// Which clock a run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockName {
    /// The world stands still while a plan is drawn.
    Lockstep,
    /// Control steps begin at absolute deadlines, while a worker plans beside them.
    Real,
    /// The same on simulated time, as fast as the machine allows.
    Virtual,
}

impl FromStr for ClockName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let clocks = [Self::Lockstep, Self::Real, Self::Virtual];
        let found = clocks.into_iter().find(|clock| clock.to_string() == text);
        found.ok_or_else(|| "the clocks are lockstep, real, virtual".into())
    }
}

impl fmt::Display for ClockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lockstep => "lockstep",
            Self::Real => "real",
            Self::Virtual => "virtual",
        })
    }
}

/// What sampling takes on simulated time, as the command line says it.
#[derive(Clone, Debug, PartialEq)]
pub enum LatencyName {
    /// So long.
    Stated(Duration),
    /// As a report's sampler of the same name took.
    Report(PathBuf),
    /// What it takes.
    Measured,
}

impl FromStr for LatencyName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match humantime::parse_duration(text) {
            Ok(time) if time <= LONGEST_LATENCY => Ok(Self::Stated(time)),
            Ok(_) => Err("more than an hour is not simulated".into()),
            Err(_) if text == "measured" => Ok(Self::Measured),
            Err(_) if text.ends_with(".json") => Ok(Self::Report(text.into())),
            Err(_) => Err("it is neither a time (`120ms`), nor a report (`report/report.json`), nor `measured`".into()),
        }
    }
}

impl fmt::Display for LatencyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stated(time) => write!(f, "{}", humantime::format_duration(*time)),
            Self::Report(path) => write!(f, "{}", path.display()),
            Self::Measured => f.write_str("measured"),
        }
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "it is not a number")?;
    if (0.01..=10_000.0).contains(&rate) { Ok(rate) } else { Err("it must be between 0.01 and 10000 Hz".into()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn latencies_are_read_as_they_are_written(ms in 0..3_600_000_u64, name in "[a-z/ ]{0,9}") {
            let report = LatencyName::Report(format!("{name}.json").into());
            for latency in [LatencyName::Stated(Duration::from_millis(ms)), report, LatencyName::Measured] {
                prop_assert_eq!(latency.to_string().parse(), Ok(latency));
            }
        }

        #[test]
        fn whatever_is_given_is_taken_or_refused(text in ".{0,20}", number in any::<f64>()) {
            let _latency = text.parse::<LatencyName>();
            let taken = parse_rate(&number.to_string());
            prop_assert_eq!(taken.is_ok(), (0.01..=10_000.0).contains(&number));
        }
    }
}
