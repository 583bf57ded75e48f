//! An episode on the clock that the robot would have waited by.
//!
//! Where the world waits for the policy, control step `i` begins at
//!
//! ```text
//! t_i = i·P + Σ L        P the control period, L the latencies of the plans drawn up to step i
//! ```
//!
//! and before the first step of a plan the robot waits for it. Where the world does not wait, a step begins when it began.

use parapolicy_eval::{EpisodeReport, Moment, RealtimeReport, Recording, Report};

/// An episode, its control steps on the clock, s.
pub struct Track<'a> {
    pub moments: &'a [Moment],
    /// One a moment.
    pub steps: Vec<Step>,
    /// When the last step is over.
    pub end: f64,
}

/// A control step on the clock, s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// When it could have begun, had the plan been there.
    pub due: f64,
    /// When it began.
    pub began: f64,
    /// What the newest plan took; 0 before the first.
    pub latency: f64,
    /// The largest reward until this step is over.
    reward: f64,
}

/// Whether a robot would have waited for the plans of a run: those that are drawn in shared batches have no latency of their own.
pub fn waits(report: &Report) -> bool {
    report.in_time.is_none() && report.environments == 1
}

/// What a control step of a run lasted, s.
pub fn period(report: &Report) -> f64 {
    let of_loop = report.in_time.as_ref().map(|RealtimeReport { rate_hz, .. }| 1.0 / rate_hz);
    of_loop.or(report.period_ms.map(|period| 1e-3 * period)).unwrap_or(0.1)
}

/// The number of the sampler that played a recorded episode, and what the report says of that.
pub fn played<'r>(recording: &Recording, report: &'r Report) -> (usize, Option<&'r EpisodeReport>) {
    let index = report.samplers.iter().position(|sampler| sampler.name == recording.sampler);
    let mut episodes = index.into_iter().flat_map(|index| &report.samplers[index].episodes);
    (index.unwrap_or_default(), episodes.find(|episode| episode.seed == recording.seed))
}

/// What is to be seen at some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// The moment that is shown; none before the first step.
    pub moment: Option<usize>,
    /// Whether the robot waits for a plan.
    pub waits: bool,
    /// What the newest plan took, or the one that is waited for, s.
    pub latency: f64,
    /// The largest reward so far.
    pub reward: f64,
    /// Waited so far in all, s.
    pub waited: f64,
    /// The clock, s: it stops when the episode is over.
    pub time: f64,
    pub is_over: bool,
}

impl Seen {
    /// Whether the same is to be seen but for the time.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.moment, self.waits, self.is_over) == (other.moment, other.waits, other.is_over)
    }
}

impl<'a> Track<'a> {
    /// Of an episode whose control steps last `period` s; `waits` says whether the world waits for the policy.
    pub fn of(recording: &'a Recording, period: f64, waits: bool) -> Self {
        let moments = recording.moments.as_slice();
        let (mut waited, mut latency, mut reward) = (0.0, 0.0, 0.0_f64);
        let step = |moment: &Moment| {
            let due = moment.time.as_secs_f64() + waited;
            if let Some(planned) = moment.planned {
                latency = planned.as_secs_f64();
                waited += if waits { latency } else { 0.0 };
            }
            reward = reward.max(moment.reward);
            Step { due, began: moment.time.as_secs_f64() + waited, latency, reward }
        };
        let steps: Vec<Step> = moments.iter().map(step).collect();
        let end = steps.last().map_or(0.0, |last| last.began + period);
        Self { moments, steps, end }
    }

    /// When something else is to be seen: at every `stride`-th step, and where a wait begins and ends.
    pub fn changes(&self, stride: usize) -> impl Iterator<Item = f64> {
        let shown = move |(index, step): (usize, &Step)| {
            let waits = step.due < step.began;
            let began = (waits || index.is_multiple_of(stride)).then_some(step.began);
            waits.then_some(step.due).into_iter().chain(began)
        };
        self.steps.iter().enumerate().flat_map(shown).chain([self.end])
    }

