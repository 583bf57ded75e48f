//! Small dense matrices, row by row, `[D, D]`.

/// Replaces the lower triangle of a symmetric matrix by its Cholesky factor; whether it is positive definite.
pub(crate) fn cholesky(matrix: &mut [f64], dim: usize) -> bool {
    for i in 0..dim {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| matrix[i * dim + k] * matrix[j * dim + k]).sum();
            let rest = matrix[i * dim + j] - dot;
            if i != j {
                matrix[i * dim + j] = rest / matrix[j * dim + j];
            } else if rest > 0.0 && rest.is_finite() {
                matrix[i * dim + i] = rest.sqrt();
            } else {
                return false;
            }
        }
    }
    true
}

/// log|L Lᵀ|.
pub(crate) fn log_determinant(factor: &[f64], dim: usize) -> f64 {
    2.0 * (0..dim).map(|i| factor[i * dim + i].ln()).sum::<f64>()
}

/// L x = b, x for b.
pub(crate) fn solve(lower: &[f64], dim: usize, x: &mut [f64]) {
    for i in 0..dim {
        let known: f64 = (0..i).map(|j| lower[i * dim + j] * x[j]).sum();
        x[i] = (x[i] - known) / lower[i * dim + i];
    }
}

/// Lᵀ x = b, x for b.
pub(crate) fn solve_transposed(lower: &[f64], dim: usize, x: &mut [f64]) {
    for i in (0..dim).rev() {
        let known: f64 = (i + 1..dim).map(|j| lower[j * dim + i] * x[j]).sum();
        x[i] = (x[i] - known) / lower[i * dim + i];
    }
}

/// U x, U upper triangular.
pub(crate) fn upper_times(upper: &[f64], dim: usize, x: &[f64]) -> Vec<f64> {
    (0..dim).map(|i| (i..dim).map(|j| upper[i * dim + j] * x[j]).sum()).collect()
}

/// The upper triangular U with Uᵀ U = C⁻ᵀ A Aᵀ C⁻¹, of lower triangular C and A. With P = Aᵀ C⁻¹ it is the factor R of P's
/// QR decomposition, its diagonal positive; here by way of the Cholesky factor of Pᵀ P.
pub(crate) fn precision_factor(scale: &[f64], bartlett: &[f64], dim: usize) -> Vec<f64> {
    // C⁻¹, lower triangular.
    let mut inverse = vec![0.0; dim * dim];
    for column in 0..dim {
        for i in column..dim {
            let known: f64 = (column..i).map(|k| scale[i * dim + k] * inverse[k * dim + column]).sum();
            let unit = if i == column { 1.0 } else { 0.0 };
            inverse[i * dim + column] = (unit - known) / scale[i * dim + i];
        }
    }
    // P, full.
    let mut p = vec![0.0; dim * dim];
    for i in 0..dim {
        for j in 0..dim {
            p[i * dim + j] = (i.max(j)..dim).map(|k| bartlett[k * dim + i] * inverse[k * dim + j]).sum();
        }
    }
    triangular(&mut p, dim);
    p
}

/// R of the QR decomposition of a square matrix, its diagonal positive, in the matrix's place: Givens rotations.
fn triangular(p: &mut [f64], dim: usize) {
    for column in 0..dim {
        for below in column + 1..dim {
            let (a, b) = (p[column * dim + column], p[below * dim + column]);
            let radius = a.hypot(b);
            if radius == 0.0 || b == 0.0 {
                continue;
            }
            let (cos, sin) = (a / radius, b / radius);
            for j in column..dim {
                let (upper, lower) = (p[column * dim + j], p[below * dim + j]);
                p[column * dim + j] = cos * upper + sin * lower;
                p[below * dim + j] = cos * lower - sin * upper;
            }
        }
        if p[column * dim + column] < 0.0 {
            p[column * dim..(column + 1) * dim].iter_mut().for_each(|value| *value = -*value);
        }
    }
}
