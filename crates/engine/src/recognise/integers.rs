//! Computations of shapes.

use super::value::{Size, Sizes};

/// Sum, difference, product or quotient of two integers, or of an integer with each of a list.
pub fn arithmetic(operator: &str, a: &Sizes, b: &Sizes) -> Result<Sizes, String> {
    let len = a.values.len().max(b.values.len());
    if [a, b].iter().any(|sizes| sizes.values.len() != len && sizes.values.len() != 1) {
        return Err(format!("computes with lists of {} and {} integers", a.values.len(), b.values.len()));
    }
    let of = |sizes: &Sizes, index: usize| sizes.values[index.min(sizes.values.len() - 1)];
    let values = (0..len).map(|index| combined(operator, of(a, index), of(b, index)));
    let values = values.collect::<Option<_>>().ok_or("computes with the batch, or without end")?;
    Ok(Sizes { scalar: a.scalar && b.scalar, values })
}

fn combined(operator: &str, a: Size, b: Size) -> Option<Size> {
    let known = match (operator, a, b) {
        ("Add", Size::Known(a), Size::Known(b)) => a.checked_add(b),
        ("Sub", Size::Known(a), Size::Known(b)) => a.checked_sub(b),
        ("Mul", Size::Known(a), Size::Known(b)) => a.checked_mul(b),
        ("Div", Size::Known(a), Size::Known(b)) => a.checked_div(b),
        _ => None,
    };
    known.map(Size::Known)
}
