//! Packs messages as `openpi_client.msgpack_numpy` does.

use ndarray::ArrayView2;
use rmp::encode::{self, ByteBuf};

/// A message that is written. Writing into memory does not fail.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: ByteBuf,
}

impl Writer {
    /// The head of a map with so many pairs.
    pub fn map(&mut self, pairs: u32) -> &mut Self {
        let _ = encode::write_map_len(&mut self.bytes, pairs);
        self
    }

    /// A text, or a key.
    pub fn text(&mut self, text: &str) -> &mut Self {
        let _ = encode::write_str(&mut self.bytes, text);
        self
    }

    pub fn number(&mut self, number: f64) -> &mut Self {
        let _ = encode::write_f64(&mut self.bytes, number);
        self
    }

    pub fn integer(&mut self, integer: u64) -> &mut Self {
        let _ = encode::write_uint(&mut self.bytes, integer);
        self
    }

    pub fn flag(&mut self, flag: bool) -> &mut Self {
        let _ = encode::write_bool(&mut self.bytes, flag);
        self
    }

    /// The head of an array with so many elements.
    pub fn list(&mut self, length: u32) -> &mut Self {
        let _ = encode::write_array_len(&mut self.bytes, length);
        self
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let _ = encode::write_bin(&mut self.bytes, bytes);
        self
    }

    /// An array of NumPy, `<f8`.
    pub fn array(&mut self, shape: &[usize], numbers: impl Iterator<Item = f64>) -> &mut Self {
        let data: Vec<u8> = numbers.flat_map(f64::to_le_bytes).collect();
        self.map(4).bytes(b"__ndarray__").flag(true).bytes(b"data").bytes(&data).bytes(b"dtype").text("<f8");
        self.bytes(b"shape").list(shape.len() as u32);
        shape.iter().for_each(|side| _ = self.integer(*side as u64));
        self
    }

    /// The same of two dimensions.
    pub fn matrix(&mut self, matrix: ArrayView2<'_, f64>) -> &mut Self {
        self.array(matrix.shape(), matrix.iter().copied())
    }

    /// Values that were packed before.
    pub fn raw(&mut self, packed: &[u8]) -> &mut Self {
        self.bytes.as_mut_vec().extend_from_slice(packed);
        self
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into_vec()
    }
}
