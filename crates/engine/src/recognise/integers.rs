//! Computations with shapes and other integers.

use parapolicy_onnx::message::Node;

use super::{
    reader::{LONGEST_LIST, Reader, constant},
    value::{Size, Sizes, Value},
};

impl Reader<'_> {
    /// A list of equal integers, as long as the input says.
    pub fn constant_of_shape(&self, node: &Node) -> Result<Value, String> {
        let len = self.integers(node, 0, "")?.unwrap_or_default();
        let value = node.tensor("value").map(|tensor| constant(tensor.constant())).transpose()?;
        match (len.as_slice(), value) {
            (&[len], Some(Value::Sizes(value))) if (0..=LONGEST_LIST as i64).contains(&len) => {
                let value = *value.values.first().ok_or("has no value")?;
                Ok(Value::Sizes(Sizes::list(vec![value; len as usize])))
            }
            _ => Err("makes something else than a list of integers".into()),
        }
    }

    /// The second list where the first is not 0, and else the third.
    pub fn choice(&self, node: &Node) -> Result<Value, String> {
        let [condition, then, other] = [0, 1, 2].map(|index| match self.input(node, index)? {
            Value::Sizes(sizes) => Ok(sizes.values),
            _ => Err(format!("input {index} is no list of integers")),
        });
        let (condition, then, other) = (condition?, then?, other?);
        if condition.len() != then.len() || condition.len() != other.len() {
            return Err("chooses among lists of different lengths".into());
        }
        let chosen = condition.iter().zip(then.iter().zip(&other));
        let chosen = chosen.map(|(&condition, (&then, &other))| if condition == Size::Known(0) { other } else { then });
        Ok(Value::Sizes(Sizes::list(chosen.collect())))
    }
}

/// Sum, difference, product, quotient, rest or equality of two integers, or of an integer with each of a list.
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
    // As many times the batch.
    let times =
        |rows: usize, by: i64| Some(Size::Batch(rows.checked_mul(usize::try_from(by).ok().filter(|&by| by > 0)?)?));
    let known = match (operator, a, b) {
        ("Mul", Size::Batch(rows), Size::Known(by)) | ("Mul", Size::Known(by), Size::Batch(rows)) => {
            return times(rows, by);
        }
        ("Add", Size::Known(a), Size::Known(b)) => a.checked_add(b),
        ("Sub", Size::Known(a), Size::Known(b)) => a.checked_sub(b),
        ("Mul", Size::Known(a), Size::Known(b)) => a.checked_mul(b),
        ("Div", Size::Known(a), Size::Known(b)) => a.checked_div(b),
        // Of negative integers there are two rests.
        ("Mod", Size::Known(a @ 0..), Size::Known(b @ 1..)) => a.checked_rem(b),
        ("Equal", Size::Known(a), Size::Known(b)) => Some(i64::from(a == b)),
        // A batch has rows, so it is no mark such as -1.
        ("Equal", Size::Batch(_), Size::Known(..=0)) | ("Equal", Size::Known(..=0), Size::Batch(_)) => Some(0),
        _ => None,
    };
    known.map(Size::Known)
}
