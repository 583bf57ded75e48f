//! Conditioning values precomputed once per timestep and per observation, instead of in every batch.
//!
//! The partition of a graph ([`Partition`]) proves that each conditioning value is a function of the timestep, a function of
//! the observation, or the sum of two such functions:
//!
//! ```text
//! c(t, o) = f(t) + g(o)
//! ```
//!
//! `f` and `g` are graphs of their own. Of `f` there is a table, `g` is known once a plan, and a batch takes their sums. In
//! the networks that this is for, U-Nets and transformers of Diffusion Policy (Chi et al. 2023, arXiv 2303.04137), all that
//! is combined with samples is such a value.

use std::collections::HashMap;

use ort::{
    memory::Allocator,
    session::Session,
    value::{DynValue, Tensor},
};
use parapolicy_onnx::{BoundaryValue, Partition};
use parapolicy_policy::Batch;

use super::{
    conditioning_inputs::ConditioningInputs,
    tensors::{Input, Numbers, zeros},
};

/// How many timesteps are kept. Schedulers have 1000 at most, of which a plan uses some 10 or 100.
const KEPT: usize = 1024;

/// The graphs of `f` and `g`, and their known rows.
#[derive(Debug)]
pub(super) struct Precomputed {
    conditioning_inputs: ConditioningInputs,
    values: Vec<BoundaryValue>,
    f: Option<Function>,
    g: Option<Function>,
    /// Where the row of a timestep begins in `f`, by its bits.
    places: HashMap<u32, usize>,
    /// Whether other observations were bound since.
    stale: bool,
    /// Where the rows of a batch begin in both.
    rows: Vec<[usize; 2]>,
}

/// The graph of one of the functions, and its rows so far.
#[derive(Debug)]
struct Function {
    session: Session,
    /// Of each value at the boundary that has such a part: the output, where its numbers begin in a row, and their number.
    parts: Vec<Option<(String, usize, usize)>>,
    /// Numbers of a row.
    len: usize,
    /// `[rows, len]`.
    table: Vec<f32>,
}

impl Precomputed {
    /// From the partition of a graph; `open` opens the graph of a function.
    ///
    /// # Errors
    /// Values that are not of 32-bit floating point, or graphs that ONNX Runtime does not run.
    pub fn of(
        partition: &Partition,
        conditioning_inputs: ConditioningInputs,
        open: impl Fn(&[u8]) -> ort::Result<Session>,
    ) -> ort::Result<Self> {
        let values = partition.boundary().to_vec();
        let function = |graph: Option<&[u8]>, part: fn(&BoundaryValue) -> Option<&String>| -> ort::Result<_> {
            let Some(session) = graph.map(&open).transpose()? else { return Ok(None) };
            Ok(Some(Function::new(session, values.iter().map(|value| (part(value), value.len())))))
        };
        let f = function(partition.of_timestep(), |value| value.of_timestep.as_ref())?;
        let g = function(partition.of_observation(), |value| value.of_observation.as_ref())?;
        let (places, rows) = Default::default();
        let mut found = Self { conditioning_inputs, values, f, g, places, stale: false, rows };
        // Two rows of each show that the graphs run, and that they say as much as was proven.
        found.know(&[0.0, 1.0])?;
        found.see(&vec![0.0; 2 * found.conditioning_inputs.seen_len()])?;
        Ok(found)
    }

    /// Tensors of the values for so many rows.
    pub fn inputs(&self, allocator: &Allocator, rows: usize) -> ort::Result<Vec<Input>> {
        let input = |BoundaryValue { name, sizes, .. }: &BoundaryValue| {
            Ok(Input { name: name.clone(), numbers: Numbers::Float(zeros(allocator, rows, sizes)?) })
        };
        self.values.iter().map(input).collect()
    }

    /// The observations of the following batches have changed.
    pub fn bind(&mut self) {
        self.stale = self.g.is_some();
    }

