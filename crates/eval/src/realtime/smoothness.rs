//! How smoothly commands follow each other.

use std::time::Duration;

use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};

/// Sums over the commands of a loop. With `a_k` the commands, a period `P` apart, and `‖·‖` over the numbers of an action, all
/// of them alike:
///
/// ```text
/// jump  ‖a_k − 2 a_{k−1} + a_{k−2}‖                        at the first command of another plan than the last one's
/// jerk  ‖a_k − 3 a_{k−1} + 3 a_{k−2} − a_{k−3}‖ / P³       everywhere
/// ```
///
/// So a jump is how far the first command of a plan is from where the motion before it would have led.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Smoothness {
    jumps: Squares,
    jerks: Squares,
    /// The last three commands of the episode, the newest last, and the plan behind the newest.
    #[serde(skip)]
    last: Vec<Vec<f64>>,
    #[serde(skip)]
    observed: Option<Duration>,
}

/// Root mean squares over all control steps of a loop, in the units of the actions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SmoothnessReport {
    /// How far the first command of a plan is from where the motion before it would have led.
    pub jump_rms: f64,
    /// Jerk of the commands, per s³.
    pub jerk_rms: f64,
}

/// Sums of squares and their counts, one of each loop: in whatever parts loops are merged, they are added up in the same order, to the
/// same bits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Squares(Vec<(usize, f64)>);

impl Squares {
    fn add(&mut self, square: f64) {
        match self.0.last_mut() {
            Some((count, sum)) => (*count, *sum) = (*count + 1, *sum + square),
            None => self.0.push((1, square)),
        }
    }

    fn rms(&self) -> Option<f64> {
        let (count, sum) = self.0.iter().fold((0, 0.0), |(count, sum), (more, square)| (count + more, sum + square));
        (count > 0).then(|| (sum / count as f64).sqrt())
    }
}

impl Smoothness {
    pub fn merge(&mut self, other: &Self) {
        self.jumps.0.extend_from_slice(&other.jumps.0);
        self.jerks.0.extend_from_slice(&other.jerks.0);
    }

    /// Takes note of the next command of the episode, from the plan for what was observed then.
    pub fn sent(&mut self, action: ArrayView1<'_, f64>, observed: Option<Duration>, period: Duration) {
        let is_of_another = std::mem::replace(&mut self.observed, observed) != observed;
        let last: Vec<&[f64]> = self.last.iter().rev().map(Vec::as_slice).collect();
        let square = |weights: &[f64]| {
            let difference = |(index, value): (usize, &f64)| {
                value + weights.iter().zip(&last).map(|(weight, last)| weight * last[index]).sum::<f64>()
            };
            action.iter().enumerate().map(difference).map(|difference| difference * difference).sum::<f64>()
        };
        if is_of_another && last.len() >= 2 {
            self.jumps.add(square(&[-2.0, 1.0]));
        }
        if last.len() == 3 {
            let jerk = square(&[-3.0, 3.0, -1.0]) / period.as_secs_f64().powi(6);
            self.jerks.add(jerk);
            self.last.remove(0);
        }
        self.last.push(action.to_vec());
    }

    /// The summary; none before the first jump and the fourth command.
    pub fn report(&self) -> Option<SmoothnessReport> {
        Some(SmoothnessReport { jump_rms: self.jumps.rms()?, jerk_rms: self.jerks.rms()? })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::aview1;

    use super::*;

    const PERIOD: Duration = Duration::from_millis(500);

    /// `commands` of two numbers, each of them twice as large in the second, from plans that begin where `true` stands.
    fn measured(commands: &[(f64, bool)]) -> Smoothness {
        let (mut smoothness, mut plan) = (Smoothness::default(), 0);
        for &(command, begins) in commands {
            plan += u64::from(begins);
            smoothness.sent(aview1(&[command, 2.0 * command]), Some(Duration::from_secs(plan)), PERIOD);
        }
        smoothness
    }

    #[test]
    fn a_plan_that_goes_on_as_before_does_not_jump() {
        let steady = [0.0, 1.0, 2.0, 3.0, 4.0].map(|command| (command, true));
        assert_eq!(measured(&steady).report(), Some(SmoothnessReport { jump_rms: 0.0, jerk_rms: 0.0 }));
    }

    #[test]
    fn jumps_and_jerks_are_differences_of_second_and_third_order() {
        let commands = [(0.0, true), (1.0, false), (2.0, false), (6.0, true), (7.0, false)];
        let found = measured(&commands).report().unwrap();
        // 6 in place of 3, in a direction of length √5; third differences 3 and −6.
        assert!((found.jump_rms - 3.0 * 5.0_f64.sqrt()).abs() < 1e-12, "{found:?}");
        let jerk = (5.0 * (9.0 + 36.0) / 2.0_f64).sqrt() / 0.125;
        assert!((found.jerk_rms - jerk).abs() < 1e-9, "{found:?}");
        let mut both = measured(&commands);
        both.merge(&measured(&commands));
        assert_eq!(both.report(), Some(found));
    }

    #[test]
    fn too_few_commands_tell_nothing() {
        assert_eq!(measured(&[(0.0, true), (1.0, true), (2.0, true)]).report(), None);
    }
}
