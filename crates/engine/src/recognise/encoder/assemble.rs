//! Fuses the pictures of a network to layers.

use std::collections::BTreeMap;

use crate::network::{
    Activation, Convolution, Geometry, GroupNorm, Largest, Layer, Layers, Repeat, Step, Weights, Window,
};

use super::{
    super::{
        buffers::Buffers,
        stage::{self, Stage},
    },
    LARGEST_FRAME,
    picture::{Filter, Kind, Picture},
};

/// The pictures that one step replaces.
#[derive(Debug)]
enum Fused {
    Layer(Block),
    /// A single picture; the picture that it enlarges may be added to another.
    Single {
        at: usize,
        residual: Option<usize>,
    },
}

/// The pictures of a layer.
#[derive(Debug)]
struct Block {
    convolution: usize,
    input: usize,
    norm: Option<GroupNorm>,
    residual: Option<usize>,
    rectified: bool,
}

/// The layers whose result is `last`.
pub fn layers(pictures: &[Picture], last: usize) -> Result<Layers, String> {
    let mut readers = vec![0; pictures.len()];
    readers[last] += 1;
    // Only what the result depends on is computed.
    for at in (0..=last).rev() {
        if readers[at] > 0 {
            pictures[at].kind.of().into_iter().for_each(|of| readers[of] += 1);
        }
    }
    let fuse = Fuse { pictures, readers };
    let mut steps = BTreeMap::new();
    let mut wanted = vec![last];
    while let Some(at) = wanted.pop() {
        if at > 0 && !steps.contains_key(&at) {
            let fused = fuse.step(at).ok_or_else(|| {
                let (operator, node) = &pictures[at].node;
                format!("reads the result of the {operator} node `{node}`, which does not end a layer")
            })?;
            wanted.extend(fused.reads(pictures));
            steps.insert(at, fused);
        }
    }
    // Rows of pixels have no gaps between them: where only convolutions read the images, each row is a position.
    let by_rows = |fused: &Fused| matches!(fused, Fused::Layer(block) if block.input == 0 && block.residual != Some(0));
    let rows = steps.values().filter(|fused| fused.reads(pictures).contains(&0)).all(by_rows);
    let shape = |(at, picture): (usize, &Picture)| {
        let Picture { channels, size: [height, width], .. } = *picture;
        let (positions, channels) =
            if at == 0 && rows { (height, width * channels) } else { (height * width, channels) };
        Stage { positions, channels, kind: stage::Kind::Sample, node: picture.node.clone() }
    };
    let shapes: Vec<_> = pictures.iter().enumerate().map(shape).collect();
    let reads = steps.iter().map(|(&at, fused)| (at, fused.reads(pictures)));
    let in_words = |error: crate::EngineError| error.to_string();
    let mut buffers = Buffers::new(&shapes, last, &[], reads, LARGEST_FRAME).map_err(in_words)?;
    let mut found = Vec::with_capacity(steps.len());
    for (at, fused) in steps {
        let residual = match fused {
            Fused::Layer(Block { residual, .. }) | Fused::Single { residual, .. } => residual,
        };
        let inputs: Vec<_> = fused.reads(pictures)[..1].to_vec();
        let (inputs, residual, output) = buffers.place(&shapes, at, &inputs, residual).map_err(in_words)?;
        found.push(fused.step(pictures, [inputs[0], output], residual)?);
    }
    Ok(Layers {
        sample: buffers.sample(),
        prediction: buffers.at(&shapes, last),
        steps: found,
        buffers: buffers.sizes(),
        conditioning_tokens: vec![],
        film_channels: 0,
    })
}

struct Fuse<'p> {
    pictures: &'p [Picture],
    /// How many others read each picture.
    readers: Vec<usize>,
}

