//! Attention (Vaswani et al. 2017, arXiv 1706.03762), written as products of tensors with an axis of heads.

use parapolicy_onnx::message::Node;

use super::{
    reader::{LARGEST_ROW, Reader},
    stage::Kind,
    value::{Content, Heads, Numbers, Rows, Scores, Value},
};

impl Reader<'_> {
    /// Exchanges axes of tokens and heads; `permutation` includes the batch.
    pub fn transpose_heads(&mut self, node: &Node, rows: &Rows, permutation: &[i64]) -> Result<Value, String> {
        let &[first, second, third] = rows.dims.as_slice() else {
            return Err(format!("turns rows of shape {:?}", rows.dims));
        };
        let (dims, content) = match (&rows.content, permutation) {
            (Content::Heads(heads @ Heads { stage, transposed: false, turn: None, .. }), [0, 2, 1, 3])
                if self.are_heads(rows, heads) =>
            {
                (vec![second, first, third], Content::Stage { stage: *stage, transposed: true })
            }
            (Content::Heads(heads), [0, 1, 3, 2]) if self.are_heads(rows, heads) => {
                let transposed = !heads.transposed;
                (vec![first, third, second], Content::Heads(Heads { transposed, ..heads.clone() }))
            }
            (Content::Stage { transposed: true, .. } | Content::Features(_), [0, 2, rest @ ..]) => {
                let channels = second.checked_mul(third).ok_or("has no such channels")?;
                let stage = self.tokens(node, &rows.reshaped(vec![first, channels]))?;
                let heads = |transposed| Content::Heads(Heads { stage, heads: second, transposed, turn: None });
                match rest {
                    [1, 3] => (vec![second, first, third], heads(false)),
                    [3, 1] => (vec![second, third, first], heads(true)),
                    _ => return Err(format!("turns axes by {permutation:?}")),
                }
            }
            _ => return Err(format!("turns axes by {permutation:?} what is neither tokens nor heads")),
        };
        Ok(Value::Rows(Rows { dims, content }))
    }

    /// Whether a tensor has the shape of its heads.
    pub fn are_heads(&self, rows: &Rows, heads: &Heads) -> bool {
        rows.dims == self.shape_of_heads(heads)
    }

    pub fn shape_of_heads(&self, &Heads { stage, heads, transposed, .. }: &Heads) -> [usize; 3] {
        let stage = &self.stages[stage];
        let depth = stage.channels / heads;
        if transposed { [heads, depth, stage.positions] } else { [heads, stage.positions, depth] }
    }

    fn are_scores(&self, rows: &Rows, scores: &Scores) -> bool {
        rows.dims == [scores.heads, self.stages[scores.query].positions, self.stages[scores.key].positions]
    }

    /// Scores from queries and keys, or the output from scores and values.
    pub fn product_of_heads(&mut self, node: &Node, a: &Rows, b: &Rows) -> Result<Value, String> {
        let unfit = || Err(format!("multiplies rows of shapes {:?} and {:?} that are no heads", a.dims, b.dims));
        let Content::Heads(heads_by) = &b.content else { return unfit() };
        if !self.are_heads(b, heads_by) {
            return unfit();
        }
        let &Heads { stage: by, heads: count_by, transposed, turn: ref key_turn } = heads_by;
        match &a.content {
            Content::Heads(asked) if self.are_heads(a, asked) && !asked.transposed && transposed => {
                let &Heads { stage: query, heads, turn: ref query_turn, .. } = asked;
                let (queries, keys) = (&self.stages[query], &self.stages[by]);
                let dims = vec![heads, queries.positions, keys.positions];
                if heads != count_by || queries.channels != keys.channels {
                    return unfit();
                }
                if dims.iter().try_fold(1_usize, |all, &dim| all.checked_mul(dim)).is_none_or(|all| all > LARGEST_ROW) {
                    return Err(format!("makes scores of shape {dims:?}, too many for a plan"));
                }
                let (query_turn, key_turn) = (query_turn.clone(), key_turn.clone());
                let (scale, mask, softmax) = (1.0, None, false);
                let scores = Scores { query, key: by, query_turn, key_turn, heads, scale, mask, softmax };
                Ok(Value::Rows(Rows { dims, content: Content::Scores(scores) }))
            }
            Content::Scores(scores)
                if scores.softmax && self.are_scores(a, scores) && !transposed && key_turn.is_none() =>
            {
                let (keys, values) = (&self.stages[scores.key], &self.stages[by]);
                let heads = scores.heads;
                if heads != count_by || (keys.positions, keys.channels) != (values.positions, values.channels) {
                    return unfit();
                }
                let (channels, positions) = (keys.channels, self.stages[scores.query].positions);
                let stage = self.add(node, Kind::Attention(scores.clone(), by), [channels, positions])?;
                let dims = vec![heads, positions, channels / heads];
                let content = Content::Heads(Heads { stage, heads, transposed: false, turn: None });
                Ok(Value::Rows(Rows { dims, content }))
            }
            _ => unfit(),
        }
    }

    /// Scales or masks scores.
    pub fn adjusted_scores(&mut self, rows: &Rows, scores: &Scores, by: &Numbers, sum: bool) -> Result<Value, String> {
        let mut scores = scores.clone();
        if scores.softmax || scores.mask.is_some() || !self.are_scores(rows, &scores) {
            return Err("changes scores that are done".into());
        }
        if sum {
            self.spend(rows.dims[1] * rows.dims[2])?;
            let mask = by.repeated(&rows.dims[1..]);
            scores.mask =
                Some(mask.ok_or_else(|| format!("masks scores by a constant of shape {:?}", by.dims))?.into());
        } else if by.values.len() == 1 {
            scores.scale *= by.values.at(0);
        } else {
            return Err(format!("scales scores by a constant of shape {:?}", by.dims));
        }
        Ok(Value::Rows(Rows { dims: rows.dims.clone(), content: Content::Scores(scores) }))
    }

    pub fn softmax(&self, node: &Node) -> Result<Value, String> {
        let default = if self.opset < 13 { 1 } else { -1 };
        match self.input(node, 0)? {
            Value::Rows(Rows { dims, content: Content::Scores(scores) })
                if !scores.softmax && matches!(node.int("axis", default), -1 | 3) =>
            {
                Ok(Value::Rows(Rows { dims, content: Content::Scores(Scores { softmax: true, ..scores }) }))
            }
            _ => Err("is of no scores between tokens".into()),
        }
    }
}
