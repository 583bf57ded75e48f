//! Committed replanning on PushT, measured beside plain replanning:
//! `cargo run --release -p parapolicy-tests --example committed -- SCENARIO DELAY FIRST SEEDS`.
//!
//! At every plan K plans are drawn in one batch, and one of them is followed:
//!
//! | rule | followed |
//! |---|---|
//! | `plain` | the first: what `run` follows |
//! | `mode` | the first of the mode in force, which is that of what the plan before had intended from here on; the first of all, if that mode has less than a tenth of the plans |
//! | `coherent` | the one nearest to what the plan before had intended: backward coherence of Bidirectional Decoding (Liu et al. 2024, arXiv 2408.17355) |
//!
//! The seed fixes the episode's beginning, its shoves, and the noise of all K plans, so that rules are compared in pairs; `plain` and `mode` are the same until the first
//! plan that would change its mind. With a `DELAY` of d control steps a plan is in force d steps after its observation; what was in force before is
//! followed until then. A line an episode goes to standard error, a summary to standard output.

mod choice;
mod episode;

use std::path::Path;

use parapolicy_control::BoxError;
use parapolicy_eval::bootstrap_mean;
use parapolicy_policy::{Inference, Network};
use parapolicy_pusht::{PushT, Scenario};
use parapolicy_sampler::{BatchedSampler, Solver, Strategy, Table};

use self::choice::{PLANS, Rule};
use self::episode::{Loop, Played};

/// Steps of DDIM.
const STEPS: usize = 10;

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scenario, delay, first, seeds] = &arguments[..] else {
        return Err("SCENARIO DELAY FIRST SEEDS".into());
    };
    let (delay, first, seeds): (usize, u64, u64) = (delay.parse()?, first.parse()?, seeds.parse()?);
    let provider = Inference { threads: 1, ..Inference::default() }.open(&())?;
    let mut network = Network::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/pusht"), &provider)?;
    let manifest = network.manifest();
    let table = Table::new(&manifest.scheduler, Solver::Ddim { eta: 0.0 }, STEPS)?;
    let mut sampler = BatchedSampler::new(table, Strategy::sequential(), manifest.sample_dim(), PLANS)?;
    let mut environment = PushT::new(Scenario::load(Path::new(scenario))?, manifest)?;
    let mut of_rules = Rule::ALL.map(|_| Vec::new());
    for seed in first..first + seeds {
        for (rule, episodes) in Rule::ALL.into_iter().zip(&mut of_rules) {
            let setup = Loop { network: &mut network, sampler: &mut sampler, environment: &mut environment, delay };
            let played = setup.play(rule, seed)?;
            eprintln!("{scenario} {delay} {seed} {rule:?} {played:?}");
            episodes.push(played);
        }
    }
    println!("{scenario}, delay {delay}, {seeds} seeds from {first}, {PLANS} plans, DDIM in {STEPS} steps");
    let plain = &of_rules[0];
    for (rule, episodes) in Rule::ALL.into_iter().zip(&of_rules) {
        println!("{rule:?}: {}", summary(episodes, plain));
    }
    Ok(())
}

/// A figure of an episode, and its name.
type Figure = (&'static str, fn(&Played) -> f64);

/// Means, each with its difference from `plain`, paired, and that one's 95 % interval.
fn summary(episodes: &[Played], plain: &[Played]) -> String {
    let figures: [Figure; 6] = [
        ("reward", |played| played.reward),
        ("success", |played| f64::from(u8::from(played.success))),
        ("steps", |played| played.steps as f64),
        ("torn", |played| played.torn as f64),
        ("switches", |played| played.switches as f64),
        ("jump px", |played| played.jump),
    ];
    let of = |(name, value): Figure| {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let own: Vec<f64> = episodes.iter().map(value).collect();
        let less: Vec<f64> = plain.iter().zip(&own).map(|(plain, own)| own - value(plain)).collect();
        let interval = bootstrap_mean(&less).map_or(String::new(), |interval| {
            format!(" ({:+.4}, {:+.4} to {:+.4})", mean(&less), interval.low, interval.high)
        });
        format!("{name} {:.4}{interval}", mean(&own))
    };
    figures.map(of).join("; ")
}
