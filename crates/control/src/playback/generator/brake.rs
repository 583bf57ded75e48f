//! To come to rest as soon as the limits allow: the closed form.
//!
//! Braking from velocity `v` and acceleration `a`, with `u = v + a|a| / 2j` the velocity that is left when `a` has gone to 0, and
//! `s` the sign of `u`:
//!
//! ```text
//! A = min(√(j s v + a² / 2), a_max)              the peak of the deceleration
//! 1.  a → −sA      at jerk −sj
//! 2.  −sA           for as long as it takes
//! 3.  −sA → 0      at jerk sj
//! ```
//!
//! so that velocity and acceleration are 0 at the end. Within a phase the jerk is constant, so every quantity is a polynomial
//! of time.

/// Limits of one number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub min: f64,
    pub max: f64,
    pub velocity: f64,
    pub acceleration: f64,
    pub jerk: f64,
}

/// A motion at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct State {
    pub position: f64,
    pub velocity: f64,
    pub acceleration: f64,
}

/// A time at a constant jerk.
#[derive(Clone, Copy, Debug, Default)]
struct Phase {
    time: f64,
    jerk: f64,
}

/// Share of a limit by which rounding may exceed it.
const ROUNDING: f64 = 1e-9;

impl State {
    pub fn at_rest(position: f64) -> Self {
        Self { position, velocity: 0.0, acceleration: 0.0 }
    }

    pub fn is_finite(self) -> bool {
        self.position.is_finite() && self.velocity.is_finite() && self.acceleration.is_finite()
    }

    /// After `time` at a constant jerk.
    fn after(self, time: f64, jerk: f64) -> Self {
        let Self { position: p, velocity: v, acceleration: a } = self;
        Self {
            position: p + time * (v + time * (a / 2.0 + time * jerk / 6.0)),
            velocity: v + time * (a + time * jerk / 2.0),
            acceleration: a + time * jerk,
        }
    }
}

impl Bounds {
    /// Whether a state and the whole way to rest from it keep every limit.
    pub fn are_kept_by_braking(&self, state: State) -> bool {
        let most = |limit: f64| limit * (1.0 + ROUNDING);
        // Before the braking turns the acceleration round, the velocity still grows to this.
        let left = left(state, self.jerk);
        state.is_finite()
            && state.acceleration.abs() <= most(self.acceleration)
            && state.velocity.abs() <= most(self.velocity)
            && left.abs() <= most(self.velocity)
            && self.holds(state.position)
            && self.turns(state).into_iter().all(|position| self.holds(position))
    }

    /// Whether a position is within the range, but for the last digits.
    fn holds(&self, position: f64) -> bool {
        let slack = |bound: f64| if bound.is_finite() { 8.0 * f64::EPSILON * bound.abs() } else { 0.0 };
        position >= self.min - slack(self.min) && position <= self.max + slack(self.max)
    }

    /// Where the motion is farthest while it brakes: where it turns on the way, and where it rests.
    fn turns(&self, state: State) -> [f64; 3] {
        let mut found = [state.position; 3];
        let (mut from, mut count) = (state, 0);
        for Phase { time, jerk } in self.phases(state) {
            for root in roots(from.velocity, from.acceleration, jerk / 2.0) {
                if root > 0.0 && root < time && count < 2 {
                    found[count] = from.after(root, jerk).position;
                    count += 1;
                }
            }
            from = from.after(time, jerk);
        }
        found[2] = from.position;
        found
    }

    /// The state after braking for a cycle.
    pub fn brake(&self, state: State, cycle: f64) -> State {
        let (mut left, mut now) = (cycle, state);
        for Phase { time, jerk } in self.phases(state) {
            let spent = time.min(left);
            now = now.after(spent, jerk);
            left -= spent;
        }
        // At the end it rests, but for rounding.
        if left > 0.0 { State::at_rest(now.position) } else { now }
    }

    fn phases(&self, state: State) -> [Phase; 3] {
        let (j, most) = (self.jerk, self.acceleration.max(state.acceleration.abs()));
        let left = left(state, j);
        if left == 0.0 {
            let time = state.acceleration.abs() / j;
            return [Phase::default(), Phase::default(), Phase { time, jerk: -j * state.acceleration.signum() }];
        }
        // Everything as if it moved forwards.
        let sign = left.signum();
        let (v, a) = (sign * state.velocity, sign * state.acceleration);
        let peak = (j * v + a * a / 2.0).max(0.0).sqrt().max(-a).min(most);
        let (down, up) = ((a + peak) / j, peak / j);
        let lost = (peak * peak - a * a) / (2.0 * j) + peak * peak / (2.0 * j);
        let flat = if peak > 0.0 { ((v - lost) / peak).max(0.0) } else { 0.0 };
        let phase = |time: f64, jerk: f64| Phase { time: time.max(0.0), jerk: sign * jerk };
        [phase(down, -j), phase(flat, 0.0), phase(up, j)]
    }
}

