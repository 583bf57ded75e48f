//! NumPy's arrays and scalars.

use super::reader::{Item, Reader, WireError};

/// Dimensions that an array may have.
const MOST_DIMENSIONS: usize = 8;

/// Types of numbers, in either order of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    F32,
    F64,
}

/// A value of a request.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Array(Array<'a>),
    Number(f64),
    Integer(i128),
    Flag(bool),
    Text,
    Nil,
    /// Nothing that is made use of.
    Other(&'static str),
}

/// An array, in place: as many bytes as shape and type say.
#[derive(Clone, Copy, Debug)]
pub struct Array<'a> {
    data: Data<'a>,
    shape: [usize; MOST_DIMENSIONS],
    dimensions: usize,
}

#[derive(Clone, Copy, Debug)]
enum Data<'a> {
    /// Of NumPy.
    Raw { bytes: &'a [u8], kind: Kind, little: bool },
    /// A list of MessagePack's numbers.
    List(Reader<'a>),
}

impl Kind {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "b1" => Self::Bool,
            "u1" => Self::U8,
            "u2" => Self::U16,
            "u4" => Self::U32,
            "u8" => Self::U64,
            "i1" => Self::I8,
            "i2" => Self::I16,
            "i4" => Self::I32,
            "i8" => Self::I64,
            "f4" => Self::F32,
            "f8" => Self::F64,
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// A number of as many bytes as it has.
    fn number(self, bytes: &[u8], little: bool) -> f64 {
        // Little end first, filled up with zeros.
        let mut word = [0; 8];
        let word_of = &mut word[..bytes.len().min(8)];
        word_of.copy_from_slice(&bytes[..word_of.len()]);
        if !little {
            word_of.reverse();
        }
        let unsigned = u64::from_le_bytes(word);
        match self {
            Self::Bool => f64::from(u8::from(unsigned != 0)),
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => unsigned as f64,
            // The sign is in the last of its bytes.
            Self::I8 | Self::I16 | Self::I32 | Self::I64 => {
                let unused = 64 - 8 * self.size() as u32;
                (((unsigned << unused) as i64) >> unused) as f64
            }
            Self::F32 => f32::from_bits(unsigned as u32).into(),
            Self::F64 => f64::from_bits(unsigned),
        }
    }
}

impl<'a> Array<'a> {
    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape[..self.dimensions]
    }

    /// Whether its numbers are bytes, as those of images are.
    pub fn is_bytes(&self) -> bool {
        matches!(self.data, Data::Raw { kind: Kind::U8, .. })
    }

    /// Its numbers, in row-major order.
    pub fn numbers(&self) -> impl Iterator<Item = f64> + use<'a> {
        let (raw, list) = match self.data {
            Data::Raw { bytes, kind, little } => {
                (Some(bytes.chunks_exact(kind.size()).map(move |bytes| kind.number(bytes, little))), None)
            }
            Data::List(reader) => (None, Some((reader, self.shape[0]))),
        };
        let list = list.into_iter().flat_map(|(mut reader, length)| {
            (0..length).map_while(move |_| match reader.next() {
                Ok(Item::Number(number)) => Some(number),
                Ok(Item::Integer(number)) => Some(number as f64),
                _ => None,
            })
        });
        raw.into_iter().flatten().chain(list)
    }

    /// The fields of `{__ndarray__: true, data, dtype, shape}`, of which `fields` are left after the first.
    fn numpy(reader: &mut Reader<'a>, fields: u32, wrong: &dyn Fn(String) -> WireError) -> Result<Self, WireError> {
        let (mut data, mut kind, mut shape) = (None, None, None);
        for _ in 0..fields {
            match reader.key()? {
                "data" => match reader.next()? {
                    Item::Bytes(bytes) => data = Some(bytes),
                    other => return Err(wrong(format!("data is {}, but must be bytes", other.name()))),
                },
                "dtype" => kind = Some(kind_of(reader, wrong)?),
                "shape" => shape = Some(shape_of(reader, wrong)?),
                _ => reader.skip()?,
            }
        }
        let missing = |field: &str| wrong(format!("{field} is missing"));
        let bytes = data.ok_or_else(|| missing("data"))?;
        let (kind, little) = kind.ok_or_else(|| missing("dtype"))?;
        let (shape, dimensions) = shape.ok_or_else(|| missing("shape"))?;
        let numbers = shape[..dimensions].iter().try_fold(1_usize, |count, side| count.checked_mul(*side));
        if numbers.and_then(|count| count.checked_mul(kind.size())) != Some(bytes.len()) {
            let shape = &shape[..dimensions];
            return Err(wrong(format!(
                "data has {} bytes, which is not what shape {shape:?} and dtype say",
                bytes.len()
            )));
        }
        Ok(Self { data: Data::Raw { bytes, kind, little }, shape, dimensions })
    }

    /// A list of numbers.
    fn list(reader: &mut Reader<'a>, length: u32) -> Result<Option<Self>, WireError> {
        let first = *reader;
        let mut are_numbers = true;
        for _ in 0..length {
            let mut ahead = *reader;
            are_numbers &= matches!(ahead.next()?, Item::Number(_) | Item::Integer(_));
            reader.skip()?;
        }
        let mut shape = [0; MOST_DIMENSIONS];
        shape[0] = length as usize;
        Ok(are_numbers.then_some(Self { data: Data::List(first), shape, dimensions: 1 }))
    }
}

