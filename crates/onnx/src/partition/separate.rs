//! Proves which values of a graph depend on the timestep alone, on the observation alone, or are made of one of each, and
//! writes the graphs of the two sides.
//!
//! This is an abstract interpretation (Cousot and Cousot 1977): the graph is gone through once, and of each value it is
//! computed what it depends on, not what it is. The rules:
//!
//! | value | from |
//! |---|---|
//! | constant | operators of constants |
//! | of one side | operators that keep rows of the batch apart, of values of that side and constants |
//! | joined | `Concat` of both sides along another axis than the batch; functions of each number of joined values |
//! | sum | `Add` of one value of each side; products of joined values with constant matrices, `[t, o]·W = t·W₁ + o·W₂`; the same numbers moved; a sum and a constant |
//!
//! Nothing is proven of any other value: it stays in the graph that runs for every batch. A sum that the graph itself adds
//! is added as the graph adds it, number by number, so that large numbers lose no more digits than they do in the whole
//! graph; it is not followed through functions and matrices.

use std::collections::HashMap;

use super::{
    builder::Builder,
    integers::{self, LONGEST},
    shapes::{self, Law},
    value::{Content, Origin, Segment, Side, Size, Value},
};
use crate::{
    Constant, Numbers,
    message::{Node, NodeBytes, Tensor},
    opset::is_own,
};

/// The most numbers that a row of a value may have, so that no file makes tables of what it merely claims.
const LARGEST_ROW: i64 = 1 << 20;

/// What was proven, and the graphs of both sides.
#[derive(Debug)]
pub struct Separation {
    pub values: HashMap<String, Value>,
    pub builder: Builder,
    inputs: Vec<String>,
    opset: i64,
}

impl Separation {
    /// Nothing but the inputs `(name, side, sizes after the batch)` and the constants.
    pub fn new(inputs: &[(&str, Side, &[usize])], constants: &[Tensor], opset: i64) -> Self {
        let mut values: HashMap<String, Value> =
            constants.iter().filter_map(|tensor| Some((tensor.name.clone(), constant(tensor)?))).collect();
        for &(name, side, sizes) in inputs {
            let sizes = sizes.iter().map(|&size| Size::Known(size as i64));
            let shape = [Size::Batch].into_iter().chain(sizes).collect();
            values.insert(name.into(), Value::part(side, name, shape));
        }
        let inputs = inputs.iter().map(|(name, ..)| (*name).to_owned()).collect();
        Self { values, builder: Builder::default(), inputs, opset }
    }

    /// Proves what it can of a node's outputs.
    pub fn read(&mut self, node: &Node, bytes: &NodeBytes) {
        if let Some(values) = self.outputs(node, bytes) {
            let named = node.outputs.iter().zip(values).filter(|(name, _)| !name.is_empty());
            self.values.extend(named.map(|(name, value)| (name.clone(), value)));
        }
    }

    fn outputs(&mut self, node: &Node, bytes: &NodeBytes) -> Option<Vec<Value>> {
        if !is_own(&node.domain) || node.has_graph() {
            return None;
        }
        match node.operator.as_str() {
            "Constant" => return Some(vec![self.constant(node, bytes)?]),
            "Shape" => return Some(vec![self.shape(node)?]),
            _ => {}
        }
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for name in &node.inputs {
            inputs.push(if name.is_empty() { None } else { Some(self.values.get(name)?.clone()) });
        }
        let known: Vec<Option<&Value>> = inputs.iter().map(Option::as_ref).collect();
        if known.is_empty() {
            return None;
        }
        let integers = integers::computed(node, &known);
        if let (Some(numbers), true) = (&integers, known.iter().flatten().any(|value| is_integers(value))) {
            let (_, shapes) = shapes::of(node, &known, self.opset)?;
            return Some(vec![listed(shapes.into_iter().next()?, numbers.clone())?]);
        }
        let (law, shapes) = shapes::of(node, &known, self.opset)?;
        let largest = shapes.iter().all(|shape| shapes::numbers(shape).is_some_and(|all| all <= LARGEST_ROW));
        if !largest && known.iter().flatten().any(|value| !value.is_constant()) {
            return None;
        }
        let names = self.names(node, &inputs, &shapes)?;
        let contents = self.contents(node, bytes, law, &inputs, &names, &shapes)?;
        let value = |(content, shape): (Content, Vec<Size>)| {
            let followed = integers.clone().filter(|numbers| is_list(&shape, numbers.len()));
            Value { integers: followed.filter(|_| matches!(content, Content::Constant)), shape, content }
        };
        Some(contents.into_iter().zip(shapes).map(value).collect())
    }

