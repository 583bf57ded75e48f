//! What many partitions of the same points say together.

use crate::error::ModesError;
use crate::partition::Partition;

/// Partitions drawn from a posterior: how many clusters there are, which points belong together, and the partition that is
/// closest to all of them.
#[derive(Clone, Debug, Default)]
pub struct Posterior {
    partitions: Vec<Partition>,
    points: usize,
}

impl Posterior {
    /// Of drawn partitions, as a chain gives them: `chain.skip(burn_in).take(draws)`.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if there are none, or they are of different points.
    pub fn new(partitions: impl IntoIterator<Item = Partition>) -> Result<Self, ModesError> {
        let partitions: Vec<_> = partitions.into_iter().collect();
        let points = partitions.first().map(|first| first.labels().len());
        let points = points.ok_or_else(|| ModesError::out_of_range("partitions", 0, "at least 1"))?;
        match partitions.iter().map(|partition| partition.labels().len()).find(|found| *found != points) {
            None => Ok(Self { partitions, points }),
            Some(found) => Err(ModesError::Shape { field: "partitions", what: "points", expected: points, found }),
        }
    }

    /// The partitions.
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// P(K = k), at index k.
    pub fn numbers(&self) -> Vec<f64> {
        let most = self.partitions.iter().map(Partition::clusters).max().unwrap_or(0);
        let mut numbers = vec![0.0; most + 1];
        self.partitions
            .iter()
            .for_each(|partition| numbers[partition.clusters()] += 1.0 / self.partitions.len() as f64);
        numbers
    }

    /// The probability that points belong together, `[n, n]`, row by row.
    pub fn together(&self) -> Vec<f32> {
        let weight = 1.0 / self.partitions.len() as f64;
        let mut counts = vec![0_u32; self.points * self.points];
        for partition in &self.partitions {
            let labels = partition.labels();
            for (row, label) in counts.chunks_exact_mut(self.points.max(1)).zip(labels) {
                row.iter_mut().zip(labels).for_each(|(count, other)| *count += u32::from(label == other));
            }
        }
        counts.iter().map(|count| (f64::from(*count) * weight) as f32).collect()
    }

    /// The index of the drawn partition of least expected Binder loss, Σ_{i<j} (1[z_i = z_j] − p_ij)²: the number of pairs that it
    /// puts together or apart unlike another draw of the posterior, in the mean (Binder 1978).
    pub fn binder(&self) -> usize {
        let together = self.together();
        let loss = |partition: &Partition| -> f64 {
            let labels = partition.labels();
            let rows = together.chunks_exact(self.points.max(1)).zip(labels);
            rows.map(|(row, label)| {
                let pairs = row.iter().zip(labels);
                pairs.map(|(p, other)| (f64::from(u8::from(label == other)) - f64::from(*p)).powi(2)).sum::<f64>()
            })
            .sum()
        };
        let losses = self.partitions.iter().map(loss).enumerate();
        losses.min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_the_partition_that_most_agree_with() {
        let drawn = [[0, 0, 1, 1], [0, 0, 1, 2], [0, 0, 1, 1], [0, 1, 1, 1]].map(|labels| Partition::new(&labels));
        let posterior = Posterior::new(drawn).unwrap();
        assert_eq!(posterior.numbers(), [0.0, 0.0, 0.75, 0.25]);
        assert_eq!(posterior.together()[..4], [1.0, 0.75, 0.0, 0.0]);
        assert_eq!(posterior.partitions()[posterior.binder()].labels(), [0, 0, 1, 1]);
        assert!(Posterior::new([]).is_err());
        assert!(Posterior::new([Partition::new(&[0]), Partition::new(&[0, 1])]).is_err());
    }
}
