//! Which ways to draw plans another one beats, in time and in distance.

/// What a way to draw plans came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Median time of a plan.
    pub latency_ms: f64,
    /// Distance of its plans' distribution from the reference's.
    pub distance: f64,
}

/// A way is outdone by far by one that takes so many times less, and whose distance is no larger.
pub const FAR: f64 = 1.5;

/// For each point, the nearest to the reference, then the fastest, of those that outdo it by far: faster by [`FAR`], at no larger distance.
/// `None` where none does.
#[must_use]
pub fn outdone(points: &[Point]) -> Vec<Option<usize>> {
    let by = |point: &Point| {
        let better = |other: &Point| FAR * other.latency_ms <= point.latency_ms && other.distance <= point.distance;
        let better = points.iter().enumerate().filter(|(_, other)| better(other));
        let order = |one: &Point, other: &Point| {
            one.distance.total_cmp(&other.distance).then(one.latency_ms.total_cmp(&other.latency_ms))
        };
        better.min_by(|(_, one), (_, other)| order(one, other)).map(|(index, _)| index)
    };
    points.iter().map(by).collect()
}

/// The points that no other one beats in both, from the fastest to the nearest.
#[must_use]
pub fn frontier(points: &[Point]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| {
        let [a, b] = [points[a], points[b]];
        a.latency_ms.total_cmp(&b.latency_ms).then(a.distance.total_cmp(&b.distance))
    });
    let mut nearest = f64::INFINITY;
    order.retain(|&index| {
        let nearer = points[index].distance < nearest;
        nearest = nearest.min(points[index].distance);
        nearer
    });
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn points(all: &[(f64, f64)]) -> Vec<Point> {
        all.iter().map(|&(latency_ms, distance)| Point { latency_ms, distance }).collect()
    }

    #[test]
    fn a_slower_way_that_is_no_nearer_is_outdone() {
        let points = points(&[(30.0, 0.0), (8.0, 0.0), (2.0, 0.1), (2.9, 0.2), (3.0, 0.2)]);
        // As fast as 1.5 times: the fifth by the third; the fourth is not that slow.
        assert_eq!(outdone(&points), [Some(1), None, None, None, Some(2)]);
        assert_eq!(frontier(&points), [2, 1]);
    }

    proptest! {
        #[test]
        fn the_frontier_is_what_no_other_beats(all in prop::collection::vec((1_u8..9, 0_u8..9), 1..12)) {
            let points: Vec<_> = all.iter().map(|&(time, far)| Point { latency_ms: time.into(), distance: far.into() }).collect();
            let frontier = frontier(&points);
            for (index, point) in points.iter().enumerate() {
                let beats = |other: &Point| {
                    let [faster, nearer] = [other.latency_ms < point.latency_ms, other.distance < point.distance];
                    (faster && other.distance <= point.distance) || (nearer && other.latency_ms <= point.latency_ms)
                };
                if frontier.contains(&index) {
                    prop_assert!(!points.iter().any(beats));
                } else {
                    // Beaten, or the same as one that is on it.
                    prop_assert!(points.iter().any(beats) || frontier.iter().any(|&other| points[other] == *point));
                }
            }
            // Whoever is outdone by far is outdone by one that is not.
            let outdone = outdone(&points);
            for by in outdone.iter().flatten() {
                prop_assert_eq!(outdone[*by], None);
            }
        }
    }
}
