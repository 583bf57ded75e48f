//! A file as a buffer that Protocol Buffers are decoded from while it is read, from its first byte to its last.
//!
//! A constant's bytes become memory of their own, which is freed with the constant. A file that was read whole would be kept
//! until the last of its constants is used.

use std::io::{self, Read};

use prost::bytes::{Buf, Bytes};

/// Bytes that are read at once where they are not a constant's.
const PIECE: usize = 1 << 16;

/// A file of a stated length, being read. If it cannot be read, what follows is zeros, which are no message.
pub(crate) struct Stream<R, F> {
    reader: R,
    /// Is given all that is read, in order.
    sink: F,
    /// Read, and not decoded yet: those from `start` on.
    piece: Vec<u8>,
    start: usize,
    /// Not read yet.
    unread: usize,
    error: Option<io::Error>,
}

impl<R: Read, F: FnMut(Bytes)> Stream<R, F> {
    /// `len` bytes of the reader; `sink` is given them as they are read.
    pub fn new(reader: R, len: usize, sink: F) -> Self {
        let mut stream = Self { reader, sink, piece: Vec::new(), start: 0, unread: len, error: None };
        stream.fill();
        stream
    }

    /// Reads what was not decoded, if anything was left, and says whether all could be read.
    pub fn finish(mut self) -> io::Result<()> {
        while self.has_remaining() && self.error.is_none() {
            self.advance(self.piece.len() - self.start);
        }
        self.error.map_or(Ok(()), Err)
    }

    /// Reads the next piece if the last one is used up.
    fn fill(&mut self) {
        if self.start == self.piece.len() {
            self.start = 0;
            let mut piece = std::mem::take(&mut self.piece);
            piece.resize(self.unread.min(PIECE), 0);
            self.read(&mut piece);
            (self.sink)(Bytes::copy_from_slice(&piece));
            self.piece = piece;
        }
    }

    /// Reads so many bytes.
    fn read(&mut self, to: &mut [u8]) {
        self.unread -= to.len();
        if self.error.is_none() {
            self.error = self.reader.read_exact(to).err();
        }
        if self.error.is_some() {
            to.fill(0);
        }
    }
}

impl<R: Read, F: FnMut(Bytes)> Buf for Stream<R, F> {
    fn remaining(&self) -> usize {
        self.piece.len() - self.start + self.unread
    }

    fn chunk(&self) -> &[u8] {
        &self.piece[self.start..]
    }

    fn advance(&mut self, mut count: usize) {
        while count > 0 && self.has_remaining() {
            let here = count.min(self.piece.len() - self.start);
            self.start += here;
            count -= here;
            self.fill();
        }
    }

    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        // No more than there is, whatever is asked for.
        let mut bytes = vec![0; len.min(self.remaining())];
        let here = bytes.len().min(self.piece.len() - self.start);
        let (first, rest) = bytes.split_at_mut(here);
        first.copy_from_slice(&self.piece[self.start..][..here]);
        self.start += here;
        self.read(rest);
        let bytes = Bytes::from(bytes);
        (self.sink)(bytes.slice(here..));
        self.fill();
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time, and fails after some.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let some = to.len().min(1000);
            self.0.read(&mut to[..some])
        }
    }

    fn numbers(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
    }

    #[test]
    fn all_bytes_come_in_order_however_they_are_taken() {
        let all = numbers(5 * PIECE + 17);
        for taken in [1, 100, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 9 * PIECE] {
            let mut seen = Vec::new();
            let mut stream = Stream::new(Slow(&all), all.len(), |bytes: Bytes| seen.extend_from_slice(&bytes));
            let mut found = stream.copy_to_bytes(3).to_vec();
            while stream.has_remaining() {
                found.push(stream.get_u8());
                let bytes = stream.copy_to_bytes(taken.min(stream.remaining()));
                found.extend(bytes);
            }
            stream.finish().unwrap();
            assert!(found == all && seen == all, "by {taken}");
        }
    }

    #[test]
    fn a_file_that_is_shorter_than_it_was_is_told() {
        for there in [0, 10, PIECE, PIECE + 10, 3 * PIECE] {
            let all = numbers(there);
            let mut stream = Stream::new(Slow(&all), 4 * PIECE, drop);
            assert_eq!(stream.copy_to_bytes(2 * PIECE).len(), 2 * PIECE);
            assert_eq!(stream.remaining(), 2 * PIECE);
            assert_eq!(stream.finish().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
