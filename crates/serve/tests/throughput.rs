//! Sixty-four clients at once, against as many plans one after the other. Figures, printed; nothing starves.
//!
//! `cargo test --release -p parapolicy-serve --test throughput -- --ignored --nocapture`

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/running.rs"]
mod support;

use std::thread;
use std::time::{Duration, Instant};

use parapolicy_control::Recipe;
use parapolicy_sampler::Strategy;
use parapolicy_serve::{Client, ClientOptions, Limits};
use support::{Running, local, network_on, observation, pusht, row};

const CLIENTS: usize = 64;
const EACH: usize = 6;

fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * share).round() as usize]
}

/// The time of every plan of `clients` clients that ask all the time, and of all together.
fn ask(running: &Running, clients: usize) -> (Vec<Vec<Duration>>, Duration) {
    let begun = Instant::now();
    let options = ClientOptions { timeout: Duration::from_secs(120), ..ClientOptions::default() };
    let times = thread::scope(|scope| {
        let ask = |number: usize| {
            let mut client = Client::connect(&running.url(""), &options).unwrap();
            let time = |plan: usize| {
                let begun = Instant::now();
                client.infer(&observation(&row(number + plan))).unwrap();
                begun.elapsed()
            };
            (0..EACH).map(time).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..clients).map(|number| scope.spawn(move || ask(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    (times, begun.elapsed())
}

#[test]
#[ignore = "measures; by hand, on a machine with nothing else to do"]
fn sixty_four_clients_share_batches() {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    for (name, recipe) in [
        ("picard, DDPM 100", Recipe::default()),
        ("sequential, DDPM 100", Recipe { strategy: Strategy::sequential(), ..Recipe::default() }),
    ] {
        for plans in [1, 8, 16, 64] {
            let mut policy = pusht(recipe.clone());
            policy.network = network_on(cores);
            let running = Running::start(local(Limits { plans, ..Limits::default() }), vec![policy]);
            ask(&running, 1);
            let (times, took) = ask(&running, CLIENTS);
            let mut all: Vec<Duration> = times.iter().flatten().copied().collect();
            let (p50, p99) = (percentile(&mut all, 0.5), percentile(&mut all, 0.99));
            println!(
                "{name}, {plans} plans at once, {CLIENTS} clients: {:.1} plans a second, p50 {p50:.1?}, p99 {p99:.1?}",
                (CLIENTS * EACH) as f64 / took.as_secs_f64()
            );
            // Who asks all the time waits for no more than a few turns of the others.
            let slowest = times.iter().map(|times| times.iter().sum::<Duration>()).max().unwrap();
            assert!(slowest <= took, "{slowest:?} of {took:?}");
        }
    }
}