/// The velocity that is left when the acceleration has gone to 0 at full jerk.
fn left(State { velocity, acceleration, .. }: State, jerk: f64) -> f64 {
    velocity + acceleration * acceleration.abs() / (2.0 * jerk)
}

/// Times at which `c + b t + a t²` is 0.
fn roots(c: f64, b: f64, a: f64) -> [f64; 2] {
    let discriminant = b * b - 4.0 * a * c;
    if discriminant < 0.0 {
        return [-1.0; 2];
    }
    // Without cancellation.
    let q = -0.5 * (b + discriminant.sqrt().copysign(b));
    let one = if a == 0.0 { -1.0 } else { q / a };
    let other = if q == 0.0 { -1.0 } else { c / q };
    [one, other]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bounds() -> Bounds {
        Bounds { min: -1e9, max: 1e9, velocity: 2.0, acceleration: 10.0, jerk: 100.0 }
    }

    /// The whole braking, in steps so small that the differences are the derivatives.
    fn steps(bounds: &Bounds, mut state: State, step: f64) -> Vec<State> {
        let mut all = vec![state];
        while all.len() < 100_000 && (state.velocity != 0.0 || state.acceleration != 0.0) {
            state = bounds.brake(state, step);
            all.push(state);
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn braking_ends_at_rest_within_the_limits(v in -2.0..2.0_f64, a in -10.0..10.0_f64) {
            let (bounds, state) = (bounds(), State { position: 0.0, velocity: v, acceleration: a });
            prop_assume!(left(state, bounds.jerk).abs() <= bounds.velocity);
            let all = steps(&bounds, state, 1e-3);
            let last = all[all.len() - 1];
            prop_assert!((last.velocity, last.acceleration) == (0.0, 0.0), "{last:?}");
            for pair in all.windows(2) {
                prop_assert!(pair[1].velocity.abs() <= 2.0 + 1e-9 && pair[1].acceleration.abs() <= 10.0 + 1e-9);
                prop_assert!((pair[1].acceleration - pair[0].acceleration).abs() <= 0.1 + 1e-9);
            }
            // It turns and rests where the steps say.
            let least = all.iter().map(|state| state.position).fold(f64::INFINITY, f64::min);
            let most = all.iter().map(|state| state.position).fold(f64::NEG_INFINITY, f64::max);
            let turns = bounds.turns(state);
            let found = turns.iter().copied().fold(0.0_f64, f64::max);
            prop_assert!((found - most).abs() < 1e-5, "{turns:?}, {most}");
            let found = turns.iter().copied().fold(0.0_f64, f64::min);
            prop_assert!((found - least).abs() < 1e-5, "{turns:?}, {least}");
        }

        /// From a state whose braking keeps the range, braking for a while leads to one of which the same holds.
        #[test]
        fn safety_lasts(v in -2.0..2.0_f64, a in -10.0..10.0_f64, p in -1.0..1.0_f64, cycle in 1e-3..0.5_f64) {
            let bounds = Bounds { min: -1.0, max: 1.0, ..bounds() };
            let mut state = State { position: p, velocity: v, acceleration: a };
            prop_assume!(bounds.are_kept_by_braking(state));
            for _ in 0..50 {
                state = bounds.brake(state, cycle);
                let inside = Bounds { min: -1.0 - 1e-9, max: 1.0 + 1e-9, ..bounds };
                prop_assert!(inside.are_kept_by_braking(state), "{state:?}");
            }
        }
    }

    /// From 1 a second, with 10 a second² at most and 100 a second³: √(j v) = 10 is the peak, in 0.1 s up and 0.1 s down, so that it
    /// stops after 0.1.
    #[test]
    fn the_way_to_rest_is_that_of_the_closed_form() {
        let state = State { position: 0.0, velocity: 1.0, acceleration: 0.0 };
        let rest = bounds().brake(state, 1.0);
        assert!((rest.position - 0.1).abs() < 1e-12 && rest.velocity == 0.0, "{rest:?}");
    }
}