    /// The names by which the graphs of the sides read a node's inputs. Integers that were followed become constants.
    fn names(&mut self, node: &Node, inputs: &[Option<Value>], shapes: &[Vec<Size>]) -> Option<Vec<String>> {
        let mut names = node.inputs.clone();
        for (index, (name, value)) in names.iter_mut().zip(inputs).enumerate() {
            let Some(value) = value.as_ref().filter(|value| is_integers(value)) else { continue };
            *name = match (node.operator.as_str(), index) {
                // What is left open in them is the batch.
                ("Reshape", 1) => self.builder.integers(open(&shapes[0], -1), false),
                ("Expand", 1) => self.builder.integers(open(&shapes[0], 1), false),
                _ => self.builder.integers_of(value)?,
            };
        }
        // `0` and `-1` keep their meaning: nothing else than the whole shape is asked for.
        Some(names)
    }

    /// What the outputs are made of, by what the inputs are made of.
    fn contents(
        &mut self,
        node: &Node,
        bytes: &NodeBytes,
        law: Law,
        inputs: &[Option<Value>],
        names: &[String],
        shapes: &[Vec<Size>],
    ) -> Option<Vec<Content>> {
        let values: Vec<&Value> = inputs.iter().flatten().collect();
        let parts = || values.iter().filter(|value| !value.is_constant() && !is_integers(value));
        let all = |content: Content| vec![content; shapes.len()];
        if parts().next().is_none() {
            // Integers that the batch is among are no constants.
            if values.iter().any(|value| is_integers(value)) {
                return None;
            }
            for side in Side::BOTH {
                self.builder.copy(side, bytes, names.to_vec(), node.outputs.clone());
            }
            return Some(all(Content::Constant));
        }
        let mut sides = parts().map(|value| if let Content::Part(side, _) = value.content { Some(side) } else { None });
        if let Some(Some(side)) = sides.next().filter(|first| first.is_some() && sides.all(|side| side == *first)) {
            let names = part_names(inputs, names);
            self.builder.copy(side, bytes, names, node.outputs.clone());
            return Some(node.outputs.iter().map(|name| Content::Part(side, name.clone())).collect());
        }
        match (node.operator.as_str(), law) {
            ("Concat", _) => self.joined(node, &values, &shapes[0]).map(|content| vec![content]),
            ("Add", _) => self.sum(bytes, node, inputs, names, &shapes[0]).map(|content| vec![content]),
            (_, Law::Elementwise) => self.of_segments(bytes, inputs, names, &shapes[0]).map(|content| vec![content]),
            (_, Law::Product) => self.product(bytes, node, inputs, names, &shapes[0]).map(|content| vec![content]),
            (_, Law::Moves) => self.moved(bytes, node, inputs, names),
            (_, Law::Rowwise) => None,
        }
    }

    /// Values of both sides, one after the other.
    fn joined(&self, node: &Node, values: &[&Value], shape: &[Size]) -> Option<Content> {
        let axis = integers::position(node.int("axis", 0), shape.len())?;
        let mut segments = Vec::new();
        for value in values {
            match &value.content {
                Content::Part(side, name) => {
                    segments.push(Segment { side: *side, name: name.clone(), len: value.shape[axis].known()? });
                }
                Content::Joined(along, more) if *along == axis => segments.extend(more.iter().cloned()),
                _ => return None,
            }
        }
        (segments.len() <= LONGEST).then_some(Content::Joined(axis, segments))
    }

    /// One value of each side, of the same shape; or a sum and a constant, which the observation's side takes.
    fn sum(
        &mut self,
        bytes: &NodeBytes,
        node: &Node,
        inputs: &[Option<Value>],
        names: &[String],
        shape: &[Size],
    ) -> Option<Content> {
        let [Some(a), Some(b)] = inputs else { return None };
        match (&a.content, &b.content) {
            (Content::Part(Side::Timestep, timestep), Content::Part(_, observation))
            | (Content::Part(_, observation), Content::Part(Side::Timestep, timestep))
                if a.shape == shape && b.shape == shape =>
            {
                Some(Content::Sum([timestep.clone(), observation.clone()], Origin::Addition))
            }
            (Content::Sum(_, Origin::Product), Content::Constant) if a.shape == shape => {
                self.shifted(bytes, node, a, &names[1])
            }
            (Content::Constant, Content::Sum(_, Origin::Product)) if b.shape == shape => {
                self.shifted(bytes, node, b, &names[0])
            }
            _ => self.of_segments(bytes, inputs, names, shape),
        }
    }

