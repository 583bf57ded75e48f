//! A sampler allocates nothing after its first sample.

mod support;

use parapolicy_sampler::{ManySampler, Noise, Sampler, SchedulerConfig, Solver, Strategy, Table};
use support::{DIM, Mixture};

#[test]
fn nothing_is_allocated_after_the_first_sample() {
    for strategy in Strategy::NAMES.map(|name| name.parse::<Strategy>().unwrap()) {
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
    for strategy in Strategy::NAMES.map(|name| name.parse::<Strategy>().unwrap()) {
        let table = Table::new(&SchedulerConfig::default(), Solver::Ddpm, 50).unwrap();
        let mut denoiser = Mixture::example(&table);
        let noises: Vec<Noise> = (0..5).map(|seed| Noise::draw(seed, 50, DIM)).collect();
        let mut sampler = ManySampler::new(table, strategy, DIM, 4).unwrap();
        sampler.sample(&mut denoiser, &noises[..2]).unwrap();
        let counted = allocation_counter::measure(|| {
            sampler.sample(&mut denoiser, &noises[1..]).unwrap();
        });
        assert_eq!(counted.count_total, 0, "{strategy}");
    }
}
