//! The results, as text and as JSON.

use std::fmt;

use parapolicy_engine::Work;
use parapolicy_engine::kernel::Kernel;
use parapolicy_engine::limits::Limits;
use parapolicy_engine::network::Step;
use serde::Serialize;

/// The results of one kernel.
#[derive(Serialize)]
pub struct Report {
    pub kernel: String,
    pub threads: usize,
    pub widths: Vec<usize>,
    pub limits: Limits,
    pub batches: Vec<Batch>,
}

#[derive(Serialize)]
pub struct Batch {
    pub rows: usize,
    /// The best of many evaluations.
    pub microseconds: f64,
    /// Bytes of weights that an evaluation reads.
    pub weights: usize,
    /// The fraction of the limits that is reached, each layer compared with its own limit.
    pub fraction: f64,
    pub layers: Vec<LayerTime>,
}

#[derive(Serialize)]
pub struct LayerTime {
    pub inputs: usize,
    pub outputs: usize,
    pub taps: usize,
    pub positions: usize,
    /// Operations, as they are computed; a multiply-add is two.
    pub flop: usize,
    /// Bytes of weights, and of activations read and written.
    pub bytes: usize,
    /// The best of many evaluations.
    pub microseconds: f64,
    /// The fraction of the limit that is reached.
    pub fraction: f64,
    pub limit: &'static str,
}

impl Batch {
    pub fn new(rows: usize, microseconds: f64, work: &[Work], times: &[f64], steps: &[Step], limits: &Limits) -> Self {
        let weights = work.iter().map(|work| work.weights).sum();
        let layer = |((step, work), &microseconds): ((&Step, &Work), &f64)| {
            let Step::Layer(layer) = step else { return None };
            let least = limits.least(work, weights);
            Some(LayerTime {
                inputs: layer.convolution.inputs,
                outputs: layer.convolution.outputs,
                taps: layer.convolution.geometry.taps,
                positions: layer.output.positions,
                flop: work.flop(),
                bytes: work.bytes(),
                microseconds,
                fraction: least.microseconds / microseconds,
                limit: least.binding,
            })
        };
        let least: f64 = work.iter().map(|work| limits.least(work, weights).microseconds).sum();
        let fraction = least / times.iter().sum::<f64>();
        let layers = steps.iter().zip(work).zip(times).filter_map(layer).collect();
        Self { rows, microseconds, weights, fraction, layers }
    }
}

impl Report {
    pub fn new(kernel: Kernel, threads: usize, widths: &[usize], limits: Limits) -> Self {
        Self { kernel: format!("{kernel:?}"), threads, widths: widths.to_vec(), limits, batches: vec![] }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, threads, widths, limits, .. } = self;
        write!(f, "\n{kernel}, {threads} threads, widths {widths:?}: {:.0} GFLOP/s; reads", limits.gflop_per_second)?;
        for read in &limits.reads {
            write!(f, ", {} KB at {:.0} GB/s", read.bytes >> 10, read.gigabytes_per_second)?;
        }
        Ok(())
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, microseconds, fraction, .. } = self;
        write!(f, "  batch {rows:>2}: {microseconds:8.1} us, layers at {:3.0} % of the limit", 100.0 * fraction)
    }
}

impl fmt::Display for LayerTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inputs, outputs, taps, positions, flop, bytes, microseconds, fraction, limit } = self;
        let (megaflop, kilobytes) = (1e-6 * *flop as f64, bytes >> 10);
        write!(f, "    {inputs:>4} -> {outputs:<4} taps {taps} positions {positions:>2}: {megaflop:8.2} MFLOP ")?;
        write!(f, "{kilobytes:>6} KB {microseconds:8.2} us, {:3.0} % of the limit ({limit})", 100.0 * fraction)
    }
}
