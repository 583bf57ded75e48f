//! Interprets a graph on what is known of its tensors.

use std::collections::HashMap;

use parapolicy_onnx::{
    self as onnx, Constant, ConstantError, Dimension, Graph, LAST_IR_VERSION, OPSETS, TensorInfo,
    message::{Node, Tensor},
};

use crate::{
    EngineError,
    network::{Feature, Features},
};

use super::{
    Names, attributes,
    stage::{Kind, Stage},
    value::{Content, Numbers, Piece, Rows, Size, Sizes, Value},
};

/// The most numbers that a row of a tensor may have. Diffusion Policy's have up to some 10⁵.
pub const LARGEST_ROW: usize = 1 << 18;

/// The most entries that a list may have: axes, sizes, concatenated functions.
pub const LONGEST_LIST: usize = 64;

/// What is known of a graph so far.
#[derive(Debug)]
pub struct Reader<'g> {
    graph: &'g Graph,
    constants: HashMap<&'g str, &'g Tensor>,
    values: HashMap<&'g str, Value>,
    pub stages: Vec<Stage>,
    pub timestep: Features,
    pub observation: Features,
    /// Version of ONNX's operators.
    pub opset: i64,
    /// How many more numbers may be stored: a small file must not become a large network.
    budget: usize,
}

impl<'g> Reader<'g> {
    pub fn new(graph: &'g Graph, names: &Names<'g>) -> Result<Self, EngineError> {
        let opset = opset(graph)?;
        let constants: HashMap<_, _> = graph.constants().iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        let in_file: usize = constants.values().map(|tensor| tensor.stored()).sum();
        let [sample, timestep, observation] =
            [names.sample, names.timestep, names.observation].map(|name| row(&graph.inputs, name));
        let (sample, timestep, observation) = (sample?, timestep?, observation?);
        let &[positions, channels] = sample.as_slice() else {
            return Err(EngineError::Model(format!(
                "input `{}` must have shape [batch, horizon, action]",
                names.sample
            )));
        };
        if !timestep.is_empty() {
            return Err(EngineError::Model(format!("input `{}` must have shape [batch]", names.timestep)));
        }
        let seen = observation.iter().product();
        let piece = |len, timestep, observation| Content::Features(vec![Piece { len, timestep, observation }]);
        let values = HashMap::from([
            (names.sample, Rows { dims: sample, content: Content::Stage { stage: 0, transposed: true } }),
            (names.timestep, Rows { dims: timestep, content: piece(1, Some((0, 0)), None) }),
            (names.observation, Rows { dims: observation, content: piece(seen, None, Some((0, 0))) }),
        ]);
        let first = Stage { positions, channels, kind: Kind::Sample, node: ("input".into(), names.sample.into()) };
        Ok(Self {
            graph,
            constants,
            values: values.into_iter().map(|(name, rows)| (name, Value::Rows(rows))).collect(),
            stages: vec![first],
            timestep: Features::new(1),
            observation: Features::new(seen),
            opset,
            budget: 4 * in_file + LARGEST_ROW,
        })
    }

    /// Interprets a node.
    pub fn read(&mut self, node: &'g Node) -> Result<(), EngineError> {
        attributes::check(node).map_err(|problem| EngineError::refused(node, problem))?;
        if let Some(name) = node.outputs.iter().find(|name| self.is_there(name)) {
            return Err(EngineError::refused(node, format!("writes `{name}`, which is there already")));
        }
        self.read_constants(node).map_err(|problem| EngineError::refused(node, problem))?;
        let values = self.outputs(node).map_err(|problem| EngineError::refused(node, problem))?;
        self.values.extend(node.outputs.iter().map(String::as_str).zip(values));
        Ok(())
    }

    fn is_there(&self, name: &str) -> bool {
        !name.is_empty() && (self.values.contains_key(name) || self.constants.contains_key(name))
    }