    /// Writes those of a batch.
    pub fn fill(&mut self, batch: Batch<'_>, inputs: &mut [Input]) -> ort::Result<()> {
        if self.stale {
            self.see(batch.observations)?;
            self.stale = false;
        }
        self.know(batch.timesteps)?;
        let Self { values, f, g, places, rows, .. } = self;
        let len = |function: &Option<Function>| function.as_ref().map_or(0, |function| function.len);
        rows.clear();
        rows.extend(batch.timesteps.iter().zip(batch.plans).map(|(t, &plan)| {
            let timestep = places.get(&t.to_bits()).copied().unwrap_or_default();
            [timestep, plan * len(g)]
        }));
        for (index, (value, input)) in values.iter().zip(inputs).enumerate() {
            let Numbers::Float(tensor) = &mut input.numbers else { continue };
            let (_, tensor) = tensor.try_extract_tensor_mut::<f32>()?;
            let [f, g] = [&*f, &*g].map(|function| function.as_ref().and_then(|function| function.part(index)));
            for (&[of_timestep, of_plan], row) in rows.iter().zip(tensor.chunks_exact_mut(value.len())) {
                let f = f.map(|(table, at)| &table[of_timestep + at..][..row.len()]);
                let g = g.map(|(table, at)| &table[of_plan + at..][..row.len()]);
                match (f, g) {
                    (Some(f), Some(g)) => row.iter_mut().zip(f).zip(g).for_each(|((value, f), g)| *value = f + g),
                    (Some(known), None) | (None, Some(known)) => row.copy_from_slice(known),
                    (None, None) => {}
                }
            }
        }
        Ok(())
    }

    /// Makes `f` of these timesteps known. Allocates nothing if it is.
    fn know(&mut self, timesteps: &[f32]) -> ort::Result<()> {
        let Self { conditioning_inputs, f: Some(f), places, .. } = self else { return Ok(()) };
        let mut new: Vec<_> = timesteps.iter().copied().filter(|t| !places.contains_key(&t.to_bits())).collect();
        if new.is_empty() {
            return Ok(());
        }
        if places.len() + new.len() > KEPT {
            places.clear();
            f.table.clear();
            new = timesteps.to_vec();
        }
        new.sort_unstable_by(f32::total_cmp);
        new.dedup_by_key(|t| t.to_bits());
        let timesteps = conditioning_inputs.timestep_tensor(f.session.allocator(), &new)?;
        f.run(conditioning_inputs.timestep.clone(), timesteps, new.len())?;
        let first = f.table.len() / f.len - new.len();
        places.extend(new.iter().enumerate().map(|(row, timestep)| (timestep.to_bits(), (first + row) * f.len)));
        Ok(())
    }

    /// Makes `g` that of these observations, `[plans, …]`.
    fn see(&mut self, observations: &[f32]) -> ort::Result<()> {
        let Self { conditioning_inputs, g: Some(g), .. } = self else { return Ok(()) };
        let Some(name) = conditioning_inputs.observation.clone() else { return Ok(()) };
        let plans = observations.len() / conditioning_inputs.seen_len();
        let mut tensor = Tensor::new(g.session.allocator(), [&[plans], &conditioning_inputs.seen[..]].concat())?;
        tensor.try_extract_tensor_mut::<f32>()?.1.copy_from_slice(observations);
        g.table.clear();
        g.run(name, Numbers::Float(tensor), plans)
    }
}

impl Function {
    /// `parts` are the output for each value at the boundary, if there is one, and the numbers of a row of it.
    fn new<'a>(session: Session, parts: impl Iterator<Item = (Option<&'a String>, usize)>) -> Self {
        let mut len = 0;
        let place = |(output, numbers): (Option<&String>, usize)| {
            let place = output.map(|output| (output.clone(), len, numbers));
            len += if place.is_some() { numbers } else { 0 };
            place
        };
        let parts = parts.map(place).collect();
        Self { session, parts, len, table: Vec::new() }
    }

    /// The table, and where the part of a value begins in a row of it.
    fn part(&self, value: usize) -> Option<(&[f32], usize)> {
        self.parts[value].as_ref().map(|(_, at, _)| (&self.table[..], *at))
    }

    /// Runs the graph on an input of so many rows, and adds them to the table.
    fn run(&mut self, input: String, numbers: Numbers, rows: usize) -> ort::Result<()> {
        let Self { session, parts, len, table } = self;
        let outputs = session.run(vec![(input, DynValue::from(numbers))])?;
        let first = table.len();
        table.resize(first + rows * *len, 0.0);
        for (output, at, numbers) in parts.iter().flatten() {
            let (_, found) = outputs[output.as_str()].try_extract_tensor::<f32>()?;
            if found.len() != rows * numbers {
                table.truncate(first);
                return Err(ort::Error::new(format!("{output} has {} numbers", found.len())));
            }
            for (row, found) in table[first..].chunks_exact_mut(*len).zip(found.chunks_exact(*numbers)) {
                row[*at..][..*numbers].copy_from_slice(found);
            }
        }
        Ok(())
    }
}
