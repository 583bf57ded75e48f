//! Interprets an encoder's graph on what is known of its tensors.

use std::collections::HashMap;

use parapolicy_onnx::{
    Constant, ConstantError, Dimension, Graph,
    message::{Node, Tensor},
};

use crate::{
    EngineError,
    encoder::{EncoderNames, FrameNetwork, Step, View},
};

use super::{
    super::{
        attributes,
        reader::{constant, opset},
        value::{self, Numbers},
    },
    LARGEST_FRAME, LARGEST_TENSOR,
    picture::Eye,
    value::{Content, Frames, Value},
};

/// The most axes of a tensor.
pub const MOST_AXES: usize = 8;

/// What is known of a graph so far.
#[derive(Debug)]
pub struct Reader<'g> {
    graph: &'g Graph,
    constants: HashMap<&'g str, &'g Tensor>,
    values: HashMap<&'g str, Value>,
    /// Version of ONNX's operators.
    pub opset: i64,
    /// Steps of an observation.
    pub steps: usize,
    pub eyes: Vec<Eye>,
    network: Vec<Step>,
    lens: Vec<usize>,
    /// How many more numbers may be stored: a small file must not become a large network.
    budget: usize,
}

impl<'g> Reader<'g> {
    pub fn new(graph: &'g Graph, names: &EncoderNames<'g>) -> Result<Self, EngineError> {
        let opset = opset(graph)?;
        let constants: HashMap<_, _> = graph.constants().iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        let in_file: usize = constants.values().map(|tensor| tensor.stored()).sum();
        let unsuited = |what: &str| EngineError::Model(format!("input `{}` {what}", names.observation));
        let info = graph.inputs.iter().find(|input| input.name == names.observation);
        let info = info.ok_or_else(|| unsuited("is not in the graph"))?;
        let sizes: Vec<_> = info.sizes().iter().skip(1).map(Dimension::known).collect();
        let &[Some(steps), Some(dim)] = sizes.as_slice() else {
            return Err(unsuited("must have shape [batch, steps, numbers], all fixed but the batch: export it so"));
        };
        if steps == 0 || dim == 0 || dim > LARGEST_TENSOR || steps > LARGEST_TENSOR {
            return Err(unsuited(&format!("has {steps} steps of {dim} numbers")));
        }
        let dims = if steps == 1 { vec![1, 1, dim] } else { vec![1, dim] };
        let frame = Frames { apart: steps > 1, content: Content::View(View::whole(0, dims.clone())), dims };
        Ok(Self {
            graph,
            constants,
            values: HashMap::from([(names.observation, Value::Frames(frame))]),
            opset,
            steps,
            eyes: vec![],
            network: vec![Step::Frame],
            lens: vec![dim],
            budget: 4 * in_file + LARGEST_TENSOR,
        })
    }

    /// Interprets a node.
    pub fn read(&mut self, node: &'g Node) -> Result<(), EngineError> {
        let refused = |problem| EngineError::refused(node, problem);
        attributes::check(node).map_err(refused)?;
        let there = |name: &&String| {
            !name.is_empty() && (self.values.contains_key(name.as_str()) || self.constants.contains_key(name.as_str()))
        };
        if let Some(name) = node.outputs.iter().find(there) {
            return Err(refused(format!("writes `{name}`, which is there already")));
        }
        for name in &node.inputs {
            if let Some(tensor) = self.constants.remove(name.as_str()) {
                let value = stored(self.graph.constant(tensor))
                    .map_err(|problem| refused(format!("constant `{name}` {problem}")))?;
                self.values.insert(name, value);
            }
        }
        let values = self.outputs(node).map_err(refused)?;
        self.values.extend(node.outputs.iter().map(String::as_str).zip(values));
        Ok(())
    }

    /// The encoder whose result is the tensor `features`.
    pub fn finish(mut self, features: &str) -> Result<FrameNetwork, EngineError> {
        let unsuited = |what: &str| EngineError::Model(format!("output `{features}` {what}"));
        let found = self.values.get(features).cloned().ok_or_else(|| unsuited("is not in the graph"))?;
        let Value::Frames(frames) = found else { return Err(unsuited("is a constant")) };
        let rank = if self.steps == 1 { 3 } else { 2 };
        if frames.apart != (self.steps > 1)
            || frames.dims.len() != rank
            || frames.dims[..rank - 1].iter().any(|&dim| dim != 1)
        {
            return Err(unsuited("must have shape [batch, steps, numbers]"));
        }
        let features = self.view(&frames).map_err(|problem| unsuited(&problem))?;
        Ok(FrameNetwork { steps: self.network, lens: self.lens, features })
    }

