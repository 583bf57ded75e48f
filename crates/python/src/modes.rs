//! Modes of plans: partitions of points drawn from a Dirichlet process mixture, and what they say together.

use numpy::{AllowTypeChange, IntoPyArray as _, PyArray1, PyArray2, PyArrayLike2, PyArrayLike3, ToPyArray as _};
use parapolicy_modes::{
    Concentration, Features, Gaussian, Mixture, ModeSummary, Partition, Points, Posterior, Search, Start, Strategy,
    medoid,
};
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;

use crate::failure::Failure;
use crate::signals::Signals;

/// Bytes of the labels of all draws, 4 GiB.
const LARGEST_LABELS: usize = 1 << 32;

/// Labels of every draw, `[draws, n]`, and which draw agrees with most; the concentration of each draw.
type Drawn<'py> = (Bound<'py, PyArray2<u32>>, usize, Bound<'py, PyArray1<f64>>);

/// Draws partitions of points from the posterior of a Dirichlet process mixture of Gaussians.
#[pyfunction]
#[pyo3(signature = (points, scale, *, kappa, mean, alpha, strategy, climb, burn_in, draws, seed))]
#[allow(clippy::too_many_arguments, reason = "Python's keyword arguments")]
pub fn sample_partitions<'py>(
    py: Python<'py>,
    points: PyArrayLike2<'py, f64, AllowTypeChange>,
    scale: f64,
    kappa: f64,
    mean: Vec<f64>,
    alpha: Option<f64>,
    strategy: &str,
    climb: usize,
    burn_in: usize,
    draws: usize,
    seed: u64,
) -> Result<Drawn<'py>, Failure> {
    let strategy = named(strategy)?;
    let points = Points::new(points.as_array())?;
    let concentration = alpha.map_or(Concentration::Learnt { shape: 1.0, rate: 1.0 }, Concentration::Fixed);
    let mixture = Mixture::new(Gaussian::around(kappa, mean, scale)?, concentration)?;
    let labels = draws.checked_mul(4 * points.len()).filter(|bytes| *bytes <= LARGEST_LABELS);
    if labels.is_none() {
        let problem = format!("{draws} draws of {} labels take more than {LARGEST_LABELS} bytes", points.len());
        return Err(PyMemoryError::new_err(problem).into());
    }
    let (posterior, best, concentrations) = py.detach(|| {
        let mut signals = Signals::new();
        let start = match climb {
            0 => Start::One,
            iterations => Start::At(mixture.climb(&points, iterations, seed)?),
        };
        let mut chain = mixture.chain(&points, strategy, &start, seed)?;
        let (mut partitions, mut concentrations) = (Vec::new(), Vec::new());
        for iteration in 0..burn_in.saturating_add(draws) {
            signals.check()?;
            chain.step();
            if iteration >= burn_in {
                partitions.push(chain.current());
                concentrations.push(chain.concentration());
            }
        }
        let posterior = Posterior::new(partitions)?;
        // All pairs of points are compared: of many, the last draw has to do.
        let best = if points.len() <= 4096 { posterior.binder() } else { draws - 1 };
        Ok::<_, Failure>((posterior, best, concentrations))
    })?;
    let labels: Vec<u32> = posterior.partitions().iter().flat_map(Partition::labels).copied().collect();
    let labels = ndarray::Array2::from_shape_vec((draws, points.len()), labels)
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((labels.into_pyarray(py), best, concentrations.into_pyarray(py)))
}

fn named(strategy: &str) -> Result<Strategy, Failure> {
    match strategy {
        "launch" => Ok(Strategy::Launch),
        "collapsed" => Ok(Strategy::Collapsed),
        "subclusters" => Ok(Strategy::Subclusters),
        other => {
            let problem = format!("strategy is {other:?}, but must be \"launch\", \"collapsed\" or \"subclusters\"");
            Err(PyValueError::new_err(problem).into())
        }
    }
}

/// What a search has found.
#[pyclass(frozen, module = "parapolicy._native")]
pub struct ModesFound {
    summary: ModeSummary,
    medoids: Vec<usize>,
}

#[pymethods]
impl ModesFound {
    /// P(number of modes that are not rare), at its index.
    #[getter]
    fn numbers<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.summary.numbers.to_pyarray(py)
    }

    /// P(number of components), at its index.
    #[getter]
    fn components<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.summary.components.to_pyarray(py)
    }

    /// The mode of every point, `[n]`.
    #[getter]
    fn labels<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<usize>> {
        self.summary.labels.to_pyarray(py)
    }

    /// Mean and 95 % interval of every mode's weight in every group, `[M, J, 3]` as lists.
    #[getter]
    fn weights(&self) -> Vec<Vec<[f64; 3]>> {
        let of = |weight: &parapolicy_modes::Weight| [weight.mean, weight.interval[0], weight.interval[1]];
        self.summary.modes.iter().map(|mode| mode.weights.iter().map(of).collect()).collect()
    }

    /// The probability that each is a mode of its own, `[M]`.
    #[getter]
    fn apart<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.summary.modes.iter().map(|mode| mode.apart).collect::<Vec<_>>().into_pyarray(py)
    }

    /// Whether each is rare, `[M]`.
    #[getter]
    fn rare<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<bool>> {
        self.summary.modes.iter().map(|mode| mode.rare).collect::<Vec<_>>().into_pyarray(py)
    }

    /// The point of each that is nearest to all of its points, `[M]`.
    #[getter]
    fn medoids<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<usize>> {
        self.medoids.to_pyarray(py)
    }
}

/// Finds modes of points, those of several groups together.
#[pyfunction]
#[pyo3(signature = (points, scale, *, groups, burn_in, draws, thin, rare, seed))]
#[allow(clippy::too_many_arguments, reason = "Python's keyword arguments")]
pub fn search_modes(
    py: Python<'_>,
    points: PyArrayLike2<'_, f64, AllowTypeChange>,
    scale: f64,
    groups: Option<Vec<u32>>,
    burn_in: usize,
    draws: usize,
    thin: usize,
    rare: f64,
    seed: u64,
) -> Result<ModesFound, Failure> {
    let points = points.as_array().to_owned();
    let search = Search { scale, burn_in, draws, thin, rare, seed };
    py.detach(|| {
        let summary = match groups {
            None => search.points(points.view())?,
            Some(groups) => search.together(points.view(), &groups)?,
        };
        let medoids = summary.modes.iter().map(|mode| medoid(points.view(), &mode.members)).collect();
        Ok(ModesFound { summary, medoids })
    })
}

/// Plans as points in which a unit is a distance between plans, `[n, D]`, and the share of the variance that they have.
#[pyfunction]
pub fn plan_features<'py>(
    py: Python<'py>,
    plans: PyArrayLike3<'py, f64, AllowTypeChange>,
    groups: Vec<u32>,
) -> Result<(Bound<'py, PyArray2<f64>>, f64), Failure> {
    let plans = plans.as_array().to_owned();
    let features = py.detach(|| Features::new(plans.view(), &groups))?;
    Ok((features.points.into_pyarray(py), features.kept))
}
