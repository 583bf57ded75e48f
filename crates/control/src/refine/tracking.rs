//! Simulates how a robot follows its targets.

use ndarray::{Array2, ArrayView2, s};

use super::SettingError;

/// A robot that is pulled to its target like a mass on a spring, each coordinate separately (semi-implicit Euler):
///
/// ```text
/// v' = v + h (stiffness (target − p) − drag v)
/// p' = p + h v'
/// ```
///
/// It lags behind its targets and may overshoot them; contacts are not modelled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tracking {
    stiffness: f64,
    drag: f64,
    substep: f64,
    substeps: usize,
}

/// Position and velocity of a robot, one number per coordinate.
#[derive(Clone, Debug, PartialEq)]
pub struct Motion {
    /// In raw units.
    pub position: Vec<f64>,
    /// In raw units per second.
    pub velocity: Vec<f64>,
}

impl Motion {
    /// Standing still.
    pub fn at_rest(position: Vec<f64>) -> Self {
        Self { velocity: vec![0.0; position.len()], position }
    }
}

/// The path that a plan leads along: positions at every substep, including the stop at the plan's last target.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// `[1 + substeps, dim]`, the first being where the robot is now.
    pub positions: Array2<f64>,
    /// Substeps of a control step.
    pub substeps: usize,
    /// Length of a control step, s.
    pub period: f64,
    /// Control steps of the plan; what follows is the stop.
    pub planned: usize,
}

impl Way {
    /// Positions now and after each planned control step, `[1 + planned, dim]`.
    pub fn at_control_rate(&self) -> ArrayView2<'_, f64> {
        self.positions.slice(s![..=self.planned * self.substeps; self.substeps, ..])
    }
}

impl Tracking {
    /// `stiffness` in 1/s², `drag` in 1/s, `substep` in s.
    ///
    /// # Errors
    /// A number that is not positive and finite; only `drag` may be 0. More than 10,000 substeps. A substep so long that
    /// the simulated robot would swing ever further, `2 · substep · drag + substep² · stiffness ≥ 4`.
    pub fn new(stiffness: f64, drag: f64, substep: f64, substeps: usize) -> Result<Self, SettingError> {
        SettingError::check_positive("stiffness", stiffness)?;
        SettingError::check_not_negative("drag", drag)?;
        SettingError::check_positive("substep", substep)?;
        SettingError::check(substep >= 1e-9, "substep", substep, "at least 1e-9")?;
        let count = substeps as f64;
        SettingError::check((1.0..=1e4).contains(&count), "substeps", count, "between 1 and 10000")?;
        // Both roots of the update's characteristic polynomial, λ² − (2 − hc − h²k) λ + (1 − hc), are within the unit
        // circle.
        let growth = 2.0 * substep * drag + substep * substep * stiffness;
        let expected = "short enough for stiffness and drag: 2 · substep · drag + substep² · stiffness < 4";
        SettingError::check(growth < 4.0, "substep", substep, expected)?;
        Ok(Self { stiffness, drag, substep, substeps })
    }

    /// The path along `targets`, `[planned, dim]`, one per control step, and then, for `stop` control steps, at the
    /// last of them.
    ///
    /// # Panics
    /// Without targets, or if they have fewer coordinates than the motion.
    pub fn way(&self, from: &Motion, targets: ArrayView2<'_, f64>, stop: usize) -> Way {
        let (planned, dim) = targets.dim();
        let mut positions = Array2::zeros((1 + (planned + stop) * self.substeps, dim));
        for (i, (&position, &velocity)) in from.position.iter().zip(&from.velocity).enumerate() {
            let (mut p, mut v) = (position, velocity);
            for (row, out) in positions.column_mut(i).iter_mut().enumerate() {
                if let Some(substep) = row.checked_sub(1) {
                    (p, v) = self.follow(p, v, targets[[(substep / self.substeps).min(planned - 1), i]]);
                }
                *out = p;
            }
        }
        Way { positions, substeps: self.substeps, period: self.substep * self.substeps as f64, planned }
    }

    /// The motion after a control step towards `target`.
    pub fn step(&self, from: &Motion, target: &[f64]) -> Motion {
        let mut to = from.clone();
        for ((p, v), &target) in to.position.iter_mut().zip(&mut to.velocity).zip(target) {
            for _ in 0..self.substeps {
                (*p, *v) = self.follow(*p, *v, target);
            }
        }
        to
    }

    /// The adjoint of [`Tracking::way`]: from a gradient with respect to its positions to one with respect to the
    /// `planned` targets,
    /// `[planned, dim]`.
    pub fn pull_back(&self, by_position: ArrayView2<'_, f64>, planned: usize) -> Array2<f64> {
        let (rows, dim) = by_position.dim();
        let mut by_target = Array2::zeros((planned, dim));
        for i in 0..dim {
            let (mut by_p, mut by_v) = (0.0, 0.0);
            for substep in (0..rows - 1).rev() {
                by_p += by_position[[substep + 1, i]];
                by_v += self.substep * by_p;
                let pull = self.substep * self.stiffness * by_v;
                by_target[[(substep / self.substeps).min(planned - 1), i]] += pull;
                by_p -= pull;
                by_v *= 1.0 - self.substep * self.drag;
            }
        }
        by_target
    }

    fn follow(&self, p: f64, v: f64, target: f64) -> (f64, f64) {
        let v = v + self.substep * (self.stiffness * (target - p) - self.drag * v);
        (p + self.substep * v, v)
    }
}
