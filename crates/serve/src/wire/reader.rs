//! The elements of MessagePack, one after the other.

use rmp::Marker;

/// Why a message cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// It ends before it is whole.
    #[error("it ends at byte {0}, before it is whole")]
    Short(usize),
    /// Bytes follow it.
    #[error("bytes follow it from {0} on")]
    Trailing(usize),
    /// It is something else than is expected there.
    #[error("at byte {at} there is {found}, but must be {expected}")]
    Unexpected {
        /// Where.
        at: usize,
        /// What is there.
        found: &'static str,
        /// What must be there.
        expected: &'static str,
    },
    /// A text that is not UTF-8.
    #[error("the text at byte {0} is not UTF-8")]
    Text(usize),
    /// Maps in maps in maps.
    #[error("at byte {at} a map lies in more than {most} others")]
    Deep {
        /// Where.
        at: usize,
        /// How many may lie in each other.
        most: usize,
    },
    /// A key of absurd length.
    #[error("the key at byte {at} is longer than {most} bytes")]
    Key {
        /// Where.
        at: usize,
        /// Bytes that a key may have.
        most: usize,
    },
    /// An array that is not what its fields say.
    #[error("{key}: {problem}")]
    Array {
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// An element: a whole value, or the head of an array or map with the number of what follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item<'a> {
    Nil,
    Flag(bool),
    Number(f64),
    /// An integer; all that 64 bits have.
    Integer(i128),
    Text(&'a str),
    Bytes(&'a [u8]),
    Array(u32),
    Map(u32),
    Extension,
}

impl Item<'_> {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Flag(_) => "a flag",
            Self::Number(_) => "a number",
            Self::Integer(_) => "an integer",
            Self::Text(_) => "a text",
            Self::Bytes(_) => "bytes",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
            Self::Extension => "an extension",
        }
    }
}

/// Reads a message in place.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Where the next element begins.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(WireError::Short(self.bytes.len()))?;
        Ok(&self.bytes[std::mem::replace(&mut self.at, end)..end])
    }

    fn word<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let mut word = [0; N];
        word.copy_from_slice(self.take(N)?);
        Ok(word)
    }

    fn length(&mut self, width: usize) -> Result<u32, WireError> {
        Ok(self.take(width)?.iter().fold(0, |length, byte| length << 8 | u32::from(*byte)))
    }

    fn text(&mut self, length: u32) -> Result<Item<'a>, WireError> {
        let at = self.at;
        std::str::from_utf8(self.take(length as usize)?).map(Item::Text).map_err(|_| WireError::Text(at))
    }

    fn bytes(&mut self, width: usize) -> Result<Item<'a>, WireError> {
        let length = self.length(width)?;
        self.take(length as usize).map(Item::Bytes)
    }

    /// The data of an extension, and its type.
    fn extension(&mut self, length: u32) -> Result<Item<'a>, WireError> {
        self.take(length as usize + 1).map(|_| Item::Extension)
    }

    /// The next element.
    pub fn next(&mut self) -> Result<Item<'a>, WireError> {
        let marker = Marker::from_u8(self.take(1)?[0]);
        Ok(match marker {
            Marker::Null => Item::Nil,
            Marker::Reserved => {
                let at = self.at - 1;
                return Err(WireError::Unexpected { at, found: "the byte that is never used", expected: "a value" });
            }
            Marker::False => Item::Flag(false),
            Marker::True => Item::Flag(true),
            Marker::FixPos(value) => Item::Integer(value.into()),
            Marker::FixNeg(value) => Item::Integer(value.into()),
            Marker::U8 => Item::Integer(u8::from_be_bytes(self.word()?).into()),
            Marker::U16 => Item::Integer(u16::from_be_bytes(self.word()?).into()),
            Marker::U32 => Item::Integer(u32::from_be_bytes(self.word()?).into()),
            Marker::U64 => Item::Integer(u64::from_be_bytes(self.word()?).into()),
            Marker::I8 => Item::Integer(i8::from_be_bytes(self.word()?).into()),
            Marker::I16 => Item::Integer(i16::from_be_bytes(self.word()?).into()),
            Marker::I32 => Item::Integer(i32::from_be_bytes(self.word()?).into()),
            Marker::I64 => Item::Integer(i64::from_be_bytes(self.word()?).into()),
            Marker::F32 => Item::Number(f32::from_be_bytes(self.word()?).into()),
            Marker::F64 => Item::Number(f64::from_be_bytes(self.word()?)),
            Marker::FixStr(length) => self.text(length.into())?,
            Marker::Str8 => self.length(1).and_then(|length| self.text(length))?,
            Marker::Str16 => self.length(2).and_then(|length| self.text(length))?,
            Marker::Str32 => self.length(4).and_then(|length| self.text(length))?,
            Marker::Bin8 => self.bytes(1)?,
            Marker::Bin16 => self.bytes(2)?,
            Marker::Bin32 => self.bytes(4)?,
            Marker::FixArray(length) => Item::Array(length.into()),
            Marker::Array16 => Item::Array(self.length(2)?),
            Marker::Array32 => Item::Array(self.length(4)?),
            Marker::FixMap(length) => Item::Map(length.into()),
            Marker::Map16 => Item::Map(self.length(2)?),
            Marker::Map32 => Item::Map(self.length(4)?),
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Ext8 => self.length(1).and_then(|length| self.extension(length))?,
            Marker::Ext16 => self.length(2).and_then(|length| self.extension(length))?,
            Marker::Ext32 => self.length(4).and_then(|length| self.extension(length))?,
        })
    }

    /// The next element, which must be the head of a map.
    pub fn map(&mut self) -> Result<u32, WireError> {
        let at = self.at;
        match self.next()? {
            Item::Map(length) => Ok(length),
            other => Err(WireError::Unexpected { at, found: other.name(), expected: "a map" }),
        }
    }

    /// A key: a text, or bytes as NumPy's arrays have them.
    pub fn key(&mut self) -> Result<&'a str, WireError> {
        const MOST: usize = 256;
        let at = self.at;
        let key = match self.next()? {
            Item::Text(key) => key,
            Item::Bytes(key) if key.len() <= MOST => std::str::from_utf8(key).map_err(|_| WireError::Text(at))?,
            Item::Bytes(_) => return Err(WireError::Key { at, most: MOST }),
            other => return Err(WireError::Unexpected { at, found: other.name(), expected: "a key" }),
        };
        if key.len() <= MOST { Ok(key) } else { Err(WireError::Key { at, most: MOST }) }
    }

    /// Passes over a value, however deep it is: each of its elements takes a byte at least, so that it ends.
    pub fn skip(&mut self) -> Result<(), WireError> {
        let mut left = 1_u64;
        while left > 0 {
            left -= 1;
            match self.next()? {
                Item::Array(length) => left += u64::from(length),
                Item::Map(length) => left += 2 * u64::from(length),
                _ => {}
            }
        }
        Ok(())
    }
}
