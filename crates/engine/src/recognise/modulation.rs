//! Feature-wise linear modulation, FiLM (Perez et al. 2017, arXiv 1709.07871): features that scale and shift channels. What
//! they scale and shift may be normalised tokens (adaLN), and what they scale a block's result before it is added (adaLN-Zero;
//! both Peebles and Xie 2023, arXiv 2212.09748, section 3.2).

use parapolicy_onnx::message::Node;

use super::{
    reader::Reader,
    stage::{Kind, Modulation},
    value::{Content, Piece, Rows, Value},
};

impl Reader<'_> {
    /// A product or a sum of a stage and features, one for each channel.
    pub fn modulation(
        &mut self,
        node: &Node,
        sequence: &Rows,
        features: &Rows,
        pieces: &[Piece],
        sum: bool,
    ) -> Result<Value, String> {
        let tokens = matches!(sequence.content, Content::Stage { transposed: true, .. });
        let of = if tokens { self.tokens(node, sequence)? } else { self.sequence(sequence)? };
        let shape = [self.stages[of].channels, self.stages[of].positions];
        let mut wanted = vec![1; sequence.dims.len()];
        wanted[usize::from(tokens)] = shape[0];
        if features.dims != wanted {
            return Err(format!("modulates {} channels by features of shape {:?}", shape[0], features.dims));
        }
        self.spend(pieces.len())?;
        let pieces = Some(pieces.to_vec());
        let kind = match &self.stages[of].kind {
            Kind::Film(of, Modulation { scale, bias: None }) if sum => {
                Kind::Film(*of, Modulation { scale: scale.clone(), bias: pieces })
            }
            _ if sum => Kind::Film(of, Modulation { scale: None, bias: pieces }),
            _ => Kind::Film(of, Modulation { scale: pieces, bias: None }),
        };
        if tokens { self.token_stage(node, kind, shape) } else { self.stage(node, kind, shape, sequence.dims.clone()) }
    }
}
