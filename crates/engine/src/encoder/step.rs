//! The steps of an encoder: what is computed of each frame, one tensor after the other.

use super::view::{View, walk};
use crate::network::Layers;

/// How a tensor is computed from earlier ones.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The frame.
    Frame,
    /// The same for all frames.
    Constant(Vec<f32>),
    /// Views put together along an axis; a single one is a copy.
    Joined(Vec<View>, usize),
    /// A function of each number.
    Each(View, Function),
    /// An operation on each pair of numbers of two views of one shape.
    Pairs(View, Operation, View),
    /// All numbers along the last axes become one, so many axes.
    Reduced(View, Reduction, usize),
    /// The softmax along the last axis.
    Softmax(View),
    /// The last axis times a matrix.
    Product(View, Matrix),
    /// A network on images, `[image, row, column, channel]`.
    Images(View, Box<Layers>),
}

/// A function of a number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Function {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, low), high)`.
    Clip(f32, f32),
}

/// An operation on two numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// What many numbers become.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reduction {
    Sum,
    Mean,
    /// The root of the sum of squares.
    Norm,
}

/// A matrix and a bias for each of its columns. A matrix that resizes images is mostly zeros: of each column only what is
/// between its first and its last other number is kept.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    columns: Vec<Column>,
}

#[derive(Clone, Debug)]
struct Column {
    first: usize,
    weights: Vec<f32>,
    bias: f32,
}

impl Matrix {
    /// Of so many rows and columns, whose numbers are `at(row, column)`.
    pub fn new([rows, columns]: [usize; 2], at: impl Fn(usize, usize) -> f32, bias: impl Fn(usize) -> f32) -> Self {
        let column = |column| {
            let some = |row: &usize| at(*row, column) != 0.0;
            let (first, last) = ((0..rows).find(some), (0..rows).rev().find(some));
            let weights = first.zip(last).map(|(first, last)| (first..=last).map(|row| at(row, column)).collect());
            Column { first: first.unwrap_or(0), weights: weights.unwrap_or_default(), bias: bias(column) }
        };
        Self { columns: (0..columns).map(column).collect() }
    }
}

impl Step {
    /// Computes its tensor of a frame; `data` are the numbers of the tensors that it reads.
    pub fn run<'t>(&self, data: impl Fn(usize) -> &'t [f32], to: &mut [f32]) {
        let of = |view: &View| data(view.tensor);
        match self {
            Self::Frame | Self::Constant(_) | Self::Images(..) => {}
            Self::Joined(views, axis) => join(views, *axis, of, to),
            &Self::Each(ref view, function) => {
                let from = of(view);
                let mut to = to.iter_mut();
                walk(&view.dims, [&view.strides], [view.first], &mut |[at]| {
                    if let Some(to) = to.next() {
                        *to = function.of(from[at]);
                    }
                });
            }
            &Self::Pairs(ref a, operation, ref b) => pairs((a, of(a)), operation, (b, of(b)), to),
            &Self::Reduced(ref view, reduction, axes) => {
                let (outer, inner) = view.dims.split_at(view.dims.len() - axes);
                let (over, along) = view.strides.split_at(view.dims.len() - axes);
                let (from, mut to) = (of(view), to.iter_mut());
                walk(outer, [over], [view.first], &mut |[at]| {
                    let mut sum = 0.0_f32;
                    walk(inner, [along], [at], &mut |[at]| {
                        sum += if matches!(reduction, Reduction::Norm) { from[at] * from[at] } else { from[at] };
                    });
                    if let Some(to) = to.next() {
                        *to = match reduction {
                            Reduction::Sum => sum,
                            Reduction::Mean => sum / inner.iter().product::<usize>() as f32,
                            Reduction::Norm => sum.sqrt(),
                        };
                    }
                });
            }
            Self::Softmax(view) => rows(view, of(view), to, |row| {
                let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                row.iter_mut().for_each(|x| *x = (*x - largest).exp());
                let sum: f32 = row.iter().sum();
                row.iter_mut().for_each(|x| *x /= sum);
            }),
            Self::Product(view, matrix) => multiply(view, of(view), matrix, to),
        }
    }
}

impl Function {
    fn of(self, x: f32) -> f32 {
        match self {
            // NaN stays NaN.
            Self::Relu => {
                if x < 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Self::Clip(low, high) => {
                let x = if x < low { low } else { x };
                if x > high { high } else { x }
            }
        }
    }
}

fn join<'t>(views: &[View], axis: usize, of: impl Fn(&View) -> &'t [f32], to: &mut [f32]) {
    let mut dims = views[0].dims.clone();
    dims[axis] = views.iter().map(|view| view.dims[axis]).sum();
    let whole = View::whole(0, dims);
    let mut start = 0;
    for view in views {
        let (from, part) = (of(view), whole.narrowed(axis, start, view.dims[axis]));
        start += view.dims[axis];
        walk(&view.dims, [&view.strides, &part.strides], [view.first, part.first], &mut |[from_at, at]| {
            to[at] = from[from_at];
        });
    }
}

fn pairs((a, x): (&View, &[f32]), operation: Operation, (b, y): (&View, &[f32]), to: &mut [f32]) {
    let last = a.dims.len() - 1;
    let (outer, count) = (&a.dims[..last], a.dims[last]);
    let (along_a, along_b) = (a.strides[last], b.strides[last]);
    let mut to = to.chunks_exact_mut(count);
    walk(outer, [&a.strides[..last], &b.strides[..last]], [a.first, b.first], &mut |[a, b]| {
        let Some(to) = to.next() else { return };
        let numbers = to.iter_mut().enumerate().map(|(i, to)| (to, x[a + i * along_a], y[b + i * along_b]));
        match operation {
            Operation::Add => numbers.for_each(|(to, x, y)| *to = x + y),
            Operation::Subtract => numbers.for_each(|(to, x, y)| *to = x - y),
            Operation::Multiply => numbers.for_each(|(to, x, y)| *to = x * y),
            Operation::Divide => numbers.for_each(|(to, x, y)| *to = x / y),
        }
    });
}

/// Copies each row along the last axis, and lets `function` change it.
fn rows(view: &View, from: &[f32], to: &mut [f32], function: impl Fn(&mut [f32])) {
    let last = view.dims.len() - 1;
    let along = view.strides[last];
    let mut to = to.chunks_exact_mut(view.dims[last]);
    walk(&view.dims[..last], [&view.strides[..last]], [view.first], &mut |[at]| {
        let Some(to) = to.next() else { return };
        to.iter_mut().enumerate().for_each(|(i, to)| *to = from[at + i * along]);
        function(to);
    });
}

fn multiply(view: &View, from: &[f32], matrix: &Matrix, to: &mut [f32]) {
    let last = view.dims.len() - 1;
    let along = view.strides[last];
    let mut to = to.chunks_exact_mut(matrix.columns.len());
    walk(&view.dims[..last], [&view.strides[..last]], [view.first], &mut |[at]| {
        let Some(to) = to.next() else { return };
        for (to, column) in to.iter_mut().zip(&matrix.columns) {
            let numbers =
                column.weights.iter().enumerate().map(|(i, &weight)| from[at + (column.first + i) * along] * weight);
            *to = numbers.sum::<f32>() + column.bias;
        }
    });
}
