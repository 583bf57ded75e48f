//! Random graphs of what policies of other origin have in them: ids that choose rows of a table, clips, thresholds, masks of
//! −1e9, observations in raw units, norms over all values, products of both sides.

use parapolicy_onnx::message::{
    Attribute, Axis, AxisSize, FLOAT, GraphProto, INT64, Model, Node, OperatorSet, Shape, Tensor, TensorType, Type,
    ValueInfo,
};
use prost::{Message, bytes::Bytes};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Features of each side.
const WIDE: i64 = 6;
pub const HORIZON: i64 = 4;
pub const ACTION: i64 = 2;
/// An id, a number in raw units, two normalised ones.
pub const SEEN: i64 = 4;

/// A graph, and the unit of its raw observation.
pub struct Random {
    pub bytes: Vec<u8>,
    pub unit: f64,
    pub description: String,
}

/// Writes nodes one after the other.
pub struct Writer {
    nodes: Vec<Node>,
    constants: Vec<Tensor>,
    rng: ChaCha8Rng,
    said: Vec<&'static str>,
}

impl Writer {
    pub fn new(seed: u64) -> Self {
        Self { nodes: vec![], constants: vec![], rng: ChaCha8Rng::seed_from_u64(seed), said: vec![] }
    }

    pub fn node(&mut self, operator: &str, inputs: &[&str], attributes: &[(&str, i64)]) -> String {
        let output = format!("v{}", self.nodes.len());
        let attribute =
            |&(name, int): &(&str, i64)| Attribute { name: name.into(), int, kind: 2, ..Attribute::default() };
        self.nodes.push(Node {
            operator: operator.into(),
            inputs: inputs.iter().map(ToString::to_string).collect(),
            outputs: vec![output.clone()],
            attributes: attributes.iter().map(attribute).collect(),
            ..Node::default()
        });
        output
    }

    pub fn floats(&mut self, dims: &[i64], numbers: Vec<f32>) -> String {
        let name = format!("c{}", self.constants.len());
        let (dims, data_type) = (dims.to_vec(), FLOAT);
        self.constants.push(Tensor { name: name.clone(), dims, data_type, floats: numbers, ..Tensor::default() });
        name
    }

    pub fn ints(&mut self, numbers: &[i64]) -> String {
        let name = format!("c{}", self.constants.len());
        let (dims, data_type) = (vec![numbers.len() as i64], INT64);
        self.constants.push(Tensor {
            name: name.clone(),
            dims,
            data_type,
            ints: numbers.to_vec(),
            ..Tensor::default()
        });
        name
    }

    pub fn scalar(&mut self, number: f32) -> String {
        self.floats(&[], vec![number])
    }

    fn weights(&mut self, dims: &[i64], spread: f32) -> String {
        let numbers = (0..dims.iter().product()).map(|_| self.rng.random_range(-spread..spread)).collect();
        self.floats(dims, numbers)
    }

