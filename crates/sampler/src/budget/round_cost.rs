//! A model of what a round costs on this machine.

use std::time::Duration;

/// The time of a round as a + b · rows, fitted by least squares to the rounds that were made, the last ones counting most.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoundCost {
    /// Sums over the rounds: 1, rows, seconds, rows², rows · seconds.
    count: f64,
    rows: f64,
    seconds: f64,
    rows_squared: f64,
    rows_seconds: f64,
}

impl RoundCost {
    /// Weight of every round before the last one, relative to that of the round after it.
    const MEMORY: f64 = 0.95;

    pub fn learn(&mut self, rows: usize, time: Duration) {
        let (rows, seconds) = (rows as f64, time.as_secs_f64());
        let terms = [1.0, rows, seconds, rows * rows, rows * seconds];
        let sums = [&mut self.count, &mut self.rows, &mut self.seconds, &mut self.rows_squared, &mut self.rows_seconds];
        sums.into_iter().zip(terms).for_each(|(sum, term)| *sum = Self::MEMORY * *sum + term);
    }

    /// a and b, in seconds. Until rounds of several sizes are known, a round takes what they took, whatever its rows.
    fn line(&self) -> (f64, f64) {
        let (rows, seconds) = (self.rows / self.count, self.seconds / self.count);
        let spread = self.rows_squared / self.count - rows * rows;
        let slope = (self.rows_seconds / self.count - rows * seconds) / spread;
        let slope = if spread > 1e-6 { slope.clamp(0.0, seconds / rows) } else { 0.0 };
        (seconds - slope * rows, slope)
    }

    /// The largest round that ends within `time`; any, as long as none was made.
    pub fn rows_within(&self, time: Duration) -> usize {
        if self.count == 0.0 {
            return usize::MAX;
        }
        let (fixed, slope) = self.line();
        let left = time.as_secs_f64() - fixed;
        // A float that is too large becomes the largest integer, and one below 0 becomes 0.
        if left < 0.0 { 0 } else { (left / slope) as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// A model that has seen rounds of `sizes` rows, of 2 ms and half a millisecond a row each.
    fn model(sizes: &[usize]) -> RoundCost {
        let mut model = RoundCost::default();
        sizes.iter().for_each(|rows| model.learn(*rows, (4 + *rows as u32) * MILLISECOND / 2));
        model
    }

    #[test]
    fn the_cost_of_a_row_is_learnt_from_rounds_of_several_sizes() {
        assert_eq!(model(&[8, 20, 12]).rows_within(7 * MILLISECOND + MILLISECOND / 4), 10);
        assert_eq!(model(&[8, 20, 12]).rows_within(MILLISECOND), 0);
    }

    #[test]
    fn rounds_of_one_size_tell_only_what_they_take() {
        assert_eq!(model(&[8, 8]).rows_within(7 * MILLISECOND), usize::MAX);
        assert_eq!(model(&[8, 8]).rows_within(5 * MILLISECOND), 0);
    }

    #[test]
    fn an_unknown_cost_limits_nothing() {
        assert_eq!(RoundCost::default().rows_within(Duration::ZERO), usize::MAX);
    }
}
