//! The table as an observation shows it: the way back from the numbers that a policy sees.

use parapolicy_policy::Manifest;

use crate::State;
use crate::geometry::{BAR, KEYPOINTS, Pose, STEM};

impl State {
    /// The state that an observation shows, `[observation_dim]` as `manifest` lays it out: `state`; or the block's points (`keypoints`,
    /// `observation.environment_state`) and the agent's position. None where they are not observed, as in images.
    ///
    /// The block is laid where its points are nearest to those that were observed, in the mean of squares.
    ///
    /// ```
    /// # use std::path::Path;
    /// # use parapolicy_policy::Manifest;
    /// # let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht");
    /// use parapolicy_pusht::State;
    ///
    /// let manifest = Manifest::load(&folder)?;
    /// let state = State::from_array([100.0, 200.0, 300.0, 150.0, 2.0]);
    /// let read = State::observed(&manifest, &state.keypoints()).map(|state| state.to_array());
    /// assert!(read.is_some_and(|read| read.iter().zip(state.to_array()).all(|(a, b)| (a - b).abs() < 1e-9)));
    /// # Ok::<(), parapolicy_policy::ManifestError>(())
    /// ```
    #[must_use]
    pub fn observed(manifest: &Manifest, observation: &[f64]) -> Option<Self> {
        let (mut at, mut agent, mut block) = (0, None, None);
        for entry in &manifest.observations {
            let numbers = observation.get(at..at + entry.len())?;
            at += entry.len();
            match (entry.name.as_str(), numbers) {
                ("state", numbers) => return Some(Self::from_array(numbers.try_into().ok()?)),
                ("agent" | "agent_pos" | "observation.state", &[x, y]) => agent = Some([x, y]),
                ("keypoints", numbers) => block = Pose::fitted(&KEYPOINTS, numbers.as_chunks().0),
                ("observation.environment_state", numbers) => {
                    let corners: [[f64; 2]; 8] = std::array::from_fn(|i| if i < 4 { BAR[i] } else { STEM[i - 4] });
                    block = Pose::fitted(&corners, numbers.as_chunks().0);
                }
                _ => {}
            }
        }
        Some(Self { agent: agent?.into(), block: block? })
    }
}
