//! Points divided into clusters.

/// A label for every point, `0..K`; every label is in use. Which label a cluster has means nothing.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Partition {
    labels: Vec<u32>,
    clusters: usize,
}

impl Partition {
    /// From any labels: they are numbered anew, in the order in which clusters appear, so that equal partitions are equal values.
    pub fn new(labels: &[u32]) -> Self {
        let most = labels.iter().max().map_or(0, |most| *most as usize + 1);
        let mut numbers = vec![u32::MAX; most];
        let mut clusters = 0;
        let labels = labels
            .iter()
            .map(|&label| {
                let number = &mut numbers[label as usize];
                if *number == u32::MAX {
                    *number = clusters;
                    clusters += 1;
                }
                *number
            })
            .collect();
        Self { labels, clusters: clusters as usize }
    }

    /// The label of every point, `[n]`.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// How many clusters there are, `K`.
    pub fn clusters(&self) -> usize {
        self.clusters
    }

    /// How many points each cluster has, `[K]`.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.clusters];
        self.labels.iter().for_each(|label| sizes[*label as usize] += 1);
        sizes
    }
}
