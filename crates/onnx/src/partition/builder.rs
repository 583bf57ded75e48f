//! The graphs of the two sides while they are written: copies of nodes under the names of their parts.

use prost::{Message as _, bytes::Bytes};

use super::value::{Segment, Side, Size, Value};
use crate::message::{INT64, NodeBytes, Tensor};

/// A node of a side's graph, and the names that it reads and writes.
#[derive(Clone, Debug)]
pub struct Written {
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub bytes: Bytes,
}

/// The nodes of both sides, in an order in which they can be computed, and the constants that were added to them.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    /// By [`Side::index`].
    pub nodes: [Vec<Written>; 2],
    pub constants: Vec<Tensor>,
    /// How many names were made.
    made: usize,
}

impl Builder {
    /// A name that the graph does not have.
    pub fn name(&mut self) -> String {
        self.made += 1;
        format!("parapolicy.part.{}", self.made)
    }

    /// The name of a new constant list of integers.
    pub fn integers(&mut self, numbers: Vec<i64>, scalar: bool) -> String {
        let name = self.name();
        let dims = if scalar { vec![] } else { vec![numbers.len() as i64] };
        self.constants.push(Tensor { name: name.clone(), dims, data_type: INT64, ints: numbers, ..Tensor::default() });
        name
    }

    /// Writes a node with other names to a side.
    pub fn copy(&mut self, side: Side, node: &NodeBytes, inputs: Vec<String>, outputs: Vec<String>) {
        let node = NodeBytes { inputs, outputs, ..node.clone() };
        let bytes = node.encode_to_vec().into();
        let NodeBytes { inputs, outputs, .. } = node;
        self.nodes[side.index()].push(Written { inputs, outputs, bytes });
    }

    /// Writes a node without attributes, and returns the name of its output.
    fn plain(&mut self, side: Side, operator: &str, inputs: Vec<String>) -> String {
        let output = self.name();
        let node = NodeBytes { operator: operator.into(), ..NodeBytes::default() };
        self.copy(side, &node, inputs, vec![output.clone()]);
        output
    }

    /// The same value under a new name, so that an input of a graph can be its output.
    pub fn identity(&mut self, side: Side, name: &str) -> String {
        self.plain(side, "Identity", vec![name.into()])
    }

    /// The part of a constant that meets a segment: `len` entries of an axis from `start`.
    pub fn slice(&mut self, constant: &str, axis: usize, start: i64, len: i64) -> String {
        let lists = [start, start + len, axis as i64].map(|number| self.integers(vec![number], false));
        let output = self.name();
        let node = NodeBytes { operator: "Slice".into(), ..NodeBytes::default() };
        for side in Side::BOTH {
            let inputs = [constant.to_owned()].into_iter().chain(lists.clone()).collect();
            self.copy(side, &node, inputs, vec![output.clone()]);
        }
        output
    }

    /// A joined value as a sum: each side's segments with zeros in place of the other's. `None` if a side has none.
    pub fn padded(&mut self, shape: &[Size], axis: usize, segments: &[Segment]) -> Option<[String; 2]> {
        let whole: i64 = segments.iter().map(|segment| segment.len).sum();
        let mut parts = [None, None];
        let mut start = 0;
        for Segment { side, name, len } in segments {
            // `[before each axis…, after each axis…]`.
            let mut pads = vec![0; 2 * shape.len()];
            pads[axis] = start;
            pads[shape.len() + axis] = whole - start - len;
            let pads = self.integers(pads, false);
            let padded = self.plain(*side, "Pad", vec![name.clone(), pads]);
            let part: &mut Option<String> = &mut parts[side.index()];
            *part = Some(match part.take() {
                Some(others) => self.plain(*side, "Add", vec![others, padded]),
                None => padded,
            });
            start += len;
        }
        let [timestep, observation] = parts;
        Some([timestep?, observation?])
    }

    /// A value's integers as a constant of both graphs, if the batch is not among them.
    pub fn integers_of(&mut self, value: &Value) -> Option<String> {
        let numbers = value.known_integers()?;
        let scalar = value.shape.is_empty();
        Some(self.integers(numbers, scalar))
    }
}