fn kind_of(reader: &mut Reader<'_>, wrong: &dyn Fn(String) -> WireError) -> Result<(Kind, bool), WireError> {
    let name = match reader.next()? {
        Item::Text(name) => name,
        Item::Bytes(name) => std::str::from_utf8(name).unwrap_or_default(),
        other => return Err(wrong(format!("dtype is {}, but must be a text", other.name()))),
    };
    let (order, kind) = name.split_at_checked(1).unwrap_or_default();
    let unknown = || {
        let name: String = name.chars().take(16).collect();
        wrong(format!("dtype {name:?} is not supported; use float32, float64, an integer type or bool"))
    };
    let kind = Kind::parse(kind).ok_or_else(unknown)?;
    match order {
        "<" | "|" | "=" => Ok((kind, true)),
        ">" => Ok((kind, false)),
        _ => Err(unknown()),
    }
}

fn shape_of(
    reader: &mut Reader<'_>,
    wrong: &dyn Fn(String) -> WireError,
) -> Result<([usize; MOST_DIMENSIONS], usize), WireError> {
    let length = match reader.next()? {
        Item::Array(length) => length as usize,
        other => return Err(wrong(format!("shape is {}, but must be an array", other.name()))),
    };
    let mut shape = [0; MOST_DIMENSIONS];
    let Some(sides) = shape.get_mut(..length) else {
        return Err(wrong(format!("shape has {length} dimensions, but may have {MOST_DIMENSIONS}")));
    };
    for side in sides {
        let found = reader.next()?;
        *side = match found {
            Item::Integer(side) => usize::try_from(side).ok(),
            _ => None,
        }
        .ok_or_else(|| wrong("shape must hold numbers that are not negative".to_owned()))?;
    }
    Ok((shape, length))
}

/// A map that is an array or a scalar of NumPy, by its first key, of which `fields` are left: its value.
pub fn numpy<'a>(reader: &mut Reader<'a>, first: &str, fields: u32, key: &str) -> Result<Option<Value<'a>>, WireError> {
    let wrong = |problem: String| WireError::Array { key: key.to_owned(), problem };
    match first {
        "__ndarray__" => {
            reader.skip()?;
            Array::numpy(reader, fields, &wrong).map(Value::Array).map(Some)
        }
        "__npgeneric__" => {
            reader.skip()?;
            let mut scalar = None;
            for _ in 0..fields {
                match reader.key()? {
                    "data" => scalar = Some(plain(reader.next()?)),
                    _ => reader.skip()?,
                }
            }
            scalar.ok_or_else(|| wrong("data is missing".to_owned())).map(Some)
        }
        _ => Ok(None),
    }
}

/// A value that is neither a map nor an array.
fn plain(item: Item<'_>) -> Value<'_> {
    match item {
        Item::Number(number) => Value::Number(number),
        Item::Integer(number) => Value::Integer(number),
        Item::Flag(flag) => Value::Flag(flag),
        Item::Text(_) => Value::Text,
        Item::Nil => Value::Nil,
        other => Value::Other(other.name()),
    }
}

/// A value whose first element was read.
pub fn value<'a>(reader: &mut Reader<'a>, item: Item<'a>) -> Result<Value<'a>, WireError> {
    match item {
        Item::Array(length) => {
            Ok(Array::list(reader, length)?.map_or(Value::Other("a list of other things than numbers"), Value::Array))
        }
        item => Ok(plain(item)),
    }
}

impl Value<'_> {
    /// What it is.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Array(_) => "an array",
            Self::Number(_) | Self::Integer(_) => "a number",
            Self::Flag(_) => "a flag",
            Self::Text => "a text",
            Self::Nil => "nil",
            Self::Other(name) => name,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_type_are_read_in_both_orders() {
        let read = |name: &str, bytes: &[u8], little| Kind::parse(name).unwrap().number(bytes, little);
        assert_eq!(read("i1", &[0xff], true), -1.0);
        assert_eq!(read("u1", &[0xff], true), 255.0);
        assert_eq!(read("i2", &[0xfe, 0xff], true), -2.0);
        assert_eq!(read("i2", &[0xff, 0xfe], false), -2.0);
        assert_eq!(read("u4", &[0, 0, 1, 0], false), 256.0);
        assert_eq!(read("i8", &(-3_i64).to_le_bytes(), true), -3.0);
        assert_eq!(read("f4", &0.5_f32.to_be_bytes(), false), 0.5);
        assert_eq!(read("f8", &(-0.25_f64).to_le_bytes(), true), -0.25);
        assert_eq!(read("b1", &[1], true), 1.0);
    }
}
