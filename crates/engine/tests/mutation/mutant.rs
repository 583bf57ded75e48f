//! Mutations of ONNX files, mostly of the graph's structure rather than of its weights.

use std::ops::Range;

use rand::{Rng as _, RngExt as _};
use rand_chacha::ChaCha8Rng;

/// A file, divided: the elements of the graph, and what is before and after the graph.
pub struct Mutant<'a> {
    before: &'a [u8],
    /// Tag and content of nodes, constants, inputs.
    fields: Vec<(u64, &'a [u8])>,
    after: &'a [u8],
}

/// Numbers that checks of sizes are about.
const NUMBERS: [u64; 8] = [0, 1, 2, 127, 1 << 20, u32::MAX as u64, i64::MAX as u64, u64::MAX];

const GRAPH: u64 = 7;

impl<'a> Mutant<'a> {
    pub fn new(file: &'a [u8]) -> Self {
        let (mut before, mut graph) = (0, 0..file.len());
        for (tag, whole, body) in fields(file, 0..file.len()) {
            if tag == GRAPH {
                (before, graph) = (whole.start, body);
            }
        }
        let fields = fields(file, graph.clone()).into_iter().map(|(tag, _, body)| (tag, &file[body])).collect();
        Self { before: &file[..before], fields, after: &file[graph.end..] }
    }

    /// One of the many files that are nearly this one.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let mut fields = self.fields.clone();
        let mut changed = vec![];
        for _ in 0..rng.random_range(1..4) {
            let (at, from) = (rng.random_range(0..fields.len()), rng.random_range(0..fields.len()));
            match rng.random_range(0..8) {
                // One in place of another, before it, or not at all.
                0 => fields[at] = fields[from],
                1 => fields.insert(at, fields[from]),
                2 => drop(fields.remove(at)),
                _ => changed.push((fields[at].1.as_ptr(), damaged(fields[at].1.to_vec(), rng))),
            }
        }
        let fields: Vec<(u64, &[u8])> = fields
            .into_iter()
            .map(|(tag, body)| {
                let new = changed.iter().find(|(old, _)| *old == body.as_ptr());
                (tag, new.map_or(body, |(_, new)| new))
            })
            .collect();
        let len = |varint: u64| varint.max(1).ilog2() as usize / 7 + 1;
        let graph = fields.iter().map(|(tag, body)| len(tag << 3) + len(body.len() as u64) + body.len()).sum::<usize>();
        // Megabytes of weights: copied once.
        let mut file = Vec::with_capacity(self.before.len() + graph + self.after.len() + 32);
        file.extend(self.before);
        push(&mut file, GRAPH << 3 | 2);
        push(&mut file, graph as u64);
        for (tag, body) in fields {
            put(&mut file, tag, body);
        }
        file.extend(self.after);
        if rng.random_ratio(1, 16) { damaged(file, rng) } else { file }
    }
}

/// The bytes, with a few of the first of them changed, added or taken away: there are the names and the sizes.
fn damaged(mut bytes: Vec<u8>, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let at = rng.random_range(0..bytes.len().clamp(1, 160));
    let end = (at + rng.random_range(1..6)).min(bytes.len());
    match rng.random_range(0..16) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at.min(end)..end)),
        2..5 => {
            let mut number = vec![];
            push(&mut number, NUMBERS[rng.random_range(0..NUMBERS.len())]);
            let end = (at + if rng.random() { 1 } else { number.len() }).min(bytes.len());
            bytes.splice(at.min(end)..end, number);
        }
        5..8 => rng.fill_bytes(&mut bytes[at.min(end)..end]),
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.random_range(0..8);
            }
        }
    }
    bytes
}

/// The fields of bytes in a message: tag, the whole field, and its content. Ends at any other kind of field but numbers.
fn fields(file: &[u8], message: Range<usize>) -> Vec<(u64, Range<usize>, Range<usize>)> {
    let mut found = vec![];
    let mut at = message.start;
    while at < message.end {
        let start = at;
        let key = pull(file, &mut at);
        match key & 7 {
            0 => drop(pull(file, &mut at)),
            2 => {
                let len = pull(file, &mut at) as usize;
                found.push((key >> 3, start..at + len, at..at + len));
                at += len;
            }
            _ => break,
        }
    }
    found
}

fn put(file: &mut Vec<u8>, tag: u64, body: &[u8]) {
    push(file, tag << 3 | 2);
    push(file, body.len() as u64);
    file.extend(body);
}

fn push(file: &mut Vec<u8>, mut varint: u64) {
    while varint > 127 {
        file.push(varint as u8 | 128);
        varint >>= 7;
    }
    file.push(varint as u8);
}

fn pull(file: &[u8], at: &mut usize) -> u64 {
    let mut varint = 0;
    for shift in (0..64).step_by(7) {
        let byte = file[*at];
        *at += 1;
        varint |= u64::from(byte & 127) << shift;
        if byte < 128 {
            break;
        }
    }
    varint
}