    /// The stages, which of them is the prediction, and the functions of timestep and observation.
    pub fn finish(self, prediction: &str) -> Result<(Vec<Stage>, usize, [Features; 2]), EngineError> {
        let first = [self.stages[0].positions, self.stages[0].channels];
        let unsuited = |what: String| EngineError::Model(format!("output `{prediction}` {what}"));
        let found = self.values.get(prediction).cloned().ok_or_else(|| unsuited("is not in the graph".into()))?;
        let Value::Rows(rows) = found else {
            return Err(unsuited("is a constant".into()));
        };
        match rows.content {
            Content::Stage { stage, transposed: true } if rows.dims == first => {
                Ok((self.stages, stage, [self.timestep, self.observation]))
            }
            Content::Stage { .. } => {
                Err(unsuited(format!("has shape {:?} a row, but the sample {first:?}", rows.dims)))
            }
            _ => Err(unsuited("is no function of the sample".into())),
        }
    }

    /// Reads the constants among a node's inputs, each once.
    fn read_constants(&mut self, node: &'g Node) -> Result<(), String> {
        for name in &node.inputs {
            if let Some(tensor) = self.constants.remove(name.as_str()) {
                let value =
                    constant(self.graph.constant(tensor)).map_err(|problem| format!("constant `{name}` {problem}"))?;
                self.values.insert(name, value);
            }
        }
        Ok(())
    }

    fn outputs(&mut self, node: &Node) -> Result<Vec<Value>, String> {
        let one = match node.operator().as_str() {
            "Split" => return self.split(node),
            "Constant" => self.constant(node),
            "Identity" | "Cast" => self.cast(node),
            "Shape" => self.shape(node),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => self.reshape(node),
            "Expand" => self.expand(node),
            "Transpose" => self.transpose(node),
            "Concat" => self.concat(node),
            "Slice" => self.slice(node),
            "Gather" => self.gather(node),
            "ConstantOfShape" => self.constant_of_shape(node),
            "Where" => self.choice(node),
            "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Equal" => self.arithmetic(node),
            "Neg" | "Sigmoid" | "Softplus" | "Log" | "Tanh" | "Erf" | "Mish" | "Gelu" | "Sin" | "Cos" => {
                self.unary(node)
            }
            "Pow" => self.power(node),
            "Gemm" | "MatMul" => self.linear(node),
            "Conv" | "ConvTranspose" => self.convolution(node),
            "InstanceNormalization" | "GroupNormalization" | "BatchNormalization" => self.norm(node),
            "LayerNormalization" => self.layer_norm(node),
            "Softmax" => self.softmax(node),
            _ => Err("is not an operator of such a network".into()),
        };
        Ok(vec![one?])
    }

    /// What is known of a tensor.
    pub fn value(&self, name: &str) -> Result<Value, String> {
        self.values.get(name).cloned().ok_or_else(|| format!("reads `{name}`, which nothing before it writes"))
    }

    /// What is known of a node's input.
    pub fn input(&self, node: &Node, index: usize) -> Result<Value, String> {
        self.optional_input(node, index)?.ok_or_else(|| format!("lacks input {index}"))
    }

    pub fn optional_input(&self, node: &Node, index: usize) -> Result<Option<Value>, String> {
        node.inputs.get(index).filter(|name| !name.is_empty()).map(|name| self.value(name)).transpose()
    }

    /// A node's input, which must be a constant.
    pub fn numbers(&self, node: &Node, index: usize) -> Result<Numbers, String> {
        match self.input(node, index)? {
            Value::Numbers(numbers) => Ok(numbers),
            _ => Err(format!("input {index} is not a constant of float32")),
        }
    }

    /// A node's input, which must be a constant or nothing.
    pub fn optional_numbers(&self, node: &Node, index: usize) -> Result<Option<Numbers>, String> {
        let there = self.optional_input(node, index)?.is_some();
        there.then(|| self.numbers(node, index)).transpose()
    }

    /// A node's input, which must be integers; before opset 13 (or 18) it is an attribute.
    pub fn integers(&self, node: &Node, index: usize, attribute: &str) -> Result<Option<Vec<i64>>, String> {
        match self.optional_input(node, index)? {
            None => Ok(node.ints(attribute).map(<[i64]>::to_vec)),
            Some(Value::Sizes(sizes)) => {
                sizes.known().map(Some).ok_or_else(|| format!("input {index} depends on the batch"))
            }
            Some(_) => Err(format!("input {index} is not a constant of int64")),
        }
    }

