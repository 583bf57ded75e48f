//! A model's file without its large constants, which stay in the file until they are needed.
//!
//! Of a network of a gigabyte nearly all is in a few hundred constants. They are passed over when the graph is decoded, and read when
//! a layer is made of them: so there are never two copies of all, and none where layers have another precision.

use std::io::{self, BufRead as _, BufReader, Read};

use prost::{
    Message as _,
    encoding::{WireType, encode_varint},
};

use crate::{
    OnnxError, ReadError,
    left::{LARGE, Left},
    message::Tensor,
};

/// Bytes that are read at once.
const PIECE: usize = 1 << 16;

/// Fields that lead to the numbers of a graph's constants, and the one that a tensor has in their place.
const GRAPH: u32 = 7;
const INITIALIZER: u32 = 5;
const RAW: u32 = 9;
const LEFT: u32 = 1000;

/// The model of `len` bytes, each large constant of which is replaced by where it lies ([`Left`]). All is read, to the last byte even
/// if it is not understood, and `sink` is given all in order.
///
/// # Errors
/// It cannot be read, or has fewer bytes; or is not as Protocol Buffers are.
pub(crate) fn skim(reader: impl Read, len: usize, sink: impl FnMut(&[u8])) -> Result<Vec<u8>, ReadError> {
    let file = BufReader::with_capacity(PIECE, Tee { reader, sink });
    let mut file = Skimmed { file, position: 0, len: len as u64 };
    let model = file.message(Message::Model, file.len);
    file.skip(file.len - file.position, |_| ())?;
    model
}

/// A reader, and who is given all that is read.
struct Tee<R, F> {
    reader: R,
    sink: F,
}

impl<R: Read, F: FnMut(&[u8])> Read for Tee<R, F> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(to)?;
        (self.sink)(&to[..read]);
        Ok(read)
    }
}

/// The messages on the way to a constant's numbers.
#[derive(Clone, Copy, PartialEq)]
enum Message {
    Model,
    Graph,
    Tensor,
}

impl Message {
    /// The message that a field of this one is, if it is on the way.
    fn at(self, field: u32) -> Option<Self> {
        match (self, field) {
            (Self::Model, GRAPH) => Some(Self::Graph),
            (Self::Graph, INITIALIZER) => Some(Self::Tensor),
            _ => None,
        }
    }
}

struct Skimmed<R> {
    file: BufReader<R>,
    position: u64,
    len: u64,
}

impl<R: Read> Skimmed<R> {
    /// A message of `len` bytes, field by field.
    fn message(&mut self, message: Message, len: u64) -> Result<Vec<u8>, ReadError> {
        let (end, mut out, mut numbers) = (self.position + len, Vec::new(), 0);
        while self.position < end {
            let key = self.varint()?;
            let (field, wire) = (u32::try_from(key >> 3).map_err(|_| damaged())?, key & 7);
            let kind = WireType::try_from(wire).map_err(OnnxError::from)?;
            let is_numbers = message == Message::Tensor && field == RAW;
            // Which of two counts would depend on how the file is read.
            numbers += u32::from(is_numbers);
            if numbers > 1 || message == Message::Tensor && field == LEFT {
                return Err(damaged());
            }
            let len = match kind {
                WireType::Varint => {
                    encode_varint(key, &mut out);
                    encode_varint(self.varint()?, &mut out);
                    continue;
                }
                WireType::ThirtyTwoBit => 4,
                WireType::SixtyFourBit => 8,
                WireType::LengthDelimited => self.varint()?,
                WireType::StartGroup | WireType::EndGroup => return Err(damaged()),
            };
            if len > end.saturating_sub(self.position) {
                return Err(damaged());
            }
            if is_numbers && len >= LARGE {
                let left = Some(self.left(len)?);
                Tensor { left, ..Tensor::default() }.encode_raw(&mut out);
                continue;
            }
            encode_varint(key, &mut out);
            match message.at(field).filter(|_| kind == WireType::LengthDelimited) {
                Some(inner) => {
                    let inner = self.message(inner, len)?;
                    encode_varint(inner.len() as u64, &mut out);
                    out.extend(inner);
                }
                None => {
                    if kind == WireType::LengthDelimited {
                        encode_varint(len, &mut out);
                    }
                    self.skip(len, |bytes| out.extend_from_slice(bytes))?;
                }
            }
        }
        if self.position == end { Ok(out) } else { Err(damaged()) }
    }

    /// Passes over a constant.
    fn left(&mut self, len: u64) -> Result<Left, ReadError> {
        let (at, mut sum) = (self.position, Left::sum());
        self.skip(len, |bytes| sum.update(bytes))?;
        Ok(Left { at, len, sum: sum.finalize() })
    }

