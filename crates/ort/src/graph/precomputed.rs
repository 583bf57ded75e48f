//! Conditioning values precomputed once per timestep and per observation, instead of in every batch.
//!
//! In the networks that this is for, U-Nets and transformers of Diffusion Policy (Chi et al. 2023, arXiv 2303.04137),
//! each conditioning value `c(t, o)` that is combined with samples is a sum of a function of the timestep and a
//! function of the observation. So
//!
//! ```text
//! c(t, o) = f(t) + g(o)   with   f(t) = c(t, 0)   and   g(o) = c(0, o) − c(0, 0)
//! ```
//!
//! and `f` is a table, `g` is known once a plan, and a batch takes their sums. Whether this holds for a graph is tested
//! when it is opened.

use std::collections::HashMap;

use ort::{memory::Allocator, session::Session};
use parapolicy_onnx::BoundaryValue;
use parapolicy_policy::Batch;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{
    conditioning_inputs::ConditioningInputs,
    tensors::{Input, Numbers, zeros},
};

/// Random rows that the test uses.
const PROBES: usize = 4;

/// Relative difference allowed between `c` and `f + g`, for rounding.
const ROUNDING: f32 = 1e-5;

/// A session that computes `c`, and the known rows of `f` and `g`.
#[derive(Debug)]
pub(super) struct Precomputed {
    session: Session,
    conditioning_inputs: ConditioningInputs,
    values: Vec<BoundaryValue>,
    /// Numbers of all values of a row.
    len: usize,
    /// Where the row of a timestep begins in `f`, by its bits.
    places: HashMap<u32, usize>,
    /// Of the timesteps met so far, a row of `len` each.
    f: Vec<f32>,
    /// Of the observations that are bound; zeros, once, if the network sees none.
    g: Vec<f32>,
    /// Whether other observations were bound since.
    stale: bool,
    /// Where the rows of a batch begin in both.
    rows: Vec<[usize; 2]>,
}

impl Precomputed {
    /// From a session that computes values of these names; none if they are not such sums. `last` is the last training
    /// timestep.
    pub fn of(
        session: Session,
        conditioning_inputs: ConditioningInputs,
        names: &[String],
        last: f32,
    ) -> ort::Result<Option<Self>> {
        let values = names.iter().map(|name| BoundaryValue { name: name.clone(), sizes: Vec::new() }).collect();
        let (len, places, f, g, stale, rows) = Default::default();
        let mut condition = Self { session, conditioning_inputs, values, len, places, f, g, stale, rows };
        let mut generator = ChaCha8Rng::seed_from_u64(0);
        let timesteps: Vec<_> =
            (0..PROBES).map(|probe| (probe as f32 * last / (PROBES as f32 - 1.0)).floor()).collect();
        let observations: Vec<f32> =
            (0..PROBES * condition.conditioning_inputs.seen_len()).map(|_| generator.random_range(-1.0..1.0)).collect();
        let is_sum =
            condition.learn_sizes(&timesteps, &observations)? && condition.is_sum(&timesteps, &observations)?;
        Ok(is_sum.then_some(condition))
    }

    /// The inputs that a batch gets from it.
    pub fn values(&self) -> &[BoundaryValue] {
        &self.values
    }

    /// Tensors of the values for so many rows.
    pub fn inputs(&self, allocator: &Allocator, rows: usize) -> ort::Result<Vec<Input>> {
        let input = |BoundaryValue { name, sizes }: &BoundaryValue| {
            Ok(Input { name: name.clone(), numbers: Numbers::Float(zeros(allocator, rows, sizes)?) })
        };
        self.values.iter().map(input).collect()
    }

    /// The observations of the following batches have changed.
    pub fn bind(&mut self) {
        self.stale = self.conditioning_inputs.observation.is_some();
    }

    /// Writes those of a batch.
    pub fn fill(&mut self, batch: Batch<'_>, inputs: &mut [Input]) -> ort::Result<()> {
        if self.stale {
            self.see(batch.observations)?;
            self.stale = false;
        }
        self.know(batch.timesteps)?;
        let plan = |plan: usize| if self.conditioning_inputs.observation.is_some() { plan * self.len } else { 0 };
        self.rows.clear();
        self.rows.extend(batch.timesteps.iter().zip(batch.plans).map(|(t, &of)| [self.places[&t.to_bits()], plan(of)]));
        let mut at = 0;
        for (value, input) in self.values.iter().zip(inputs) {
            let Numbers::Float(tensor) = &mut input.numbers else { continue };
            let len = value.len();
            let (_, tensor) = tensor.try_extract_tensor_mut::<f32>()?;
            for (&[f, g], row) in self.rows.iter().zip(tensor.chunks_exact_mut(len)) {
                let (f, g) = (&self.f[f + at..][..len], &self.g[g + at..][..len]);
                row.iter_mut().zip(f).zip(g).for_each(|((value, f), g)| *value = f + g);
            }
            at += len;
        }
        Ok(())
    }

