//! Candidates take turns, so that what else the machine does falls on all alike.

use std::time::Duration;

use ndarray::Array1;
use parapolicy_control::tuned::LatencySpan;
use rand::{SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;

use super::ratio;

/// Whose turn it is, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Number of the candidate.
    pub candidate: usize,
    /// Number of the observation.
    pub observation: usize,
    /// Number of the plan for this observation.
    pub plan: usize,
}

/// The plans of one candidate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawn {
    /// What each took, in milliseconds, in the order in which they were drawn.
    pub times_ms: Vec<f64>,
    /// The plans for each observation.
    pub plans: Vec<Vec<Array1<f32>>>,
}

/// Lets every candidate draw `plans` plans for every observation: first one for each observation, then the second, and so on,
/// so that both halves of a candidate's plans are for the same observations. The order of the candidates is another one each
/// time.
///
/// `draw` says what a plan took and what it is; `None` where it cannot be drawn.
///
/// # Errors
/// What `draw` says.
pub fn take_turns<E>(
    candidates: usize,
    observations: usize,
    plans: usize,
    mut draw: impl FnMut(Turn) -> Result<Option<(Duration, Array1<f32>)>, E>,
) -> Result<Vec<Drawn>, E> {
    let mut drawn = vec![Drawn { times_ms: Vec::new(), plans: vec![Vec::new(); observations] }; candidates];
    let mut order: Vec<usize> = (0..candidates).collect();
    let mut random = ChaCha8Rng::seed_from_u64(0);
    for plan in 0..plans {
        for observation in 0..observations {
            order.shuffle(&mut random);
            for &candidate in &order {
                if let Some((took, actions)) = draw(Turn { candidate, observation, plan })? {
                    drawn[candidate].times_ms.push(1e3 * took.as_secs_f64());
                    drawn[candidate].plans[observation].push(actions);
                }
            }
        }
    }
    Ok(drawn)
}

impl Drawn {
    /// How long a plan takes.
    #[must_use]
    pub fn latency(&self) -> LatencySpan {
        LatencySpan { p50: quantile(&self.times_ms, 0.5), p95: quantile(&self.times_ms, 0.95) }
    }

    /// The median of one half of the times over that of the other, the larger over the smaller.
    #[must_use]
    pub fn drift(&self) -> f64 {
        let (first, second) = self.times_ms.split_at(self.times_ms.len() / 2);
        if first.is_empty() { 1.0 } else { ratio(quantile(first, 0.5), quantile(second, 0.5)) }
    }
}

/// Of one value or more; 0 of none.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((share * last).round() as usize).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Draws on a clock that the closure moves.
    fn drawn(plans: usize, took: impl Fn(Turn, usize) -> u64) -> Vec<Drawn> {
        let mut count = 0;
        let draw = |turn: Turn| {
            count += 1;
            let time = Duration::from_millis(took(turn, count));
            Ok::<_, Infallible>(Some((time, Array1::from_elem(1, turn.plan as f32))))
        };
        take_turns(3, 4, plans, draw).unwrap_or_default()
    }

    #[test]
    fn everybody_draws_every_plan_for_every_observation() {
        let drawn = drawn(5, |turn, _| turn.candidate as u64 + 1);
        for (candidate, drawn) in drawn.iter().enumerate() {
            assert_eq!(drawn.times_ms, vec![candidate as f64 + 1.0; 20]);
            assert_eq!(drawn.latency(), LatencySpan { p50: candidate as f64 + 1.0, p95: candidate as f64 + 1.0 });
            assert_eq!(drawn.drift(), 1.0);
            let plans: Vec<f32> = (0..5_u8).map(f32::from).collect();
            assert!(
                drawn.plans.len() == 4
                    && drawn.plans.iter().all(|all| all.iter().map(|plan| plan[0]).eq(plans.clone()))
            );
        }
    }

    /// Something else takes half of the machine from the middle on: all candidates see it alike.
    #[test]
    fn load_that_comes_in_between_is_seen_by_all() {
        let busy = |_: Turn, count: usize| if count > 30 { 20 } else { 10 };
        assert!(drawn(5, busy).iter().all(|drawn| (drawn.drift() - 2.0).abs() < 1e-9));
    }

    /// A candidate that takes longer for some observations is steady all the same.
    #[test]
    fn observations_that_take_longer_are_no_drift() {
        let hard = |turn: Turn, _: usize| if turn.observation == 3 { 90 } else { 10 };
        let drawn = drawn(4, hard);
        assert!(
            drawn.iter().all(|drawn| drawn.drift() == 1.0 && drawn.latency() == LatencySpan { p50: 10.0, p95: 90.0 })
        );
    }

    #[test]
    fn a_candidate_that_cannot_draw_has_no_plans() {
        let draw = |turn: Turn| Ok::<_, Infallible>((turn.candidate == 0).then(|| (Duration::ZERO, Array1::zeros(1))));
        let drawn = take_turns(2, 2, 2, draw).unwrap_or_default();
        assert_eq!(drawn.iter().map(|drawn| drawn.times_ms.len()).collect::<Vec<_>>(), [4, 0]);
    }
}