    fn shifted(&mut self, bytes: &NodeBytes, node: &Node, sum: &Value, by: &str) -> Option<Content> {
        let Content::Sum([timestep, observation], origin) = &sum.content else { return None };
        let inputs = vec![observation.clone(), by.into()];
        self.builder.copy(Side::Observation, bytes, inputs, node.outputs.clone());
        Some(Content::Sum([timestep.clone(), node.outputs.first()?.clone()], *origin))
    }

    /// A function of each number of joined values that are joined alike, and of constants.
    fn of_segments(
        &mut self,
        bytes: &NodeBytes,
        inputs: &[Option<Value>],
        names: &[String],
        shape: &[Size],
    ) -> Option<Content> {
        let first = inputs.iter().flatten().find_map(|value| match &value.content {
            Content::Joined(axis, segments) => Some((*axis, segments.clone())),
            _ => None,
        });
        let (axis, segments) = first?;
        let alike = |value: &Value| match &value.content {
            Content::Constant => true,
            Content::Joined(along, other) => {
                *along == axis
                    && value.shape == shape
                    && other.len() == segments.len()
                    && other.iter().zip(&segments).all(|(a, b)| (a.side, a.len) == (b.side, b.len))
            }
            _ => false,
        };
        if !inputs.iter().flatten().all(alike) {
            return None;
        }
        let mut found = Vec::with_capacity(segments.len());
        let mut start = 0;
        for (index, Segment { side, len, .. }) in segments.iter().enumerate() {
            let mut read = Vec::with_capacity(inputs.len());
            for (name, value) in names.iter().zip(inputs) {
                read.push(match value.as_ref().map(|value| (&value.content, &value.shape)) {
                    Some((Content::Joined(_, segments), _)) => segments[index].name.clone(),
                    Some((_, own)) => self.meeting(name, own, [shape.len(), axis], start, *len)?,
                    None => name.clone(),
                });
            }
            let name = self.builder.name();
            self.builder.copy(*side, bytes, read, vec![name.clone()]);
            found.push(Segment { side: *side, name, len: *len });
            start += len;
        }
        Some(Content::Joined(axis, found))
    }

    /// The part of a constant that meets a segment of a value with so many axes.
    fn meeting(
        &mut self,
        name: &str,
        shape: &[Size],
        [rank, axis]: [usize; 2],
        start: i64,
        len: i64,
    ) -> Option<String> {
        let Some(own) = (axis + shape.len()).checked_sub(rank) else { return Some(name.into()) };
        match shape.get(own)? {
            Size::Known(1) => Some(name.into()),
            _ => Some(self.builder.slice(name, own, start, len)),
        }
    }

    /// A joined value times a constant matrix. Along the axis of the product, it becomes a sum; the bias belongs to the
    /// observation's part.
    fn product(
        &mut self,
        bytes: &NodeBytes,
        node: &Node,
        inputs: &[Option<Value>],
        names: &[String],
        shape: &[Size],
    ) -> Option<Content> {
        let of = inputs.first()?.as_ref()?;
        let Content::Joined(axis, segments) = &of.content else { return None };
        if inputs.iter().skip(1).flatten().any(|value| !value.is_constant()) {
            return None;
        }
        if *axis + 1 < shape.len() {
            let more: Vec<String> = names[1..].to_vec();
            let each = segments.iter().map(|Segment { side, name, len }| {
                let found = self.builder.name();
                let read = [name.clone()].into_iter().chain(more.clone()).collect();
                self.builder.copy(*side, bytes, read, vec![found.clone()]);
                Segment { side: *side, name: found, len: *len }
            });
            return Some(Content::Joined(*axis, each.collect()));
        }
        let [timestep, observation] = self.builder.padded(&of.shape, *axis, segments)?;
        let output = node.outputs.first()?;
        let without_bias = vec![timestep, names[1].clone()];
        let with_bias = [observation].into_iter().chain(names[1..].iter().cloned()).collect();
        self.builder.copy(Side::Timestep, bytes, without_bias, vec![output.clone()]);
        self.builder.copy(Side::Observation, bytes, with_bias, vec![output.clone()]);
        Some(Content::Sum([output.clone(), output.clone()], Origin::Product))
    }

    /// The numbers of a sum, moved alike in both its parts.
    fn moved(
        &mut self,
        bytes: &NodeBytes,
        node: &Node,
        inputs: &[Option<Value>],
        names: &[String],
    ) -> Option<Vec<Content>> {
        let of = inputs.first()?.as_ref()?;
        if inputs.iter().skip(1).flatten().any(|value| !value.is_constant() && !is_integers(value)) {
            return None;
        }
        let (parts, origin) = self.as_sum(of)?;
        for (side, part) in Side::BOTH.into_iter().zip(parts) {
            let read = [part].into_iter().chain(names[1..].iter().cloned()).collect();
            self.builder.copy(side, bytes, read, node.outputs.clone());
        }
        Some(node.outputs.iter().map(|name| Content::Sum([name.clone(), name.clone()], origin)).collect())
    }