    /// Makes `f` of these timesteps known. Allocates nothing if it is.
    fn know(&mut self, timesteps: &[f32]) -> ort::Result<()> {
        let mut new: Vec<_> = timesteps.iter().copied().filter(|t| !self.places.contains_key(&t.to_bits())).collect();
        if new.is_empty() {
            return Ok(());
        }
        new.sort_unstable_by(f32::total_cmp);
        new.dedup_by_key(|t| t.to_bits());
        let rows = self.run(&new, &vec![0.0; new.len() * self.conditioning_inputs.seen_len()])?;
        for (timestep, row) in new.iter().zip(rows.chunks_exact(self.len)) {
            self.places.insert(timestep.to_bits(), self.f.len());
            self.f.extend_from_slice(row);
        }
        Ok(())
    }

    /// Makes `g` that of these observations, `[plans, …]`.
    fn see(&mut self, observations: &[f32]) -> ort::Result<()> {
        self.know(&[0.0])?;
        let plans = observations.len() / self.conditioning_inputs.seen_len();
        self.g = self.run(&vec![0.0; plans], observations)?;
        let zero = &self.f[self.places[&0_f32.to_bits()]..][..self.len];
        for row in self.g.chunks_exact_mut(self.len) {
            row.iter_mut().zip(zero).for_each(|(value, zero)| *value -= zero);
        }
        Ok(())
    }

    /// `c`, row by row, the values of a row one after the other.
    fn run(&mut self, timesteps: &[f32], observations: &[f32]) -> ort::Result<Vec<f32>> {
        let mut rows = vec![0.0; timesteps.len() * self.len];
        let outputs = self.conditioning_inputs.run(&mut self.session, timesteps, observations)?;
        let mut at = 0;
        for value in &self.values {
            let (_, numbers) = outputs[value.name.as_str()].try_extract_tensor::<f32>()?;
            if numbers.len() != timesteps.len() * value.len() {
                return Err(ort::Error::new(format!("{} has {} numbers", value.name, numbers.len())));
            }
            for (row, numbers) in rows.chunks_exact_mut(self.len).zip(numbers.chunks_exact(value.len())) {
                row[at..][..value.len()].copy_from_slice(numbers);
            }
            at += value.len();
        }
        Ok(rows)
    }

    /// Learns the sizes of the values, which the graph need not say; whether each has a row for each probe.
    fn learn_sizes(&mut self, timesteps: &[f32], observations: &[f32]) -> ort::Result<bool> {
        let outputs = self.conditioning_inputs.run(&mut self.session, timesteps, observations)?;
        for value in &mut self.values {
            let Ok((shape, numbers)) = outputs[value.name.as_str()].try_extract_tensor::<f32>() else {
                return Ok(false);
            };
            if shape.first() != Some(&(PROBES as i64)) || numbers.is_empty() {
                return Ok(false);
            }
            value.sizes = shape[1..].iter().map(|&size| size as usize).collect();
        }
        self.len = self.values.iter().map(BoundaryValue::len).sum();
        self.g = vec![0.0; self.len];
        Ok(true)
    }

    /// Whether `c = f + g` at the probes, to rounding.
    fn is_sum(&mut self, timesteps: &[f32], observations: &[f32]) -> ort::Result<bool> {
        let expected = self.run(timesteps, observations)?;
        self.know(timesteps)?;
        if self.conditioning_inputs.observation.is_some() {
            self.see(observations)?;
        }
        let norm = |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|x| x * x).sum::<f32>().sqrt();
        let sums = timesteps.iter().zip(self.g.chunks_exact(self.len)).flat_map(|(t, g)| {
            let f = &self.f[self.places[&t.to_bits()]..][..self.len];
            f.iter().zip(g).map(|(f, g)| f + g)
        });
        let difference = norm(&mut sums.zip(&expected).map(|(sum, expected)| sum - expected));
        Ok(difference <= ROUNDING * norm(&mut expected.iter().copied()))
    }
}
