//! A partition with weights and parameters: a whole mixture, drawn from the posterior.

/// A mixture drawn from the posterior.
#[derive(Clone, Debug)]
pub struct Draw<P> {
    /// The component of every point, `[n]`.
    pub labels: Vec<u32>,
    /// Logarithms of the components' weights in every group, `[J, K]`; one group in a mixture without groups. What is missing to 1 is
    /// left for components that do not exist.
    pub weights: Vec<Vec<f64>>,
    /// Parameters of the components, `[K]`.
    pub parameters: Vec<P>,
}