    fn as_sum(&mut self, value: &Value) -> Option<([String; 2], Origin)> {
        match &value.content {
            Content::Sum(parts, origin) => Some((parts.clone(), *origin)),
            // To a zero nothing is lost.
            Content::Joined(axis, segments) => {
                Some((self.builder.padded(&value.shape, *axis, segments)?, Origin::Product))
            }
            _ => None,
        }
    }

    /// The names of a value's parts in the graphs of the two sides; `None` if it is no more than a constant.
    pub fn parts(&mut self, name: &str) -> Option<[Option<String>; 2]> {
        let value = self.values.get(name)?.clone();
        let parts = match &value.content {
            Content::Constant | Content::Integers => return None,
            Content::Part(Side::Timestep, part) => [Some(part.clone()), None],
            Content::Part(Side::Observation, part) => [None, Some(part.clone())],
            Content::Sum(..) | Content::Joined(..) => self.as_sum(&value)?.0.map(Some),
        };
        // An output that is an input is written as a node.
        let mut written = [None, None];
        for ((side, part), found) in Side::BOTH.into_iter().zip(parts).zip(&mut written) {
            *found = part.map(|part| match self.inputs.contains(&part) {
                true => self.builder.identity(side, &part),
                false => part,
            });
        }
        Some(written)
    }

    fn constant(&mut self, node: &Node, bytes: &NodeBytes) -> Option<Value> {
        let [attribute] = &node.attributes[..] else { return None };
        let list = |len: usize| vec![Size::Known(len as i64)];
        let value = match attribute.name.as_str() {
            "value" => constant(attribute.tensor.as_ref()?)?,
            "value_float" => Value::constant(vec![], None),
            "value_int" => Value::constant(vec![], Some(vec![Size::Known(attribute.int)])),
            "value_floats" => Value::constant(list(attribute.floats.len()), None),
            "value_ints" if attribute.ints.len() <= LONGEST => {
                let numbers = attribute.ints.iter().map(|&number| Size::Known(number)).collect();
                Value::constant(list(attribute.ints.len()), Some(numbers))
            }
            _ => return None,
        };
        for side in Side::BOTH {
            self.builder.copy(side, bytes, vec![], node.outputs.clone());
        }
        Some(value)
    }

    fn shape(&self, node: &Node) -> Option<Value> {
        let of = &self.values.get(node.inputs.first()?)?.shape;
        let (start, end) = (node.int("start", 0), node.int("end", of.len() as i64));
        let sizes = of.get(integers::clamped(start, of.len())..integers::clamped(end, of.len()))?.to_vec();
        listed(vec![Size::Known(sizes.len() as i64)], sizes)
    }
}

/// A tensor of the file.
fn constant(tensor: &Tensor) -> Option<Value> {
    let sizes: Option<Vec<_>> = tensor.dims.iter().map(|&dim| (dim >= 0).then_some(Size::Known(dim))).collect();
    let shape = sizes?;
    let few = shape.len() < 2 && shapes::numbers(&shape).is_some_and(|all| all <= LONGEST as i64);
    let numbers = match tensor.constant() {
        Ok(Constant { numbers: Numbers::Int(numbers), .. }) if few => Some(numbers),
        _ => None,
    };
    Some(Value::constant(shape, numbers.map(|numbers| numbers.into_iter().map(Size::Known).collect())))
}

/// Integers that are known only as such.
fn listed(shape: Vec<Size>, numbers: Vec<Size>) -> Option<Value> {
    let fits = is_list(&shape, numbers.len());
    fits.then_some(Value { shape, integers: Some(numbers), content: Content::Integers })
}

fn is_list(shape: &[Size], len: usize) -> bool {
    shape.len() < 2 && shapes::numbers(shape) == Some(len as i64)
}

fn is_integers(value: &Value) -> bool {
    matches!(value.content, Content::Integers)
}

/// A shape with the batch written as `batch`.
fn open(shape: &[Size], batch: i64) -> Vec<i64> {
    shape.iter().map(|size| size.known().unwrap_or(batch)).collect()
}

/// The names by which a side's graph reads a node's inputs.
fn part_names(inputs: &[Option<Value>], names: &[String]) -> Vec<String> {
    let name = |(name, value): (&String, &Option<Value>)| match value.as_ref().map(|value| &value.content) {
        Some(Content::Part(_, part)) => part.clone(),
        _ => name.clone(),
    };
    names.iter().zip(inputs).map(name).collect()
}
