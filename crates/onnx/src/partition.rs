//! A denoiser's graph divided in three: what depends on the timestep alone, what depends on the observation alone, and the
//! rest.
//!
//! A denoiser is a function `ε(x, t, o)` of sample, timestep and observation. Of every value it is proven from the graph's
//! structure ([`separate`]) whether it is a function `f(t)`, a function `g(o)`, or a sum `f(t) + g(o)` of the two. The cut is
//! where nothing more is proven: `f` and `g` become graphs of their own, and the rest is `ε(x, c)` with values `c` that are
//! `f`, `g` or their sum. Nothing is inferred from numbers that the functions happen to have somewhere.
//!
//! Nodes and constants are copied as the bytes that they are in the file.

mod builder;
mod integers;
mod separate;
mod shapes;
mod value;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashSet},
    iter,
};

use prost::{Message as _, bytes::Bytes};

use self::{
    separate::Separation,
    value::{Side, Size},
};
use crate::{
    message::{
        Axis, AxisSize, FLOAT, GraphProto, Model, Node, NodeBytes, Shape, Tensor, TensorType, Type, ValueInfo, decoded,
    },
    opset::{OPSETS, own_version, redefined},
};

/// The inputs and the output of a denoiser, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenoiserNames<'a> {
    /// Noisy plans.
    pub sample: &'a str,
    /// Their timesteps, `[batch]`.
    pub timestep: &'a str,
    /// Observations and the sizes of one, `[batch, …]`; none where the network sees none.
    pub observation: Option<(&'a str, &'a [usize])>,
    /// Predictions.
    pub prediction: &'a str,
}

/// A value at the boundary: `f(t)`, `g(o)`, or the sum of both. The rest reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundaryValue {
    /// Its name.
    pub name: String,
    /// Its sizes after the batch.
    pub sizes: Vec<usize>,
    /// The output of the timestep's graph that is `f`, if there is an `f`.
    pub of_timestep: Option<String>,
    /// The output of the observation's graph that is `g`, if there is a `g`.
    pub of_observation: Option<String>,
}

impl BoundaryValue {
    /// Numbers in a batch row of it.
    #[expect(clippy::len_without_is_empty, reason = "a value without numbers is not in use")]
    pub fn len(&self) -> usize {
        self.sizes.iter().product()
    }
}

/// A graph divided in three.
#[derive(Clone, Debug)]
pub struct Partition {
    timestep: Option<Vec<u8>>,
    observation: Option<Vec<u8>>,
    rest: Vec<u8>,
    boundary: Vec<BoundaryValue>,
}

/// A model, decoded as far as needed.
struct Parts {
    model: Model,
    graph: GraphProto,
    nodes: Vec<Node>,
    constants: Vec<Tensor>,
    inputs: Vec<ValueInfo>,
}

impl Partition {
    /// Divides the graph of a model file. The first size of the rest's inputs is named `batch`.
    ///
    /// `None` if the bytes are not a model, or one of [another version of the operators](crate::OPSETS); if nothing but
    /// the inputs themselves would be at the boundary; if the prediction does not depend on the sample; or if something cannot
    /// be copied on its own: nodes with nested graphs, numbers in other files.
    pub fn new(bytes: impl Into<Bytes>, names: &DenoiserNames<'_>, batch: &str) -> Option<Self> {
        let mut model = Model::decode(bytes.into()).ok()?;
        let graph = model.graph.take()?;
        let nodes: Vec<Node> = decoded(&graph.nodes).ok()?;
        let constants: Vec<Tensor> = decoded(&graph.initializers).ok()?;
        let inputs: Vec<ValueInfo> = decoded(&graph.inputs).ok()?;
        let opset = own_version(&model.operator_sets).filter(|version| OPSETS.contains(version))?;
        let in_other_file = constants.iter().any(|constant| constant.location != 0);
        let is_copyable = !nodes.iter().any(Node::has_graph) && !in_other_file && graph.sparse_initializers.is_empty();
        if !is_copyable || redefined(&model.functions).is_none_or(|redefined| redefined.is_some()) {
            return None;
        }
        let mut sides = vec![(names.timestep, Side::Timestep, &[][..])];
        sides.extend(names.observation.map(|(name, sizes)| (name, Side::Observation, sizes)));
        let mut separation = Separation::new(&sides, &constants, opset);
        for (node, bytes) in nodes.iter().zip(&graph.nodes) {
            separation.read(node, &NodeBytes::decode(bytes.clone()).ok()?);
        }
        let parts = Parts { model, graph, nodes, constants, inputs };
        let (kept, boundary) = parts.cut(&mut separation, names)?;
        let is_computed = |value: &BoundaryValue| sides.iter().all(|(name, ..)| *name != value.name);
        if !boundary.iter().any(is_computed) {
            return None;
        }
        let rest = parts.rest(&kept, &boundary, batch, names);
        let of = |side: Side| parts.side(&separation, side, &boundary);
        Some(Self { timestep: of(Side::Timestep), observation: of(Side::Observation), rest, boundary })
    }

    /// The values that the rest reads, sorted by name.
    pub fn boundary(&self) -> &[BoundaryValue] {
        &self.boundary
    }

    /// What depends on the timestep alone, as a model file; none if nothing at the boundary does.
    pub fn of_timestep(&self) -> Option<&[u8]> {
        self.timestep.as_deref()
    }

    /// What depends on the observation alone, as a model file; none if nothing at the boundary does.
    pub fn of_observation(&self) -> Option<&[u8]> {
        self.observation.as_deref()
    }

    /// The rest, as a model file. Its inputs are the sample and the values at the boundary.
    pub fn rest(&self) -> &[u8] {
        &self.rest
    }
}