    /// The median wait, s; none where the robot never waits.
    pub fn median_wait(&self) -> Option<f64> {
        let waits = self.steps.iter().map(|step| step.began - step.due).filter(|wait| *wait > 0.0);
        let mut waits: Vec<f64> = waits.collect();
        waits.sort_by(f64::total_cmp);
        let (below, above) = (waits.get(waits.len().saturating_sub(1) / 2)?, waits.get(waits.len() / 2)?);
        Some((below + above) / 2.0)
    }

    /// What is to be seen at `time`; none of an episode without a step.
    pub fn at(&self, time: f64) -> Option<Seen> {
        let index = self.steps.iter().rposition(|step| step.due <= time).unwrap_or(0);
        let (step, before) = (self.steps.get(index)?, index.checked_sub(1).map(|before| self.steps[before]));
        let (waits, is_over) = (time < step.began, time >= self.end);
        let (moment, shown) = if waits { (index.checked_sub(1), before) } else { (Some(index), Some(*step)) };
        let waited = self.steps[..index].iter().map(|step| step.began - step.due).sum::<f64>();
        Some(Seen {
            moment,
            waits,
            latency: step.latency,
            reward: shown.map_or(0.0, |step| step.reward),
            waited: waited + time.min(step.began) - step.due,
            time: time.min(self.end),
            is_over,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Five steps of 100 ms, three from each plan; a plan takes 40 ms, then 60 ms.
    fn recording() -> Recording {
        let moment = |index: u64| Moment {
            time: Duration::from_millis(100 * index),
            planned: [Some(40), None, None, Some(60), None][index as usize].map(Duration::from_millis),
            reward: [0.1, 0.4, 0.3, 0.2, 0.9][index as usize],
            ..Moment::default()
        };
        Recording { moments: (0..5).map(moment).collect(), ..Recording::default() }
    }

    #[test]
    fn a_robot_that_waits_is_late_by_what_its_plans_took() {
        let recording = recording();
        let track = Track::of(&recording, 0.1, true);
        assert!((track.end - 0.6).abs() < 1e-12, "five steps, and 40 and 60 ms");
        let at = |time: f64| track.at(time).unwrap();
        let first = at(0.02);
        assert!(first.waits && first.moment.is_none() && first.reward == 0.0 && first.latency == 0.04, "{first:?}");
        assert!((first.waited - 0.02).abs() < 1e-12);
        let second = at(0.3);
        assert!(!second.waits && second.moment == Some(2) && second.reward == 0.4, "{second:?}");
        let third = at(0.37);
        assert!(third.waits && third.moment == Some(2) && third.latency == 0.06, "{third:?}");
        assert!((third.waited - 0.07).abs() < 1e-12, "{third:?}");
        let last = at(7.0);
        assert!(last.is_over && last.time == track.end && last.moment == Some(4) && last.reward == 0.9, "{last:?}");
        assert!((last.waited - 0.1).abs() < 1e-12, "{last:?}");
        assert_eq!(track.changes(2).count(), 7, "steps 0, 2 and 4, 3 as it waited; two waits, and the end");
        assert!((track.median_wait().unwrap() - 0.05).abs() < 1e-12, "of 40 and 60 ms");
    }

    #[test]
    fn where_the_world_does_not_wait_steps_begin_when_they_began() {
        let recording = recording();
        let track = Track::of(&recording, 0.1, false);
        let seen = track.at(0.35).unwrap();
        assert_eq!((seen.moment, seen.waits, seen.waited, seen.latency), (Some(3), false, 0.0, 0.06));
        assert_eq!((track.median_wait(), track.changes(1).count()), (None, 6));
        assert!((track.end - 0.5).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_seen_of_no_episode() {
        let recording = Recording::default();
        let track = Track::of(&recording, 0.1, true);
        assert_eq!((track.at(0.0), track.end, track.median_wait()), (None, 0.0, None));
    }
}
