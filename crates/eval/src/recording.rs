//! Recorded episodes, for pictures and pages.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ndarray::Array2;
use parapolicy_control::{EpisodeObserver, Observer, PlanEvent, StepEvent};

/// Draws moments of an environment.
pub trait Painter: Send {
    /// Width and height of its pictures, pixels.
    fn size(&self) -> [u32; 2];

    /// A moment as `[height, width, 3]` bytes of red, green and blue: the numbers of
    /// [`Environment::scene`](parapolicy_control::Environment::scene), and the actions that are still to be executed.
    fn draw(&mut self, moment: &Moment) -> Vec<u8>;
}

/// The episodes of a run that are kept to be shown, one a sampler each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recordings {
    /// Those of the first seed.
    pub first: Vec<Recording>,
    /// Those of the seed on which one of these samplers earned least; empty where that is the first.
    pub worst: Vec<Recording>,
}

/// A recorded episode, for pictures and pages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// Name of the sampler that played it.
    pub sampler: String,
    /// What it was reset with.
    pub seed: u64,
    /// The moment after each control step.
    pub moments: Vec<Moment>,
    /// The rounds of its second plan, where they were observed.
    pub rounds: Option<Rounds>,
}

impl Recording {
    /// The largest reward of any step.
    #[must_use]
    pub fn reward(&self) -> f64 {
        self.moments.iter().map(|moment| moment.reward).fold(0.0, f64::max)
    }
}

/// The environment after a control step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moment {
    /// When the step began, on the clock of the loop. Where the world waits for the policy, that clock does not run meanwhile.
    pub time: Duration,
    /// What the newest plan took, from the observation bound to the plan ready, if it was ready since the step before.
    pub planned: Option<Duration>,
    /// The numbers of its scene.
    pub scene: Vec<f64>,
    /// The actions still to be executed, `[n, action_dim]`, the one of this step first.
    pub ahead: Array2<f64>,
    /// Reward of the step.
    pub reward: f64,
}

/// A plan, as it stood after each round of its sampler.
#[derive(Clone, Debug, PartialEq)]
pub struct Rounds {
    /// The scene that it was sampled for.
    pub scene: Vec<f64>,
    /// `[n, action_dim]` a round.
    pub plans: Vec<Array2<f64>>,
}

/// Records a run's first episodes and its worst.
///
/// Samplers have to play in turn, all of them a seed, so that what is compared is one seed.
#[derive(Clone, Debug)]
pub struct Recorder {
    seed: u64,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    recordings: Recordings,
    /// Of the newest seed, which not all samplers may have played yet.
    newest: Vec<Recording>,
}

impl Recorder {
    /// For a run that begins with this seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self { seed, kept: Arc::default() }
    }

    /// Whether the sampler at `index` of `count` is to be shown: of up to three all, of more the first and the last. Where several
    /// episodes are played `together`, samplers do not play in turn: only the last is.
    #[must_use]
    pub fn shows(index: usize, count: usize, together: bool) -> bool {
        const SIDES: usize = 3;
        let is_last = index + 1 == count;
        if together { is_last } else { count <= SIDES || index == 0 || is_last }
    }

    /// The observer of a sampler's episodes, that is called `name`.
    #[must_use]
    pub fn sampler(&self, name: &str) -> impl Observer + use<> {
        SamplerRecorder { sampler: name.to_owned(), recorder: self.clone() }
    }

    /// What was recorded so far, of episodes that are over.
    #[must_use]
    pub fn recordings(&self) -> Recordings {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.settle(self.seed);
        let Recordings { first, worst } = kept.recordings.clone();
        let is_worse = least(&worst) < least(&first);
        Recordings { first, worst: if is_worse { worst } else { Vec::new() } }
    }

    fn keep(&self, recording: Recording) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.newest.first().is_some_and(|newest| newest.seed != recording.seed) {
            kept.settle(self.seed);
        }
        if kept.newest.iter().all(|newest| newest.sampler != recording.sampler) {
            kept.newest.push(recording);
        }
    }
}

impl Kept {
    /// The newest seed is over: it is the `first`, or kept if it is the worst so far.
    fn settle(&mut self, first: u64) {
        let newest = std::mem::take(&mut self.newest);
        let Recordings { first: of_first, worst } = &mut self.recordings;
        if newest.first().is_some_and(|newest| newest.seed == first) {
            if of_first.is_empty() {
                *of_first = newest;
            }
        } else if least(&newest) < least(worst) {
            *worst = newest;
        }
    }
}

/// What the worst of them earned.
fn least(recordings: &[Recording]) -> f64 {
    recordings.iter().map(Recording::reward).fold(f64::INFINITY, f64::min)
}

struct SamplerRecorder {
    sampler: String,
    recorder: Recorder,
}

impl Observer for SamplerRecorder {
    fn begin(&self, seed: u64) -> Arc<dyn EpisodeObserver> {
        let recording = Recording { sampler: self.sampler.clone(), seed, ..Recording::default() };
        let playing = Mutex::new((recording, None));
        Arc::new(EpisodeRecorder { recorder: self.recorder.clone(), playing })
    }
}

