//! The agent: moves towards its target. Nothing on the table stops it.

use nalgebra::Vector2;

/// Length of one substep, s.
pub const SUBSTEP: f64 = 0.01;

/// Substeps of a control step (10 Hz).
pub const SUBSTEPS: usize = 10;

/// The agent is drawn to its target like a mass on a spring: pull per px and 1/s².
pub const STIFFNESS: f64 = 100.0;

/// Drag on the agent, 1/s.
pub const DRAG: f64 = 20.0;

/// The agent's position (px) and velocity (px/s).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agent {
    /// Centre of its disc, px.
    pub position: Vector2<f64>,
    /// px/s.
    pub velocity: Vector2<f64>,
}

impl Agent {
    /// Moves by one substep towards `target` (semi-implicit Euler):
    ///
    /// ```text
    /// v' = v + h (STIFFNESS (target − p) − DRAG v)
    /// p' = p + h v'
    /// ```
    pub fn follow(&mut self, target: Vector2<f64>) {
        let acceleration = STIFFNESS * (target - self.position) - DRAG * self.velocity;
        self.velocity += acceleration * SUBSTEP;
        self.position += self.velocity * SUBSTEP;
    }
}
