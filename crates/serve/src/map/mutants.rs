//! Mutants of requests, read alone: millions are tried in minutes. `MUTANTS` says how many.

use std::time::Duration;

use parapolicy_hostile::{Bounds, Outcome, run};
use parapolicy_policy::Manifest;

use super::{KeyMap, MapConfig};
use crate::client::Observation;

/// A request has 64 KiB at most; what is taken for it are the policy's own rows.
const BOUNDS: Bounds = Bounds { bytes: 1 << 20, time: Duration::from_secs(2) };

#[test]
fn mutants_of_requests_are_read_or_refused() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht");
    let manifest = Manifest::load(directory.as_ref()).unwrap();
    let map = KeyMap::new(&manifest, &MapConfig::default()).unwrap();
    let request = |steps: usize| {
        let (keypoints, agent) = (vec![200.0; 18 * steps], vec![1e3; 2 * steps]);
        let shape = |sides: &[usize]| if steps == 1 { sides.to_vec() } else { [&[steps][..], sides].concat() };
        let mut observation = Observation::new();
        observation.insert("keypoints", ndarray::ArrayView::from_shape(shape(&[9, 2]), &keypoints).unwrap());
        observation.insert("agent", ndarray::ArrayView::from_shape(shape(&[2]), &agent).unwrap());
        observation.deadline_ms(30.0).begin(4).committed(ndarray::Array2::zeros((3, 2)).view());
        observation.pack(true)
    };
    let nested =
        b"\x81\xa6images\x82\xa8cam_high\x93\x01\x02\x03\xa7cam_low\x84\xc4\x0e__npgeneric__\xc3\xc4\x04data\x01"
            .to_vec();
    let mut rows = Vec::new();
    let summary = run("request", &[request(1), request(2), nested], 20_000, BOUNDS, |message| {
        let found = map.read(message, &mut rows);
        assert!(rows.len() <= 2 * 20, "rows of one observation, or of two");
        if let Ok(options) = &found
            && let Some(committed) = options.committed
        {
            assert!(committed.numbers().count() <= message.len());
        }
        Outcome::from(found)
    });
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
}
