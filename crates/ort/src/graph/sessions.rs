//! The sessions that a graph is run by: one for all batch sizes, or one for each of a few.

use ort::session::{Session, builder::GraphOptimizationLevel};

use super::{Layout, conditioning::Conditioning, tensors::Tensors};
use crate::{Runtime, runtime::Execution};

/// Sizes of batches for which tensors are kept; those of a larger one are made anew whenever the size changes.
const KEPT: usize = 128;

/// Sessions, and the tensors bound to them.
#[derive(Debug)]
pub(super) enum Sessions {
    /// The provider is as fast if the size is open.
    Open {
        session: Session,
        /// By rows, less one; the last place is that of all larger sizes.
        tensors: Vec<Option<Tensors>>,
    },
    /// By rows, increasing. A batch goes to the first that has room for it, one that is larger than the last in parts.
    Fixed(Vec<(usize, Session, Option<Tensors>)>),
}

impl Sessions {
    /// One session for batches of all sizes.
    pub fn open_size(session: Session) -> Self {
        Self::Open { session, tensors: (0..=KEPT).map(|_| None).collect() }
    }

    /// As many as the provider is fastest with; `batch` holds the names that the graph has for the size of a batch.
    pub fn open(graph: &[u8], runtime: &Runtime, how: Execution, batch: &[&str]) -> ort::Result<Self> {
        let fixed = how.batch_sizes();
        if fixed.is_empty() || batch.is_empty() {
            return Ok(Self::open_size(open(graph, runtime, how, &[])?));
        }
        let open = |&rows: &usize| {
            let sizes: Vec<_> = batch.iter().map(|&name| (name, rows)).collect();
            Ok((rows, open(graph, runtime, how, &sizes)?, None))
        };
        fixed.iter().map(open).collect::<ort::Result<_>>().map(Self::Fixed)
    }

    /// A session and its tensors for a batch of `rows`, or for a part of it.
    pub fn of(
        &mut self,
        rows: usize,
        layout: &Layout,
        conditioning: &Conditioning,
    ) -> ort::Result<(&mut Session, &mut Tensors)> {
        match self {
            Self::Open { session, tensors } => {
                let tensors = at_size(&mut tensors[(rows - 1).min(KEPT)], session, layout, conditioning, rows)?;
                Ok((session, tensors))
            }
            Self::Fixed(sessions) => {
                let index = sessions.partition_point(|(size, ..)| *size < rows).min(sessions.len() - 1);
                let (size, session, place) = &mut sessions[index];
                let tensors = at_size(place, session, layout, conditioning, *size)?;
                Ok((session, tensors))
            }
        }
    }
}

/// The tensors at a place, made first if they are not there or of another size.
fn at_size<'a>(
    place: &'a mut Option<Tensors>,
    session: &Session,
    layout: &Layout,
    conditioning: &Conditioning,
    rows: usize,
) -> ort::Result<&'a mut Tensors> {
    let tensors = match place.take() {
        Some(tensors) if tensors.rows() == rows => tensors,
        _ => Tensors::new(session, layout, conditioning, rows)?,
    };
    Ok(place.insert(tensors))
}

/// Opens a session of these bytes in which the sizes of these names are fixed.
pub(super) fn open(graph: &[u8], runtime: &Runtime, how: Execution, sizes: &[(&str, usize)]) -> ort::Result<Session> {
    let mut builder = Session::builder(runtime.environment())?.with_optimization_level(GraphOptimizationLevel::All)?;
    for &(name, size) in sizes {
        builder = builder.with_dimension_override(name, size as i64)?;
    }
    how.prepare(builder)?.commit_from_memory(graph)
}
