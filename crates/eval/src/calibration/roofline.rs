//! Compares the time of batches with the machine's limits (roofline model).

use parapolicy_engine::{Work, limits::Limits};
use serde::{Deserialize, Serialize};

use super::BatchTime;
use parapolicy_policy::Network;

/// The p that are compared with the limits.
const ROWS: [usize; 4] = [1, 8, 16, 32];

/// How far batches are from the machine's limits; or why that is not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Roofline {
    /// For some sizes of batches.
    Known(KnownRoofline),
    /// Why it is not known.
    Unknown(String),
}

/// The machine's limits, and batches compared with them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownRoofline {
    /// Limits of all of the network's threads combined, in its precision.
    pub limits: Limits,
    /// Rows increasing.
    pub batches: Vec<BatchLimit>,
}

/// A batch, and the time that it would take at the limits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchLimit {
    /// Rows, p.
    pub rows: usize,
    /// Floating-point operations of the network's products; a multiply-add is two.
    pub flop: usize,
    /// Bytes moved: weights, read once per batch, and the inputs and outputs of convolutions.
    pub bytes: usize,
    /// Lower bound of the time, in milliseconds: operations or bytes at the limits, whichever takes longer.
    pub least_ms: f64,
    /// Measured time, in milliseconds: c(p).
    pub median_ms: f64,
    /// `least_ms` over `median_ms`.
    pub fraction: f64,
}

impl Roofline {
    /// Measures the limits, in about a second, and compares the times of the policy's `batches` with them.
    pub(super) fn measure(policy: &Network, batches: &[BatchTime]) -> Self {
        match known(policy, batches) {
            Ok(known) => Self::Known(known),
            Err(why) => Self::Unknown(why),
        }
    }

    /// The first number that cannot be one, as a path from here.
    pub(super) fn damaged(&self) -> Option<String> {
        let Self::Known(KnownRoofline { limits, batches }) = self else { return None };
        let wrong = |number: f64| !(number.is_finite() && number > 0.0);
        if wrong(limits.gflop_per_second) || limits.reads.iter().any(|read| wrong(read.gigabytes_per_second)) {
            return Some("known.limits".into());
        }
        let batch = |batch: &BatchLimit| [batch.least_ms, batch.median_ms, batch.fraction].into_iter().any(wrong);
        batches.iter().position(batch).map(|index| format!("known.batches[{index}]"))
    }
}

fn known(policy: &Network, batches: &[BatchTime]) -> Result<KnownRoofline, String> {
    let provider = policy.provider();
    let name = provider.name();
    let on_processor = name.backend().processor_threads(provider.threads());
    let threads =
        on_processor.ok_or_else(|| format!("the limits of devices, as {name} computes on, are not measured"))?;
    if provider.devices().len() > 1 {
        return Err("the limits of several sessions together are not measured".into());
    }
    let kernel = provider.precision().kernel().ok_or("the limits of this precision are not measured")?;
    let works = ROWS.map(|rows| policy.work(rows));
    let works: Vec<Work> = works.into_iter().collect::<Result<_, _>>()?;
    let mut weights: Vec<usize> = works.iter().map(|work| work.weights).collect();
    weights.dedup();
    let limits = Limits::measure(kernel, threads, &weights).ok_or("the limits of this processor are not measured")?;
    let batch = |(rows, work): (usize, &Work)| {
        let median_ms = batches.iter().find(|batch| batch.rows == rows)?.median_ms;
        let least_ms = 1e-3 * limits.least(work, work.weights).microseconds;
        let (flop, bytes, fraction) = (work.flop(), work.bytes(), least_ms / median_ms);
        Some(BatchLimit { rows, flop, bytes, least_ms, median_ms, fraction })
    };
    let batches = ROWS.into_iter().zip(&works).filter_map(batch).collect();
    Ok(KnownRoofline { limits, batches })
}
