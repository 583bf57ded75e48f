//! The weights of a convolution, in whatever order a file has them.

use parapolicy_onnx::Floats;

/// Weights `[tap, input, output]`, in whatever order they lie in memory: those of a file are not copied before they are
/// packed.
///
/// ```
/// use parapolicy_engine::network::Weights;
///
/// let weights = Weights::new(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [1, 3]); // two taps, one input, three outputs
/// assert_eq!(weights.at([1, 0, 2]), 5.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    numbers: Floats,
    /// From one tap, one input and one output to the next.
    strides: [usize; 3],
}

impl Weights {
    /// Weights in the order `[tap, input, output]`, of so many inputs and outputs.
    pub fn new(numbers: impl Into<Floats>, [inputs, outputs]: [usize; 2]) -> Self {
        Self { numbers: numbers.into(), strides: [inputs * outputs, outputs, 1] }
    }

    /// Weights in another order: so far apart are taps, inputs and outputs.
    pub(crate) fn strided(numbers: Floats, strides: [usize; 3]) -> Self {
        Self { numbers, strides }
    }

    /// The same weights, in memory: those that were left in a file are read at once.
    pub(crate) fn in_memory(&self) -> Self {
        Self { numbers: self.numbers.in_memory(), strides: self.strides }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The weight of a tap, an input and an output.
    ///
    /// # Panics
    /// If there is no such weight.
    pub fn at(&self, [tap, input, output]: [usize; 3]) -> f32 {
        let [taps, inputs, outputs] = self.strides;
        self.numbers.at(tap * taps + input * inputs + output * outputs)
    }
}