    fn varint(&mut self) -> Result<u64, ReadError> {
        let (mut value, mut byte) = (0, [0x80]);
        for shift in (0..u64::BITS).step_by(7) {
            if self.position == self.len {
                return Err(damaged());
            }
            self.file.read_exact(&mut byte)?;
            self.position += 1;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(value);
            }
        }
        Err(damaged())
    }

    /// Reads so many bytes, piece by piece.
    fn skip(&mut self, mut len: u64, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        while len > 0 {
            let piece = self.file.fill_buf()?;
            if piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let piece = &piece[..piece.len().min(usize::try_from(len).unwrap_or(usize::MAX))];
            each(piece);
            let read = piece.len();
            self.file.consume(read);
            self.position += read as u64;
            len -= read as u64;
        }
        Ok(())
    }
}

fn damaged() -> ReadError {
    OnnxError::Damaged.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;
    use crate::message::{FLOAT, GraphProto, Model};

    /// Gives a few bytes at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let some = to.len().min(1000);
            self.0.read(&mut to[..some])
        }
    }

    fn tensor(len: u64) -> Tensor {
        let raw: Vec<u8> = (0..len).map(|at| (at * 7 + at / 251) as u8).collect();
        let dims = vec![len as i64 / 4];
        Tensor { name: "weight".into(), dims, data_type: FLOAT, raw: raw.into(), ..Tensor::default() }
    }

    fn model(tensors: &[Tensor]) -> Vec<u8> {
        let initializers = tensors.iter().map(|tensor| tensor.encode_to_vec().into()).collect();
        let graph =
            GraphProto { name: "graph".into(), nodes: vec![vec![8; 300].into()], initializers, ..Default::default() };
        Model { ir_version: 8, graph: Some(graph), ..Model::default() }.encode_to_vec()
    }

    #[test]
    fn large_constants_stay_where_they_are_and_all_else_is_there() {
        let tensors = [tensor(100), tensor(LARGE), tensor(LARGE - 4), tensor(3 * LARGE)];
        let all = model(&tensors);
        let mut seen = Vec::new();
        let thin = skim(Slow(&all), all.len(), |bytes| seen.extend_from_slice(bytes)).unwrap();
        assert!(seen == all, "a checksum is of all");
        let (thin, whole) = (Model::decode(&thin[..]).unwrap(), Model::decode(&all[..]).unwrap());
        let [thin, whole] = [thin, whole].map(|model| (model.ir_version, model.graph.unwrap()));
        assert_eq!((thin.0, &thin.1.name, &thin.1.nodes), (whole.0, &whole.1.name, &whole.1.nodes));
        for (thin, whole) in thin.1.initializers.iter().zip(&tensors) {
            let thin = Tensor::decode(thin.clone()).unwrap();
            match &thin.left {
                Some(left) => {
                    let raw = &all[left.at as usize..][..left.len as usize];
                    assert!(thin.raw.is_empty() && raw == whole.raw && raw.len() as u64 >= LARGE);
                    assert_eq!(Tensor { left: None, raw: whole.raw.clone(), ..thin }, *whole);
                }
                None => assert!(thin == *whole && (thin.raw.len() as u64) < LARGE),
            }
        }
    }

    #[test]
    fn a_file_that_is_shorter_than_it_was_is_told() {
        let all = model(&[tensor(2 * LARGE)]);
        for there in [0, 10, all.len() / 2, all.len() - 1] {
            let error = skim(Slow(&all[..there]), all.len(), |_| ()).unwrap_err();
            assert!(matches!(&error, ReadError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof), "{error}");
        }
    }

    #[test]
    fn what_is_damaged_is_refused_and_read_to_its_end() {
        let twice = [tensor(8).encode_to_vec(), tensor(LARGE).encode_to_vec()].concat();
        let foreign = Tensor { left: Some(Left { at: 0, len: 4, sum: 0 }), ..Tensor::default() };
        let graph = |tensor: Vec<u8>| {
            let graph = GraphProto { initializers: vec![tensor.into()], ..Default::default() };
            Model { graph: Some(graph), ..Model::default() }.encode_to_vec()
        };
        let mut long = model(&[tensor(8)]);
        long[3] = 0xff;
        for bytes in [
            graph(twice),
            graph(foreign.encode_to_vec()),
            long,
            vec![0xff; 30],
            vec![3, 0, 0],
            vec![8],
            b"no model".to_vec(),
        ] {
            let mut seen = Vec::new();
            let error = skim(&bytes[..], bytes.len(), |piece| seen.extend_from_slice(piece)).unwrap_err();
            assert!(matches!(error, ReadError::Onnx(_)) && seen == bytes, "{error}");
        }
    }
}