    fn one_of(&mut self, choices: &[&'static str]) -> &'static str {
        let chosen = choices[self.rng.random_range(0..choices.len())];
        self.said.push(chosen);
        chosen
    }

    fn linear(&mut self, of: &str, inputs: i64, outputs: i64, spread: f32) -> String {
        let (weights, bias) = (self.weights(&[inputs, outputs], spread), self.weights(&[outputs], spread));
        if self.rng.random() {
            return self.node("Gemm", &[of, &weights, &bias], &[]);
        }
        let product = self.node("MatMul", &[of, &weights], &[]);
        self.node("Add", &[&product, &bias], &[])
    }

    fn by(&mut self, operator: &str, of: &str, number: f32) -> String {
        let number = self.scalar(number);
        self.node(operator, &[of, &number], &[])
    }

    fn clip(&mut self, of: &str, low: f32, high: f32) -> String {
        let (low, high) = (self.scalar(low), self.scalar(high));
        self.node("Clip", &[of, &low, &high], &[])
    }

    fn column(&mut self, of: &str, first: i64, end: i64) -> String {
        let [first, end, axis] = [first, end, 1].map(|number| self.ints(&[number]));
        self.node("Slice", &[of, &first, &end, &axis], &[])
    }

    /// `[batch, WIDE]` of the timestep.
    fn of_timestep(&mut self, floats: bool) -> String {
        let axes = self.ints(&[1]);
        let column = self.node("Unsqueeze", &["timestep", &axes], &[]);
        let numbers = if floats { column.clone() } else { self.node("Cast", &[&column], &[("to", 1)]) };
        match self.one_of(&["sines", "table", "threshold", "ramp"]) {
            "sines" => {
                let rates = self.floats(&[1, WIDE], (0..WIDE).map(|at| 0.5 / (1 << (2 * at)) as f32).collect());
                let angles = self.node("Mul", &[&numbers, &rates], &[]);
                let (sines, cosines) = (self.node("Sin", &[&angles], &[]), self.node("Cos", &[&angles], &[]));
                let both = self.node("Concat", &[&sines, &cosines], &[("axis", -1)]);
                let hidden = self.linear(&both, 2 * WIDE, WIDE, 0.7);
                let smooth = self.node("Softplus", &[&hidden], &[]);
                let bent = self.node("Tanh", &[&smooth], &[]);
                self.node("Mul", &[&hidden, &bent], &[])
            }
            "table" => {
                let whole = self.node("Cast", &["timestep"], &[("to", 7)]);
                let table = self.weights(&[100, WIDE], 1.0);
                self.node("Gather", &[&table, &whole], &[("axis", 0)])
            }
            "threshold" => {
                let at = self.rng.random_range(20.0..80.0);
                let late = self.by("Greater", &numbers, at);
                let late = self.node("Cast", &[&late], &[("to", 1)]);
                self.linear(&late, 1, WIDE, 1.0)
            }
            _ => {
                let centred = self.by("Sub", &numbers, 50.0);
                let rate = self.rng.random_range(0.1..1.0);
                let scaled = self.by("Mul", &centred, rate);
                let slopes = self.weights(&[1, WIDE], 1.0);
                self.node("Mul", &[&scaled, &slopes], &[])
            }
        }
    }

    /// `[batch, WIDE]` of the observation.
    fn of_observation(&mut self, unit: f32) -> String {
        match self.one_of(&["ids", "raw", "clipped", "mask", "normalised"]) {
            "ids" => {
                let axes = self.ints(&[1]);
                let column = self.column("observation", 0, 1);
                let column = self.node("Squeeze", &[&column, &axes], &[]);
                let ids = self.node("Cast", &[&column], &[("to", 7)]);
                let table = self.weights(&[5, WIDE], 2.0);
                self.node("Gather", &[&table, &ids], &[("axis", 0)])
            }
            "raw" => {
                let column = self.column("observation", 1, 2);
                let centred = self.by("Sub", &column, unit);
                let scaled = self.by("Div", &centred, unit / 4.0);
                self.linear(&scaled, 1, WIDE, 1.0)
            }
            "clipped" => {
                let column = self.column("observation", 1, 2);
                let centred = self.by("Sub", &column, unit);
                let clipped = self.clip(&centred, -1.0, 1.0);
                self.linear(&clipped, 1, WIDE, 3.0)
            }
            "mask" => {
                let column = self.column("observation", 1, 2);
                let far = self.by("Greater", &column, unit);
                let (mask, rest) = (self.scalar(-1e9), self.column("observation", 2, 4));
                let logits = self.linear(&rest, 2, WIDE, 2.0);
                let masked = self.node("Where", &[&far, &mask, &logits], &[]);
                let some = self.column(&masked, 0, WIDE / 2);
                let others = self.column(&logits, WIDE / 2, WIDE);
                let both = self.node("Concat", &[&some, &others], &[("axis", 1)]);
                self.node("Softmax", &[&both], &[("axis", -1)])
            }
            _ => {
                let rest = self.column("observation", 2, 4);
                self.linear(&rest, 2, WIDE, 1.0)
            }
        }
    }

    /// `[batch, 2 * WIDE]` of both.
    fn combined(&mut self, t: &str, o: &str) -> String {
        let joined = |writer: &mut Self| writer.node("Concat", &[t, o], &[("axis", -1)]);
        let narrow = match self.one_of(&[
            "joined",
            "joined",
            "film",
            "gate",
            "clipped sum",
            "product",
            "norm",
            "softmax",
            "choice",
            "tokens",
            "largest",
        ]) {
            "joined" => return joined(self),
            "film" => {
                let joined = joined(self);
                let smooth = self.node("Softplus", &[&joined], &[]);
                let bent = self.node("Tanh", &[&smooth], &[]);
                return self.node("Mul", &[&joined, &bent], &[]);
            }
            "norm" => {
                let joined = joined(self);
                let scale = self.weights(&[2 * WIDE], 1.0);
                return self.node("LayerNormalization", &[&joined, &scale], &[("axis", -1)]);
            }
            "softmax" => {
                let joined = joined(self);
                return self.node("Softmax", &[&joined], &[("axis", 1)]);
            }
            "tokens" => {
                let axes = self.ints(&[1]);
                let tokens = [t, o].map(|side| self.node("Unsqueeze", &[side, &axes], &[]));
                let tokens = self.node("Concat", &[&tokens[0], &tokens[1]], &[("axis", 1)]);
                let places = self.weights(&[1, 2, WIDE], 1.0);
                let placed = self.node("Add", &[&tokens, &places], &[]);
                let hidden = self.linear_of_tokens(&placed);
                let hidden = self.node("Sigmoid", &[&hidden], &[]);
                let to = self.ints(&[-1, 2 * WIDE]);
                return self.node("Reshape", &[&hidden, &to], &[]);
            }
            "gate" => {
                let sum = self.node("Add", &[t, o], &[]);
                self.node("Sigmoid", &[&sum], &[])
            }
            "clipped sum" => {
                let sum = self.node("Add", &[t, o], &[]);
                self.clip(&sum, -0.5, 0.5)
            }
            "product" => self.node("Mul", &[t, o], &[]),
            "choice" => {
                let first = self.column("observation", 2, 3);
                let positive = self.by("Greater", &first, 0.0);
                self.node("Where", &[&positive, t, o], &[])
            }
            _ => {
                let joined = joined(self);
                let axes = self.ints(&[1]);
                let largest = self.node("ReduceMax", &[&joined, &axes], &[("keepdims", 1)]);
                self.node("Sub", &[t, &largest], &[])
            }
        };
        self.node("Concat", &[&narrow, t], &[("axis", 1)])
    }

    fn linear_of_tokens(&mut self, of: &str) -> String {
        let weights = self.weights(&[WIDE, WIDE], 1.0);
        let product = self.node("MatMul", &[of, &weights], &[]);
        let bias = self.weights(&[WIDE], 1.0);
        self.node("Add", &[&product, &bias], &[])
    }

    /// The sample, scaled and shifted by what is made of `features`.
    fn prediction(&mut self, features: &str) -> String {
        let numbers = HORIZON * ACTION;
        let film = self.linear(features, 2 * WIDE, 2 * numbers, 0.3);
        let film =
            if self.one_of(&["bounded", "plain"]) == "bounded" { self.node("Tanh", &[&film], &[]) } else { film };
        let [scale, shift] = [0, 1].map(|half| {
            let half = self.column(&film, half * numbers, (half + 1) * numbers);
            let to = self.ints(&[-1, HORIZON, ACTION]);
            self.node("Reshape", &[&half, &to], &[])
        });
        let scaled = self.node("Mul", &["sample", &scale], &[]);
        self.node("Add", &[&scaled, &shift], &[])
    }

    /// The model; `output` becomes the prediction.
    pub fn model(mut self, output: &str, floats: bool) -> Vec<u8> {
        self.nodes.push(Node {
            operator: "Identity".into(),
            inputs: vec![output.into()],
            outputs: vec!["prediction".into()],
            ..Node::default()
        });
        let timestep = if floats { FLOAT } else { INT64 };
        let inputs = [
            tensor("sample", FLOAT, &[HORIZON, ACTION]),
            tensor("timestep", timestep, &[]),
            tensor("observation", FLOAT, &[SEEN]),
        ];
        let graph = GraphProto {
            nodes: encoded(&self.nodes),
            name: "random".into(),
            initializers: encoded(&self.constants),
            inputs: encoded(&inputs),
            outputs: encoded(&[tensor("prediction", FLOAT, &[HORIZON, ACTION])]),
            sparse_initializers: vec![],
        };
        let version = self.rng.random_range(18..23);
        let operator_sets = encoded(&[OperatorSet { domain: String::new(), version }]);
        Model { ir_version: 8, graph: Some(graph), operator_sets, functions: vec![] }.encode_to_vec()
    }
}

/// A random graph.
pub fn random(seed: u64) -> Random {
    let mut writer = Writer::new(seed);
    let floats = writer.rng.random();
    let unit = 10_f32.powi(writer.rng.random_range(3..6));
    let (t, o) = (writer.of_timestep(floats), writer.of_observation(unit));
    let both = writer.combined(&t, &o);
    let prediction = writer.prediction(&both);
    let description = format!("graph {seed}: {}", writer.said.join(", "));
    Random { bytes: writer.model(&prediction, floats), unit: f64::from(unit), description }
}

fn encoded<M: Message>(messages: &[M]) -> Vec<Bytes> {
    messages.iter().map(|message| message.encode_to_vec().into()).collect()
}

fn tensor(name: &str, element: i32, sizes: &[i64]) -> ValueInfo {
    let axis = |size| Axis { size: Some(size) };
    let batch = axis(AxisSize::Named("batch".into()));
    let axes = [batch].into_iter().chain(sizes.iter().map(|&size| axis(AxisSize::Fixed(size)))).collect();
    let tensor = TensorType { element, shape: Some(Shape { axes }) };
    ValueInfo { name: name.into(), kind: Some(Type { tensor: Some(tensor) }) }
}
