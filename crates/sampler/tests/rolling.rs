//! Plans that come and go while others are drawn.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::time::Duration;

use ndarray::{Array1, ArrayView2, ArrayViewMut2};
use parapolicy_sampler::{
    BatchedDenoiser, BoxError, Budget, Ended, Noise, RollingSampler, Sampler, SchedulerConfig, Solver, Strategies,
    Strategy, Table,
};

const DIM: usize = 6;
const STEPS: usize = 12;

/// A network that sees a number for each plan, and bends the sample towards it.
struct Bent {
    seen: Vec<f32>,
    calls: usize,
    /// Whether the last call had a single row.
    single: bool,
    /// From this plan on it predicts NaN.
    broken: Option<usize>,
    /// From this call on it fails.
    lost: usize,
}

impl Bent {
    fn new(seen: impl IntoIterator<Item = f32>) -> Self {
        Self { seen: seen.into_iter().collect(), calls: 0, single: false, broken: None, lost: usize::MAX }
    }
}

impl BatchedDenoiser for Bent {
    fn predict_batched(
        &mut self,
        plans: &[usize],
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        mut prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        assert!(plans.is_sorted() && plans.len() == samples.nrows());
        self.calls += 1;
        if self.calls > self.lost {
            return Err("lost".into());
        }
        self.single |= plans.len() == 1;
        for (row, (plan, timestep)) in plans.iter().zip(timesteps).enumerate() {
            let seen = *self.seen.get(*plan).ok_or("no such plan")?;
            for (to, from) in prediction.row_mut(row).iter_mut().zip(samples.row(row)) {
                *to = (from - seen * (0.01 * timestep).sin()).tanh();
            }
            if self.broken == Some(*plan) {
                prediction.row_mut(row).fill(f32::NAN);
            }
        }
        Ok(())
    }
}

fn table() -> Table {
    Table::new(&SchedulerConfig::default(), Solver::Ddpm, STEPS).unwrap()
}

fn noise(seed: u64) -> Noise {
    Noise::draw(seed, STEPS, DIM)
}

/// What a sampler of its own draws.
fn alone(strategy: Strategy, seed: u64, seen: f32) -> (Array1<f32>, usize) {
    struct One(Bent);
    impl parapolicy_sampler::Denoiser for One {
        fn predict(
            &mut self,
            samples: ArrayView2<'_, f32>,
            timesteps: &[f32],
            prediction: ArrayViewMut2<'_, f32>,
        ) -> Result<(), BoxError> {
            self.0.predict_batched(&vec![0; samples.nrows()], samples, timesteps, prediction)
        }
    }
    let mut sampler = Sampler::new(table(), strategy, DIM).unwrap();
    let sample = sampler.sample(&mut One(Bent::new([seen])), &noise(seed)).unwrap();
    (sample.sample().to_owned(), sample.statistics().rounds)
}

/// One comes every round, at whatever place is vacant: each is the sample it is alone, after as many rounds.
#[test]
fn every_sample_is_the_one_it_is_alone() {
    for strategy in ["sequential", "picard", "paradigms", "anderson"] {
        let strategy = Strategies::default().parse(strategy).unwrap();
        let mut sampler = RollingSampler::new(table(), strategy, DIM, 5).unwrap();
        let mut network = Bent::new([0.0; 5]);
        let (mut begun, mut drawn, mut at) = (0_u64, 0, [0_u64; 5]);
        for _ in 0..400 {
            if begun < 30
                && let Some(place) = sampler.vacancy()
            {
                (network.seen[place], at[place]) = (0.1 * begun as f32, begun);
                sampler.begin(place, &network, noise(begun), Budget::default()).unwrap();
                begun += 1;
            }
            sampler.round(&mut network).unwrap();
            for place in sampler.ended().collect::<Vec<_>>() {
                let sample = sampler.sample(place).unwrap();
                let (expected, rounds) = alone(strategy, at[place], 0.1 * at[place] as f32);
                assert_eq!(sample.sample(), expected, "{strategy}, sample {}", at[place]);
                assert_eq!((sample.statistics().rounds, sample.ended()), (rounds, Ended::Drawn));
                sampler.vacate(place);
                drawn += 1;
            }
        }
        assert_eq!((drawn, sampler.unfinished()), (30, 0), "{strategy}");
        assert!(!network.single, "no call of a single row");
    }
}

/// A newcomer is in the next call of the network, however far the others are.
#[test]
fn a_newcomer_waits_for_a_round_and_not_for_a_plan() {
    let mut sampler = RollingSampler::new(table(), Strategy::sequential(), DIM, 2).unwrap();
    let mut network = Bent::new([0.1, 0.2]);
    sampler.begin(0, &network, noise(0), Budget::default()).unwrap();
    (0..5).for_each(|_| sampler.round(&mut network).unwrap());
    sampler.begin(1, &network, noise(1), Budget::default()).unwrap();
    (0..7).for_each(|_| sampler.round(&mut network).unwrap());
    assert_eq!((sampler.has_ended(0), sampler.has_ended(1)), (true, false));
    (0..5).for_each(|_| sampler.round(&mut network).unwrap());
    assert!(sampler.has_ended(1));
    assert_eq!(network.calls, 17);
}

