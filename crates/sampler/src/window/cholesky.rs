//! Small positive definite systems, solved in place.

/// Replaces the lower triangle of a positive definite matrix, `n` rows `stride` apart, by its Cholesky factor.
pub(super) fn factorise(matrix: &mut [f64], stride: usize, n: usize) {
    for i in 0..n {
        let (above, row) = matrix.split_at_mut(i * stride);
        for k in 0..i {
            let other = &above[k * stride..=k * stride + k];
            row[k] = (row[k] - dot(&row[..k], &other[..k])) / other[k];
        }
        row[i] = (row[i] - dot(&row[..i], &row[..i])).sqrt();
    }
}

/// Solves L Lᵀ Z = Y in place, the rows of Y being `width` wide.
pub(super) fn substitute(factor: &[f64], stride: usize, rows: &mut [f64], width: usize) {
    let n = rows.len() / width;
    for i in 0..n {
        let (above, row) = rows.split_at_mut(i * width);
        for (k, other) in above.chunks_exact(width).enumerate() {
            add_scaled(&mut row[..width], -factor[i * stride + k], other);
        }
        row[..width].iter_mut().for_each(|value| *value /= factor[i * stride + i]);
    }
    for i in (0..n).rev() {
        let (above, row) = rows.split_at_mut(i * width);
        let row = &mut row[..width];
        row.iter_mut().for_each(|value| *value /= factor[i * stride + i]);
        for (k, other) in above.chunks_exact_mut(width).enumerate() {
            add_scaled(other, -factor[i * stride + k], row);
        }
    }
}

/// a · b, in four sums, which the processor adds side by side.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    let sums = a.zip(b).fold([0.0; 4], |sums, (a, b)| std::array::from_fn(|i| sums[i] + a[i] * b[i]));
    sums.iter().sum::<f64>() + rest
}

/// Adds `scale` times `from` to `to`.
pub(super) fn add_scaled(to: &mut [f64], scale: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += scale * from);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_a_system_that_was_built_from_its_answer() {
        // Rows four apart, of which three are the matrix; the upper triangle is not read.
        let mut matrix = [4.0, 9.0, 9.0, 9.0, 2.0, 5.0, 9.0, 9.0, 1.0, 3.0, 6.0, 9.0];
        let answer = [[1.0, -2.0], [0.5, 0.0], [3.0, 1.0]];
        let full = [[4.0, 2.0, 1.0], [2.0, 5.0, 3.0], [1.0, 3.0, 6.0]];
        let mut rows: Vec<f64> = Vec::new();
        for line in full {
            rows.extend((0..2).map(|column| (0..3).map(|k| line[k] * answer[k][column]).sum::<f64>()));
        }
        factorise(&mut matrix, 4, 3);
        substitute(&matrix, 4, &mut rows, 2);
        assert!(rows.iter().zip(answer.iter().flatten()).all(|(found, expected)| (found - expected).abs() < 1e-12));
    }
}
