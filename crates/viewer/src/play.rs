//! What can be played: an episode that is being simulated, or one that was logged.

use crate::order::Order;
use crate::scene::Scene;

/// What [`Play::advance`] did.
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

/// What a [`PlayThread`](crate::play_thread::PlayThread) plays: an episode that is being simulated, or one that was logged.
pub trait Play: Send + 'static {
    /// Does what it is told; what cannot be done becomes the scene's notice.
    fn order(&mut self, order: Order);

    /// Goes on by the smallest part that there is: a control step, or a round of a plan that is shown.
    fn advance(&mut self) -> Progress;

    /// Simulated seconds in a second.
    fn speed(&self) -> f64;

    /// What is to be shown now.
    fn scene(&self) -> Scene;
}