impl Parts {
    /// Which nodes are the rest's, and the boundary. From the prediction backwards, up to what was proven.
    fn cut(&self, separation: &mut Separation, names: &DenoiserNames<'_>) -> Option<(Vec<bool>, Vec<BoundaryValue>)> {
        let mut needed = HashSet::from([names.prediction]);
        let mut boundary = BTreeMap::new();
        let mut kept = vec![false; self.nodes.len()];
        let inputs = self.inputs.iter().map(|input| input.name.as_str());
        for (at, node) in self.nodes.iter().enumerate().rev() {
            for name in &node.outputs {
                if !needed.contains(name.as_str()) {
                    continue;
                }
                match boundary_value(separation, name) {
                    Some(value) => drop(boundary.insert(name.clone(), value)),
                    None => kept[at] = true,
                }
            }
            if kept[at] {
                needed.extend(node.inputs.iter().map(String::as_str));
            }
        }
        for name in inputs.filter(|name| *name != names.sample && needed.contains(name)) {
            if let Some(value) = boundary_value(separation, name) {
                // Boundary values are 32-bit floating point.
                let info = self.inputs.iter().find(|input| input.name == name)?;
                (info.kind.as_ref()?.tensor.as_ref()?.element == FLOAT).then_some(())?;
                boundary.insert(name.to_owned(), value);
            }
        }
        needed.contains(names.sample).then(|| (kept, boundary.into_values().collect()))
    }

    /// The kept nodes, with the boundary as inputs.
    fn rest(&self, kept: &[bool], boundary: &[BoundaryValue], batch: &str, names: &DenoiserNames<'_>) -> Vec<u8> {
        let kept = || kept.iter().enumerate().filter(|(_, kept)| **kept).map(|(at, _)| at);
        let needed: HashSet<&String> = kept().flat_map(|at| &self.nodes[at].inputs).collect();
        let sample = self.inputs.iter().zip(&self.graph.inputs).filter(|(input, _)| input.name == names.sample);
        let more = boundary.iter().map(|value| value.input(batch).encode_to_vec().into());
        let graph = GraphProto {
            nodes: kept().map(|at| self.graph.nodes[at].clone()).collect(),
            initializers: self.constants_of(&needed),
            inputs: sample.map(|(_, bytes)| bytes.clone()).chain(more).collect(),
            outputs: vec![output(names.prediction)],
            ..self.graph.clone()
        };
        Model { graph: Some(graph), ..self.model.clone() }.encode_to_vec()
    }

    /// The graph of a side.
    fn side(&self, separation: &Separation, side: Side, boundary: &[BoundaryValue]) -> Option<Vec<u8>> {
        let of = |value: &BoundaryValue| match side {
            Side::Timestep => value.of_timestep.clone(),
            Side::Observation => value.of_observation.clone(),
        };
        let mut outputs: Vec<String> = boundary.iter().filter_map(of).collect();
        outputs.sort_unstable();
        outputs.dedup();
        let mut needed: HashSet<&String> = outputs.iter().collect();
        let mut nodes = Vec::new();
        // A node comes after those that compute what it reads.
        for node in separation.builder.nodes[side.index()].iter().rev() {
            if node.outputs.iter().any(|name| needed.contains(name)) {
                needed.extend(&node.inputs);
                nodes.push(node.bytes.clone());
            }
        }
        nodes.reverse();
        let made = separation.builder.constants.iter().filter(|constant| needed.contains(&constant.name));
        let inputs = self.inputs.iter().zip(&self.graph.inputs).filter(|(input, _)| needed.contains(&input.name));
        let graph = GraphProto {
            nodes,
            initializers: self
                .constants_of(&needed)
                .into_iter()
                .chain(made.map(|constant| constant.encode_to_vec().into()))
                .collect(),
            inputs: inputs.map(|(_, bytes)| bytes.clone()).collect(),
            outputs: outputs.iter().map(|name| output(name)).collect(),
            ..self.graph.clone()
        };
        let model = Model { graph: Some(graph), ..self.model.clone() };
        (!outputs.is_empty()).then(|| model.encode_to_vec())
    }

    fn constants_of(&self, needed: &HashSet<&String>) -> Vec<Bytes> {
        let constants = self.constants.iter().zip(&self.graph.initializers);
        constants.filter(|(constant, _)| needed.contains(&constant.name)).map(|(_, bytes)| bytes.clone()).collect()
    }
}

/// The type of an output can be inferred.
fn output(name: &str) -> Bytes {
    ValueInfo { name: name.into(), kind: None }.encode_to_vec().into()
}

/// A value that the sides compute; `None` if it was not proven, or is a constant.
fn boundary_value(separation: &mut Separation, name: &str) -> Option<BoundaryValue> {
    let [of_timestep, of_observation] = separation.parts(name)?;
    let shape = &separation.values.get(name)?.shape;
    let sizes = shape.iter().skip(1).map(|size| usize::try_from(Size::known(*size)?).ok()).collect::<Option<_>>()?;
    Some(BoundaryValue { name: name.into(), sizes, of_timestep, of_observation })
}

impl BoundaryValue {
    /// An input of 32-bit floating point.
    fn input(&self, batch: &str) -> ValueInfo {
        let axis = |size| Axis { size: Some(size) };
        let batch = axis(AxisSize::Named(batch.into()));
        let sizes = self.sizes.iter().map(|&size| axis(AxisSize::Fixed(size as i64)));
        let shape = Shape { axes: iter::once(batch).chain(sizes).collect() };
        let tensor = TensorType { element: FLOAT, shape: Some(shape) };
        ValueInfo { name: self.name.clone(), kind: Some(Type { tensor: Some(tensor) }) }
    }
}
