//! The data, in blocks: column after column within a block, so that a loop over the points of a block is vectorised.

use ndarray::ArrayView2;

use crate::error::ModesError;

/// Points of a block. A multiple of every vector width; 256 values of a column are 2 KiB.
pub(crate) const BLOCK: usize = 256;

/// Points, `[n, D]`.
#[derive(Clone, Debug)]
pub struct Points {
    len: usize,
    dim: usize,
    /// Block after block, `[D, BLOCK]` each; the last is filled up with zeros.
    columns: Vec<f64>,
}

impl Points {
    /// Takes over `rows`, `[n, D]`.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if there is no column, or a value is not finite. There may be no points: what is drawn then is the prior.
    pub fn new(rows: ArrayView2<'_, f64>) -> Result<Self, ModesError> {
        let (len, dim) = rows.dim();
        if dim == 0 {
            return Err(ModesError::Shape { field: "points", what: "columns", expected: 1, found: 0 });
        }
        if u32::try_from(len).is_err() {
            return Err(ModesError::out_of_range("points", len, "at most 4294967295"));
        }
        let mut columns = vec![0.0; len.div_ceil(BLOCK) * BLOCK * dim];
        for ((point, column), &value) in rows.indexed_iter() {
            if !value.is_finite() {
                return Err(ModesError::Point { point, column, value, expected: "finite" });
            }
            columns[place(dim, point, column)] = value;
        }
        Ok(Self { len, dim, columns })
    }

    /// How many there are, `n`.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Numbers in a point, `D`.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Value `column` of a point.
    pub fn value(&self, point: usize, column: usize) -> f64 {
        self.columns[place(self.dim, point, column)]
    }

    /// Writes a point into `row`, `[D]`.
    pub fn copy(&self, point: usize, row: &mut [f64]) {
        row.iter_mut().enumerate().for_each(|(column, value)| *value = self.value(point, column));
    }

    /// Block `index`.
    pub(crate) fn block(&self, index: usize) -> Block<'_> {
        let size = BLOCK * self.dim;
        Block { len: (self.len - index * BLOCK).min(BLOCK), columns: &self.columns[index * size..][..size] }
    }
}

fn place(dim: usize, point: usize, column: usize) -> usize {
    (point / BLOCK * dim + column) * BLOCK + point % BLOCK
}

/// Consecutive points.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    len: usize,
    columns: &'a [f64],
}

impl<'a> Block<'a> {
    /// How many points there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value `column` of every point, filled up with zeros to the room of a block.
    pub fn column(&self, column: usize) -> &'a [f64; BLOCK] {
        self.columns[column * BLOCK..].first_chunk().unwrap_or(&[0.0; BLOCK])
    }

    /// Writes point `index` into `row`, `[D]`.
    pub fn copy(&self, index: usize, row: &mut [f64]) {
        row.iter_mut().enumerate().for_each(|(column, value)| *value = self.columns[column * BLOCK + index]);
    }
}

/// Points from anywhere, as a block.
pub(crate) struct Gathered {
    dim: usize,
    columns: Vec<f64>,
}

impl Gathered {
    pub fn new(dim: usize) -> Self {
        Self { dim, columns: vec![0.0; BLOCK * dim] }
    }

    /// Up to [`BLOCK`] points.
    pub fn gather(&mut self, points: &Points, indices: &[u32]) -> Block<'_> {
        for (column, values) in self.columns.chunks_exact_mut(BLOCK).enumerate().take(self.dim) {
            values.iter_mut().zip(indices).for_each(|(value, index)| *value = points.value(*index as usize, column));
        }
        Block { len: indices.len(), columns: &self.columns }
    }
}