/// An episode that is being recorded. This observer locks a mutex and allocates.
struct EpisodeRecorder {
    recorder: Recorder,
    /// Beside it the latency of a plan that no step has followed yet.
    playing: Mutex<(Recording, Option<Duration>)>,
}

impl EpisodeObserver for EpisodeRecorder {
    /// Keeps how a plan came about that was asked for at the last moment: the first that is shown.
    fn plan(&self, event: &PlanEvent<'_>) {
        let (recording, planned) = &mut *self.playing.lock().unwrap_or_else(PoisonError::into_inner);
        *planned = Some(event.plan.latency);
        let Some(Moment { scene, .. }) = recording.moments.last() else { return };
        let plans = &event.plan.iterates;
        if recording.rounds.is_none() && !plans.is_empty() {
            recording.rounds = Some(Rounds { scene: scene.clone(), plans: plans.clone() });
        }
    }

    fn step(&self, event: &StepEvent<'_>) {
        let StepEvent { time, scene, ahead, action, outcome, .. } = *event;
        let dim = action.len().max(1);
        let ahead = Array2::from_shape_fn((ahead.len() / dim, dim), |(row, column)| ahead[row * dim + column]);
        let (recording, planned) = &mut *self.playing.lock().unwrap_or_else(PoisonError::into_inner);
        let planned = planned.take();
        recording.moments.push(Moment { time, planned, scene: scene.to_vec(), ahead, reward: outcome.reward });
        if outcome.over {
            self.recorder.keep(std::mem::take(recording));
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, aview1};
    use parapolicy_control::{Outcome, Plan};

    use super::*;

    /// An episode of two steps, the second of which earns `reward`, on a plan that took 30 ms.
    fn play(observer: &dyn Observer, seed: u64, reward: f64) {
        let episode = observer.begin(seed);
        let plan = Plan { latency: Duration::from_millis(30), ..Plan::default() };
        episode.plan(&PlanEvent { observed: Duration::ZERO, ready: Duration::ZERO, plan: &plan });
        let observation = Array1::zeros(1);
        for index in 0..2_u32 {
            episode.step(&StepEvent {
                index: index as usize,
                time: Duration::from_millis(100) * index,
                observation: observation.view(),
                action: aview1(&[0.5]),
                ahead: &[0.5],
                outcome: Outcome {
                    reward: reward * f64::from(index),
                    success: false,
                    over: index == 1,
                    violation: 0.0,
                },
                scene: &[seed as f64],
            });
        }
    }

    fn seeds(recordings: &[Recording]) -> Vec<(&str, u64)> {
        recordings.iter().map(|recording| (recording.sampler.as_str(), recording.seed)).collect()
    }

    #[test]
    fn the_first_seed_and_the_worst_are_kept_of_every_sampler() {
        let recorder = Recorder::of(5);
        let (slow, fast) = (recorder.sampler("slow"), recorder.sampler("fast"));
        for (seed, rewards) in [(5, [0.9, 0.8]), (6, [1.0, 0.3]), (7, [0.4, 1.0]), (8, [0.9, 0.9])] {
            play(&slow, seed, rewards[0]);
            play(&fast, seed, rewards[1]);
        }
        let Recordings { first, worst } = recorder.recordings();
        assert_eq!(seeds(&first), [("slow", 5), ("fast", 5)]);
        assert_eq!(seeds(&worst), [("slow", 6), ("fast", 6)]);
        let planned: Vec<_> = first[0].moments.iter().map(|moment| moment.planned).collect();
        assert_eq!(planned, [Some(Duration::from_millis(30)), None]);
        assert_eq!((first[0].moments[1].time, first[0].reward()), (Duration::from_millis(100), 0.9));
    }

    #[test]
    fn a_first_episode_that_is_the_worst_is_kept_once() {
        let recorder = Recorder::of(5);
        let sampler = recorder.sampler("only");
        // Environments that play together may end in any order.
        for (seed, reward) in [(6, 0.7), (5, 0.2), (7, 0.9)] {
            play(&sampler, seed, reward);
        }
        let Recordings { first, worst } = recorder.recordings();
        assert_eq!((seeds(&first), worst.len()), (vec![("only", 5)], 0));
    }

    #[test]
    fn an_episode_that_was_stopped_is_not_shown() {
        let recorder = Recorder::of(5);
        drop(recorder.sampler("only").begin(5));
        assert_eq!(recorder.recordings(), Recordings::default());
    }

    #[test]
    fn of_many_samplers_the_first_and_the_last_are_shown() {
        let shown = |count: usize| (0..count).filter(|index| Recorder::shows(*index, count, false)).collect::<Vec<_>>();
        assert_eq!((shown(1), shown(3), shown(4)), (vec![0], vec![0, 1, 2], vec![0, 3]));
    }
}
