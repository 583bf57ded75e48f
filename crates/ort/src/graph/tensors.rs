//! The tensors of one batch size, bound to a session once.

use ort::{
    memory::Allocator,
    session::{IoBinding, Session},
    value::{DynValue, Tensor},
};

use parapolicy_policy::Batch;

use super::{Layout, conditioning::Conditioning};

/// Tensors for batches of up to so many rows: ONNX Runtime reads and writes them where they lie, so nothing is made
/// anew for a call but its own handle of the output.
#[derive(Debug)]
pub(super) struct Tensors {
    rows: usize,
    binding: IoBinding,
    sample: Tensor<f32>,
    conditioning: Vec<Input>,
    prediction: Tensor<f32>,
}

/// An input tensor, with its name.
#[derive(Debug)]
pub(super) struct Input {
    pub name: String,
    pub numbers: Numbers,
}

/// Numbers of a type.
#[derive(Debug)]
pub(super) enum Numbers {
    Float(Tensor<f32>),
    Int(Tensor<i64>),
}

impl Tensors {
    pub fn new(session: &Session, layout: &Layout, conditioning: &Conditioning, rows: usize) -> ort::Result<Self> {
        let allocator = session.allocator();
        let sample = zeros(allocator, rows, &layout.plan)?;
        let mut prediction = zeros(allocator, rows, &layout.plan)?;
        let conditioning = conditioning.inputs(allocator, rows)?;
        let mut binding = session.create_binding()?;
        binding.bind_output(&layout.prediction, &mut prediction)?;
        let mut tensors = Self { rows, binding, sample, conditioning, prediction };
        tensors.bind(layout)?;
        Ok(tensors)
    }

    /// Binds the inputs.
    fn bind(&mut self, layout: &Layout) -> ort::Result<()> {
        self.binding.bind_input(&layout.sample, &self.sample)?;
        self.conditioning.iter().try_for_each(|Input { name, numbers }| match numbers {
            Numbers::Float(tensor) => self.binding.bind_input(name, tensor),
            Numbers::Int(tensor) => self.binding.bind_input(name, tensor),
        })
    }

    /// Rows that there is room for.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Runs the session on a batch; the prediction is what lies in its rows.
    pub fn run(
        &mut self,
        session: &mut Session,
        layout: &Layout,
        conditioning: &mut Conditioning,
        batch: Batch<'_>,
    ) -> ort::Result<&[f32]> {
        self.sample.try_extract_tensor_mut::<f32>()?.1[..batch.samples.len()].copy_from_slice(batch.samples);
        conditioning.fill(batch, &mut self.conditioning)?;
        if layout.copies_inputs {
            self.bind(layout)?;
        }
        session.run_binding(&self.binding)?;
        Ok(&self.prediction.try_extract_tensor::<f32>()?.1[..batch.samples.len()])
    }
}

/// Room for so many rows. What lies in those beyond a batch costs nothing, but must be numbers.
pub(super) fn zeros(allocator: &Allocator, rows: usize, sizes: &[usize]) -> ort::Result<Tensor<f32>> {
    let mut tensor = Tensor::new(allocator, [&[rows], sizes].concat())?;
    tensor.try_extract_tensor_mut::<f32>()?.1.fill(0.0);
    Ok(tensor)
}

impl From<Numbers> for DynValue {
    fn from(numbers: Numbers) -> Self {
        match numbers {
            Numbers::Float(tensor) => tensor.into_dyn(),
            Numbers::Int(tensor) => tensor.into_dyn(),
        }
    }
}