#[test]
fn a_sample_that_is_not_finite_fails_alone() {
    let mut sampler = RollingSampler::new(table(), Strategy::sequential(), DIM, 3).unwrap();
    let mut network = Bent { broken: Some(1), ..Bent::new([0.1, 0.2, 0.3]) };
    (0..3).for_each(|place| sampler.begin(place, &network, noise(place as u64), Budget::default()).unwrap());
    (0..STEPS).for_each(|_| sampler.round(&mut network).unwrap());
    let error = sampler.sample(1).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "plan 1");
    for (place, seen) in [(0, 0.1), (2, 0.3)] {
        let expected = alone(Strategy::sequential(), place as u64, seen).0;
        assert_eq!(sampler.sample(place).unwrap().sample(), expected);
    }
}

/// Rounds and time are each sample's own, and the others have what they would have.
#[test]
fn a_budget_is_one_samples_own() {
    let picard = Strategies::default().parse("picard").unwrap();
    let mut sampler = RollingSampler::new(table(), picard, DIM, 3).unwrap();
    let mut network = Bent::new([0.5; 3]);
    let rounds = Budget { rounds: Some(2), ..Budget::default() };
    let time = Budget { deadline: Some(Duration::from_nanos(1)), ..Budget::default() };
    for (place, budget) in [(0, Budget::default()), (1, rounds), (2, time)] {
        sampler.begin(place, &network, noise(7), budget).unwrap();
    }
    while sampler.unfinished() > 0 {
        sampler.round(&mut network).unwrap();
    }
    let (expected, most) = alone(picard, 7, 0.5);
    let found: Vec<_> = (0..3)
        .map(|place| {
            let sample = sampler.sample(place).unwrap();
            (sample.ended(), sample.statistics().rounds, sample.residual().is_some())
        })
        .collect();
    assert_eq!(found, [(Ended::Drawn, most, false), (Ended::OutOfRounds, 2, true), (Ended::OutOfTime, 1, true)]);
    assert_eq!(sampler.sample(0).unwrap().sample(), expected);
}

/// A network that fails ends the plans whose budget keeps them, once they have had a round, and vacates the others' places.
#[test]
fn a_network_that_is_lost_leaves_the_plans_that_are_kept() {
    let mut sampler = RollingSampler::new(table(), Strategy::sequential(), DIM, 3).unwrap();
    let mut network = Bent { lost: 2, ..Bent::new([0.5; 3]) };
    let keeps = Budget { keep_on_failure: true, ..Budget::default() };
    sampler.begin(0, &network, noise(7), keeps).unwrap();
    sampler.begin(1, &network, noise(7), Budget::default()).unwrap();
    sampler.round(&mut network).unwrap();
    sampler.round(&mut network).unwrap();
    sampler.begin(2, &network, noise(7), keeps).unwrap();
    assert!(sampler.round(&mut network).is_err());
    assert_eq!((sampler.unfinished(), sampler.ended().collect::<Vec<_>>()), (0, vec![0]));
    let kept = sampler.sample(0).unwrap();
    assert_eq!((kept.ended(), kept.statistics().rounds), (Ended::Failed, 2));
    assert!(kept.residual().is_some() && kept.sample().iter().all(|value| value.is_finite()));
    sampler.vacate(0);
    assert_eq!(sampler.vacancy(), Some(0));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refused = RollingSampler::new(table(), Strategy::sequential(), DIM, 0).map(|_| ()).unwrap_err();
    assert_eq!(refused.to_string(), "plans is 0, but must be at least 1");
    let mut sampler = RollingSampler::new(table(), Strategy::sequential(), DIM, 1).unwrap();
    let network = Bent::new([0.0]);
    let mut begin =
        |place, noise| sampler.begin(place, &network, noise, Budget::default()).map_err(|error| error.to_string());
    assert_eq!(begin(1, noise(0)), Err("place is 1, but must be less than 1".to_owned()));
    assert_eq!(begin(0, Noise::draw(0, STEPS, 2)), Err("plan 0".to_owned()));
    assert_eq!(begin(0, noise(0)), Ok(()));
    assert_eq!(begin(0, noise(0)), Err("place is 0, but must be vacant".to_owned()));
    assert_eq!(sampler.vacancy(), None);
    sampler.vacate(0);
    assert_eq!((sampler.vacancy(), sampler.unfinished()), (Some(0), 0));
    assert!(sampler.sample(0).is_err());
}
