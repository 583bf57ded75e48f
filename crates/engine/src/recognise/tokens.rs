//! Sequences whose positions are tokens, `[position, channel]`: layer normalisation, shifts, sums.

use parapolicy_onnx::message::Node;

use crate::network::{Feature, GroupNorm};

use super::{
    reader::Reader,
    stage::Kind,
    value::{Content, Numbers, Piece, Rows, Value},
};

impl Reader<'_> {
    /// The stage that a tensor is, if it consists of tokens. Functions of the timestep and the observation become a stage.
    pub fn tokens(&mut self, node: &Node, rows: &Rows) -> Result<usize, String> {
        match (&rows.content, &rows.dims[..]) {
            (&Content::Stage { stage, transposed: true }, dims)
                if dims == [self.stages[stage].positions, self.stages[stage].channels] =>
            {
                Ok(stage)
            }
            (Content::Features(pieces), &[positions, channels]) => {
                self.conditioning_tokens(node, pieces.clone(), [channels, positions])
            }
            _ => Err(format!("reads rows of shape {:?} that are no tokens", rows.dims)),
        }
    }

    /// Adds a stage of tokens.
    pub fn token_stage(&mut self, node: &Node, kind: Kind, shape: [usize; 2]) -> Result<Value, String> {
        let stage = self.add(node, kind, shape)?;
        Ok(Value::Rows(Rows { dims: vec![shape[1], shape[0]], content: Content::Stage { stage, transposed: true } }))
    }

    /// A stage of conditioning tokens. Equal ones share a stage.
    fn conditioning_tokens(
        &mut self,
        node: &Node,
        pieces: Vec<Piece>,
        [channels, positions]: [usize; 2],
    ) -> Result<usize, String> {
        let kind = Kind::ConditioningTokens(pieces);
        let same = self.stages.iter().position(|stage| {
            matches!((&stage.kind, &kind), (Kind::ConditioningTokens(a), Kind::ConditioningTokens(b)) if a == b)
                && (stage.channels, stage.positions) == (channels, positions)
        });
        self.spend(channels * positions)?;
        same.map_or_else(|| self.add(node, kind, [channels, positions]), Ok)
    }

    /// Layer normalisation (Ba et al. 2016, arXiv 1607.06450).
    pub fn layer_norm(&mut self, node: &Node) -> Result<Value, String> {
        let Value::Rows(rows) = self.input(node, 0)? else { return Err("is of a constant".into()) };
        let of = self.tokens(node, &rows)?;
        let (channels, positions) = (self.stages[of].channels, self.stages[of].positions);
        if !matches!(node.int("axis", -1), -1 | 2) {
            return Err("normalises more than the channels of a token".into());
        }
        let scale = self.numbers(node, 1)?.values.to_vec();
        let bias = self.optional_numbers(node, 2)?.map_or_else(|| vec![0.0; channels], |bias| bias.values.to_vec());
        if scale.len() != channels || bias.len() != channels {
            return Err(format!("has not as many scales and biases as the {channels} channels"));
        }
        self.spend(2 * channels)?;
        let epsilon = node.float("epsilon", 1e-5);
        let norm = GroupNorm { groups: 1, epsilon, scale, bias };
        self.token_stage(node, Kind::LayerNorm(of, norm), [channels, positions])
    }

    /// Adds a constant. One for each channel is a matrix product's bias; one for each channel of each token is a stage of
    /// conditioning tokens.
    pub fn shifted_tokens(&mut self, node: &Node, rows: &Rows, by: &Numbers) -> Result<Value, String> {
        let of = self.tokens(node, rows)?;
        let (channels, positions) = (self.stages[of].channels, self.stages[of].positions);
        let values = by.values.to_vec();
        self.spend(values.len())?;
        let kind = match by.dims_to(1) {
            dims if dims == [channels] && matches!(self.stages[of].kind, Kind::Convolution(..)) => {
                Kind::Shift(of, values)
            }
            _ if by.dims_to(2) == [positions, channels] => {
                // A product without inputs is its bias.
                let step = self.feature(false, Feature::Linear(vec![], [].into(), values.into()));
                let piece = Piece { len: positions * channels, timestep: None, observation: Some((step, 0)) };
                Kind::Sum(of, self.conditioning_tokens(node, vec![piece], [channels, positions])?)
            }
            _ => return Err(format!("has rows of shape {:?} and a constant of shape {:?}", rows.dims, by.dims)),
        };
        self.token_stage(node, kind, [channels, positions])
    }

    pub fn sum_of_tokens(&mut self, node: &Node, a: &Rows, b: &Rows) -> Result<Value, String> {
        if a.dims != b.dims {
            return Err(format!("adds rows of shapes {:?} and {:?}", a.dims, b.dims));
        }
        let (first, second) = (self.tokens(node, a)?, self.tokens(node, b)?);
        let shape = [self.stages[first].channels, self.stages[first].positions];
        self.token_stage(node, Kind::Sum(first, second), shape)
    }
}