impl Fuse<'_> {
    /// The step that ends with a picture.
    fn step(&self, at: usize) -> Option<Fused> {
        match self.pictures[at].kind {
            Kind::Largest(..) | Kind::Repeat(..) => Some(Fused::Single { at, residual: None }),
            Kind::Rectified(of) => {
                let block = self.own(of)?;
                (!block.rectified).then_some(Fused::Layer(Block { rectified: true, ..block }))
            }
            Kind::Sum(a, b) => match (self.repeated(a), self.repeated(b)) {
                (_, true) => Some(Fused::Single { at: b, residual: Some(a) }),
                (true, _) => Some(Fused::Single { at: a, residual: Some(b) }),
                _ => self.block(at).map(Fused::Layer),
            },
            _ => self.block(at).map(Fused::Layer),
        }
    }

    /// Whether a picture is an enlarged one that nothing else reads.
    fn repeated(&self, at: usize) -> bool {
        self.readers[at] == 1 && matches!(self.pictures[at].kind, Kind::Repeat(..))
    }

    /// The layer that ends with a picture that nothing but the end of the layer reads.
    fn own(&self, at: usize) -> Option<Block> {
        if self.readers[at] == 1 { self.block(at) } else { None }
    }

    /// `residual + normalise(convolve(input))`; all but the convolution are optional.
    fn block(&self, at: usize) -> Option<Block> {
        match &self.pictures[at].kind {
            &Kind::Convolution(input, ..) => {
                Some(Block { convolution: at, input, norm: None, residual: None, rectified: false })
            }
            Kind::Norm(of, norm) => {
                let block = self.own(*of).filter(|block| block.norm.is_none() && block.residual.is_none())?;
                Some(Block { norm: Some(norm.clone()), ..block })
            }
            &Kind::Sum(a, b) if a != b => {
                let plain = |at| self.own(at).filter(|block| block.residual.is_none());
                // The later one is the end of a branch; the other is its shortcut.
                let (first, second) = if a > b { (a, b) } else { (b, a) };
                let with = |at, residual| plain(at).map(|block| Block { residual: Some(residual), ..block });
                with(first, second).or_else(|| with(second, first))
            }
            _ => None,
        }
    }
}

impl Fused {
    fn reads(&self, pictures: &[Picture]) -> Vec<usize> {
        match self {
            Self::Layer(block) => [block.input].into_iter().chain(block.residual).collect(),
            Self::Single { at, residual } => pictures[*at].kind.of().into_iter().chain(*residual).collect(),
        }
    }

    fn step(
        self,
        pictures: &[Picture],
        [input, output]: [Activation; 2],
        residual: Option<Activation>,
    ) -> Result<Step, String> {
        match self {
            Self::Single { at, .. } => match pictures[at].kind {
                Kind::Largest(_, window) => Ok(Step::Largest(Largest { input, output, window })),
                Kind::Repeat(of, times) => {
                    Ok(Step::Repeat(Repeat { input, output, image: pictures[of].size, times, residual }))
                }
                _ => Err("ends no step".into()),
            },
            Self::Layer(Block { convolution, input: of, norm, rectified, .. }) => {
                let Kind::Convolution(_, window, filter) = &pictures[convolution].kind else {
                    return Err("ends no layer".into());
                };
                let channels = pictures[of].channels;
                let pointwise = window.taps() == 1 && window.stride == [1, 1] && of > 0;
                Ok(Step::Layer(Layer {
                    inputs: vec![input],
                    output,
                    convolution: product(window, filter, channels),
                    window: (!pointwise).then_some(*window),
                    norm,
                    nonlinearity: None,
                    film: None,
                    residual,
                    rectified,
                }))
            }
        }
    }
}

/// The product with the rows that a window gathers, `[tap, channel]` each.
fn product(window: &Window, filter: &Filter, channels: usize) -> Convolution {
    let (taps, outputs) = (window.taps(), filter.bias.len());
    let inputs = taps * channels;
    let weights = if taps == 1 && filter.scale.iter().all(|&scale| scale == 1.0) {
        filter.weights.clone()
    } else {
        let rows = (0..outputs).flat_map(|output| (0..taps).map(move |tap| (output, tap)));
        let all = rows.flat_map(|(output, tap)| (0..channels).map(move |channel| (output, tap, channel)));
        let weight = |(output, tap, channel)| {
            filter.weights.at((output * channels + channel) * taps + tap) * filter.scale[output]
        };
        all.map(weight).collect()
    };
    let weights = Weights::strided(weights, [0, 1, inputs]);
    Convolution { geometry: Geometry::POINTWISE, inputs, outputs, weights, bias: filter.bias.clone() }
}
