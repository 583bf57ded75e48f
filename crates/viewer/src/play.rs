use crate::order::Order;
use crate::scene::Scene;

/// What came of being told to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A control step was taken.
    Stepped,
    /// One more round of a plan is shown.
    Round,
    /// There is no plan yet.
    Waiting,
    /// There is nothing to do until an order comes.
    Idle,
}

/// What can go on by itself on a [`Table`](crate::table::Table): an episode that is played, or one that was.
pub trait Play: Send + 'static {
    /// Does what it is told; what cannot be done becomes the scene's notice.
    fn order(&mut self, order: Order);

    /// Goes on by as little as there is: a control step, or a round of a plan that is shown.
    fn advance(&mut self) -> Progress;

    /// Seconds of the table in a second.
    fn speed(&self) -> f64;

    /// What there is to see.
    fn scene(&self) -> Scene;
}
