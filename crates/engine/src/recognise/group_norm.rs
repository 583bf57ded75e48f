//! Group normalisation (Wu and He 2018, arXiv 1803.08494), in each form in which exporters write it.
//!
//! Instance normalisation of a tensor whose rows are reshaped to `[groups, …]` *is* group normalisation. Scales and biases
//! that follow, as products and sums or as a batch normalisation, are those of its channels.

use parapolicy_onnx::message::Node;

use crate::network::GroupNorm;

use super::{
    reader::Reader,
    stage::Kind,
    value::{Content, Numbers, Rows, Value},
};

impl Reader<'_> {
    pub fn norm(&mut self, node: &Node) -> Result<Value, String> {
        let Value::Rows(rows) = self.input(node, 0)? else { return Err("is of a constant".into()) };
        match node.operator.as_str() {
            "BatchNormalization" => self.batch_norm(node, &rows),
            "GroupNormalization" => {
                let groups = usize::try_from(node.int("num_groups", 0)).unwrap_or(0);
                self.sequence(&rows)?;
                self.group_norm(node, &rows, groups)
            }
            _ => self.group_norm(node, &rows, *rows.dims.first().ok_or("is of single numbers")?),
        }
    }

    fn group_norm(&mut self, node: &Node, rows: &Rows, groups: usize) -> Result<Value, String> {
        let Content::Stage { stage, transposed: false } = rows.content else {
            return Err("is of something else than a sequence".into());
        };
        let (channels, positions) = (self.stages[stage].channels, self.stages[stage].positions);
        if groups == 0 || !channels.is_multiple_of(groups) {
            return Err(format!("normalises {channels} channels in {groups} groups"));
        }
        self.spend(2 * channels)?;
        // One for each channel, or for each group (InstanceNormalization, GroupNormalization before opset 21).
        let each = |numbers: Numbers| match numbers.values.len() {
            len if len == channels => Ok(numbers.values.to_vec()),
            len if len == groups => Ok((0..channels).map(|c| numbers.values.at(c / (channels / groups))).collect()),
            len => Err(format!("has {len} scales or biases for {channels} channels in {groups} groups")),
        };
        let (scale, bias) = (each(self.numbers(node, 1)?)?, each(self.numbers(node, 2)?)?);
        let norm = GroupNorm { groups, epsilon: node.float("epsilon", 1e-5), scale, bias };
        self.stage(node, Kind::Norm(stage, norm), [channels, positions], rows.dims.clone())
    }

    fn batch_norm(&mut self, node: &Node, rows: &Rows) -> Result<Value, String> {
        let parts = [1, 2, 3, 4].map(|index| self.numbers(node, index));
        let [scale, bias, mean, variance] = parts;
        let [scale, bias, mean, variance] =
            [scale?.values.to_vec(), bias?.values.to_vec(), mean?.values.to_vec(), variance?.values.to_vec()];
        let epsilon = node.float("epsilon", 1e-5);
        if node.int("training_mode", 0) != 0 {
            return Err("is in training".into());
        }
        let len = scale.len();
        if [&bias, &mean, &variance].iter().any(|numbers| numbers.len() != len) {
            return Err("has scales, biases, means and variances of different numbers".into());
        }
        let factor: Vec<f32> = (0..len).map(|c| scale[c] / (variance[c] + epsilon).sqrt()).collect();
        let offset: Vec<f32> = (0..len).map(|c| bias[c] - mean[c] * factor[c]).collect();
        self.scaled(node, rows, Some(&factor), Some(&offset))
    }

    /// A sequence times, or plus, a constant for each channel.
    pub fn affine(&mut self, node: &Node, rows: &Rows, by: &Numbers, sum: bool) -> Result<Value, String> {
        let channel_axis = by.dims.iter().rev().take(rows.dims.len()).next_back();
        let others = by.dims.iter().filter(|&&dim| dim != 1).count();
        let of_channels = by.dims.len() >= rows.dims.len() && channel_axis == Some(&by.values.len()) && others <= 1;
        if !of_channels {
            return Err(format!("has rows of shape {:?} and a constant of shape {:?}", rows.dims, by.dims));
        }
        let values = by.values.to_vec();
        self.scaled(node, rows, (!sum).then_some(&values), sum.then_some(&values))
    }

    /// `factor·x + offset` of a normalised sequence.
    fn scaled(
        &mut self,
        node: &Node,
        rows: &Rows,
        factor: Option<&[f32]>,
        offset: Option<&[f32]>,
    ) -> Result<Value, String> {
        let stage = self.sequence(rows)?;
        let (channels, positions) = (self.stages[stage].channels, self.stages[stage].positions);
        let lens = [factor, offset].into_iter().flatten();
        if lens.map(<[f32]>::len).any(|len| len != channels) {
            return Err(format!("has not as many constants as the {channels} channels"));
        }
        self.spend(2 * channels)?;
        let Kind::Norm(of, mut norm) = self.stages[stage].kind.clone() else {
            return Err("scales or shifts channels that are not normalised".into());
        };
        for (c, (scale, bias)) in norm.scale.iter_mut().zip(&mut norm.bias).enumerate() {
            let factor = factor.map_or(1.0, |factor| factor[c]);
            *scale *= factor;
            *bias = *bias * factor + offset.map_or(0.0, |offset| offset[c]);
        }
        self.stage(node, Kind::Norm(of, norm), [channels, positions], rows.dims.clone())
    }
}