    fn outputs(&mut self, node: &Node) -> Result<Vec<Value>, String> {
        let one = match node.operator().as_str() {
            "Split" => return self.split(node),
            "Constant" => stored(node.tensor("value").ok_or("holds no tensor")?.constant()),
            "Identity" | "Cast" => self.cast(node),
            "Shape" => self.shape(node),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => self.reshape(node),
            "Expand" => self.expand(node),
            "Transpose" => self.transpose(node),
            "Concat" => self.concat(node),
            "Slice" => self.slice(node),
            "Gather" => self.gather(node),
            "Add" | "Sub" | "Mul" | "Div" => self.arithmetic(node),
            "Relu" | "Clip" => self.each(node),
            "ReduceMean" | "ReduceSum" | "ReduceL2" => self.reduce(node),
            "GlobalAveragePool" => self.average(node),
            "Softmax" => self.softmax(node),
            "MatMul" | "Gemm" => self.product(node),
            "Conv" => self.convolution(node),
            "InstanceNormalization" | "GroupNormalization" => self.norm(node),
            "BatchNormalization" => self.batch_norm(node),
            "MaxPool" => self.largest(node),
            "Resize" => self.resize(node),
            _ => Err("is not an operator of an encoder".into()),
        };
        Ok(vec![one?])
    }

    /// What is known of a node's input.
    pub fn input(&self, node: &Node, index: usize) -> Result<Value, String> {
        self.optional_input(node, index)?.ok_or_else(|| format!("lacks input {index}"))
    }

    pub fn optional_input(&self, node: &Node, index: usize) -> Result<Option<Value>, String> {
        let value = |name: &String| {
            let value = self.values.get(name.as_str()).cloned();
            value.ok_or_else(|| format!("reads `{name}`, which nothing before it writes"))
        };
        node.inputs.get(index).filter(|name| !name.is_empty()).map(value).transpose()
    }

    /// A node's input, which must be of the frames.
    pub fn frames(&self, node: &Node, index: usize) -> Result<Frames, String> {
        match self.input(node, index)? {
            Value::Frames(frames) => Ok(frames),
            _ => Err(format!("input {index} is a constant")),
        }
    }

    /// A node's input, which must be a constant.
    pub fn numbers(&self, node: &Node, index: usize) -> Result<Numbers, String> {
        match self.input(node, index)? {
            Value::Numbers(numbers) => Ok(numbers),
            _ => Err(format!("input {index} is not a constant of float32")),
        }
    }

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

    /// Adds a step that makes a tensor of these sizes.
    pub fn step(&mut self, step: Step, dims: Vec<usize>) -> Result<View, String> {
        let len = dims.iter().try_fold(1_usize, |all, &dim| all.checked_mul(dim)).filter(|&len| len <= LARGEST_TENSOR);
        let len = len.ok_or_else(|| format!("makes {dims:?} of a frame, too much for an encoder"))?;
        if self.lens.iter().sum::<usize>() + len > LARGEST_FRAME {
            return Err("makes more of a frame than an encoder would".into());
        }
        self.network.push(step);
        self.lens.push(len);
        Ok(View::whole(self.network.len() - 1, dims))
    }

    /// Takes so many numbers from the budget.
    pub fn spend(&mut self, numbers: usize) -> Result<(), String> {
        let left = self.budget.checked_sub(numbers);
        self.budget = left.ok_or("makes more of the file's numbers than an encoder would")?;
        Ok(())
    }

    /// A view of a tensor.
    pub fn view(&mut self, frames: &Frames) -> Result<View, String> {
        let view = match frames.content {
            Content::View(ref view) => return Ok(view.clone()),
            Content::Picture { eye, picture } => self.seen(eye, picture)?,
        };
        self.reshaped(&view, &frames.dims)
    }

    /// A view in another shape of as many numbers: a copy where there is no such view.
    pub fn reshaped(&mut self, view: &View, dims: &[usize]) -> Result<View, String> {
        if let Some(view) = view.reshaped(dims) {
            return Ok(view);
        }
        self.step(Step::Joined(vec![view.clone()], 0), view.dims.clone())?
            .reshaped(dims)
            .ok_or_else(|| format!("turns {:?} into {dims:?}", view.dims))
    }

    /// The value of a view, of the same form as a tensor.
    pub fn like(&self, frames: &Frames, view: View) -> Value {
        Value::Frames(Frames { apart: frames.apart, dims: view.dims.clone(), content: Content::View(view) })
    }
}

/// The value of a constant.
fn stored(found: Result<Constant, ConstantError>) -> Result<Value, String> {
    match constant(found)? {
        value::Value::Numbers(numbers) if numbers.dims.len() <= MOST_AXES => Ok(Value::Numbers(numbers)),
        value::Value::Sizes(sizes) => Ok(Value::Sizes(sizes)),
        _ => Err("has too many axes".into()),
    }
}
