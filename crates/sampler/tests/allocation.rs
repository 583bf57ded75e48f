//! A sampler allocates nothing after its first sample.

#[path = "support/mixture.rs"]
mod support;

use parapolicy_sampler::{BatchedSampler, Noise, Sampler, SchedulerConfig, Solver, Strategies, Table};
use support::{DIM, Mixture};

#[test]
fn nothing_is_allocated_after_the_first_sample() {
    for strategy in Strategies::default().iter() {
        for solver in [Solver::Ddpm, Solver::Ddim { eta: 0.0 }, Solver::Ddim { eta: 0.5 }, Solver::DpmSolverPlusPlus] {
            let table = Table::new(&SchedulerConfig::default(), solver, 50).unwrap();
            let mut denoiser = Mixture::example(&table);
            let noise: Vec<Noise> = (0..3).map(|seed| Noise::draw(seed, 50, DIM)).collect();
            let Ok(mut sampler) = Sampler::new(table, strategy, DIM) else {
                // Not every strategy is defined for every solver.
                continue;
            };
            sampler.sample(&mut denoiser, &noise[0]).unwrap();
            let counted = allocation_counter::measure(|| {
                for noise in &noise[1..] {
                    sampler.sample(&mut denoiser, noise).unwrap();
                }
            });
            assert_eq!(counted.count_total, 0, "{strategy} {solver}");
        }
    }
}

#[test]
fn nothing_is_allocated_after_the_first_samples_together() {
    for strategy in Strategies::default().iter() {
        let table = Table::new(&SchedulerConfig::default(), Solver::Ddpm, 50).unwrap();
        let mut denoiser = Mixture::example(&table);
        let noises: Vec<Noise> = (0..5).map(|seed| Noise::draw(seed, 50, DIM)).collect();
        let mut sampler = BatchedSampler::new(table, strategy, DIM, 4).unwrap();
        sampler.sample(&mut denoiser, &noises[..2]).unwrap();
        let counted = allocation_counter::measure(|| {
            sampler.sample(&mut denoiser, &noises[1..]).unwrap();
        });
        assert_eq!(counted.count_total, 0, "{strategy}");
    }
}