    /// Adds a stage; its tensor has shape `dims` a row.
    pub fn stage(&mut self, node: &Node, kind: Kind, shape: [usize; 2], dims: Vec<usize>) -> Result<Value, String> {
        let stage = self.add(node, kind, shape)?;
        Ok(Value::Rows(Rows { dims, content: Content::Stage { stage, transposed: false } }))
    }

    /// Adds a stage and returns its index.
    pub fn add(&mut self, node: &Node, kind: Kind, [channels, positions]: [usize; 2]) -> Result<usize, String> {
        if channels.checked_mul(positions).is_none_or(|numbers| numbers > LARGEST_ROW) {
            return Err(format!("finds {channels} channels of {positions} positions, too many for a plan"));
        }
        let node = (node.operator(), node.label().to_owned());
        self.stages.push(Stage { positions, channels, kind, node });
        Ok(self.stages.len() - 1)
    }

    /// Adds a step to the functions of the timestep, or of the observation; returns its index.
    pub fn feature(&mut self, of_timestep: bool, feature: Feature) -> usize {
        let features = if of_timestep { &mut self.timestep } else { &mut self.observation };
        features.steps.push(feature);
        features.steps.len() - 1
    }

    /// Takes so many numbers from the budget.
    pub fn spend(&mut self, numbers: usize) -> Result<(), String> {
        let left = self.budget.checked_sub(numbers);
        self.budget = left.ok_or("makes more of the file's numbers than a network would")?;
        Ok(())
    }

    fn constant(&self, node: &Node) -> Result<Value, String> {
        constant(node.tensor("value").ok_or("holds no tensor")?.constant())
    }
}

/// The value of a constant.
pub fn constant(found: Result<Constant, ConstantError>) -> Result<Value, String> {
    let Constant { dims, numbers } = found.map_err(|error| error.to_string())?;
    match numbers {
        onnx::Numbers::Float(values) => Ok(Value::Numbers(Numbers { dims, values })),
        onnx::Numbers::Int(values) if dims.len() < 2 && values.len() <= LONGEST_LIST => {
            let values = values.into_iter().map(Size::Known).collect();
            Ok(Value::Sizes(Sizes { scalar: dims.is_empty(), values }))
        }
        onnx::Numbers::Int(_) => Err(format!("is a table of integers, {dims:?}")),
    }
}

/// The version of ONNX's operators that the graph uses, if the recognition was written for it.
pub fn opset(graph: &Graph) -> Result<i64, EngineError> {
    if let Some(operator) = graph.redefined() {
        return Err(EngineError::Model(format!("defines the operator {operator} anew: export it without functions")));
    }
    if graph.ir_version() > LAST_IR_VERSION {
        return Err(EngineError::Model(format!(
            "is written in version {} of ONNX's file format, but the engine reads versions up to {LAST_IR_VERSION}: export it \
             with an older one",
            graph.ir_version()
        )));
    }
    let (first, last) = (OPSETS.start(), OPSETS.end());
    match graph.opset() {
        Some(version) if OPSETS.contains(&version) => Ok(version),
        found => Err(EngineError::Model(format!(
            "uses {}, but the engine reads versions {first} to {last}: export it with opset_version=18, or use the provider \
             cpu",
            found.map_or("no version of ONNX's operators".into(), |it| format!("version {it} of ONNX's operators"))
        ))),
    }
}

/// The sizes after the batch axis of an input.
fn row(inputs: &[TensorInfo], name: &str) -> Result<Vec<usize>, EngineError> {
    let unsuited = |what: &str| EngineError::Model(format!("input `{name}` {what}"));
    let info = inputs.iter().find(|input| input.name == name).ok_or_else(|| unsuited("is not in the graph"))?;
    let sizes: Option<Vec<_>> = info.sizes().iter().skip(1).map(Dimension::known).collect();
    let sizes = sizes.ok_or_else(|| unsuited("must have all sizes fixed but the batch: export it so"))?;
    let numbers = sizes.iter().try_fold(1_usize, |all, &size| all.checked_mul(size));
    if info.sizes().is_empty() || numbers.is_none_or(|numbers| numbers == 0 || numbers > LARGEST_ROW) {
        return Err(unsuited(&format!("has shape {sizes:?} a row")));
    }
    Ok(sizes)
}
