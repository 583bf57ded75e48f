//! Sequential impulses, as Chipmunk and most engines of games have them (Catto 2005, "Iterative dynamics with temporal coherence"):
//! projected Gauss–Seidel on the contacts' complementarity problem.

use super::Twist;
use super::touching::Contact;

/// Mass of the block.
const MASS: f64 = 1.0;

/// Moment of inertia of the block about its centre of gravity, px². Not that of a T of this mass and size: gym-pusht
/// adds the bar's moment twice.
const MOMENT: f64 = 3000.0;

/// The most contacts there are: two points for each of two rectangles at four walls, and the agent at both.
pub(super) const MOST: usize = 18;

/// An impulse that changes a velocity by less than this, px/s, is none.
const NOTHING: f64 = 1e-10;

/// The block's `velocity` after impulses that leave it at every contact `i` at least as fast as `least(i)`, in at most so many
/// `iterations` over the contacts.
///
/// An impulse j along the normal n, at the arm r × n, changes the block's velocity along n by j K. Accumulated impulses push, and
/// never pull:
///
/// ```text
/// K   = 1/m + (r × n)²/I
/// j'  = max(0, j + (least − (v · n + ω (r × n))) / K)
/// v  += (j' − j) n / m,    ω += (j' − j) (r × n) / I
/// ```
pub(super) fn moved(
    mut velocity: Twist,
    contacts: &[Contact],
    iterations: usize,
    least: impl Fn(&Contact) -> f64,
) -> Twist {
    let mut impulses = [0.0_f64; MOST];
    for _ in 0..iterations {
        let mut largest = 0.0_f64;
        for (contact, impulse) in contacts.iter().zip(&mut impulses) {
            let stiffness = 1.0 / MASS + contact.arm * contact.arm / MOMENT;
            let has = velocity.linear.dot(&contact.normal) + velocity.angular * contact.arm;
            let new = (*impulse + (least(contact) - has) / stiffness).max(0.0);
            let change = new - *impulse;
            *impulse = new;
            velocity.linear += contact.normal * (change / MASS);
            velocity.angular += contact.arm * change / MOMENT;
            largest = largest.max(change.abs() * stiffness);
        }
        if largest <= NOTHING {
            break;
        }
    }
    velocity
}

#[cfg(test)]
mod tests {
    use nalgebra::Vector2;

    use super::*;

    fn contact(normal: [f64; 2], arm: f64, closing: f64) -> Contact {
        Contact { normal: normal.into(), arm, depth: 1.0, closing }
    }

    fn found(velocity: Twist, contacts: &[Contact]) -> Twist {
        moved(velocity, contacts, 1000, |contact| contact.closing)
    }

    /// j K = closing; a contact that opens does nothing.
    #[test]
    fn one_contact_has_a_closed_form() {
        let arm = 30.0;
        let impulse = 80.0 / (1.0 + arm * arm / MOMENT);
        let pushed = found(Twist::ZERO, &[contact([0.6, 0.8], arm, 80.0)]);
        assert!((pushed.linear - Vector2::new(0.6, 0.8) * impulse).norm() < 1e-12);
        assert!((pushed.angular - arm * impulse / MOMENT).abs() < 1e-15);
        assert_eq!(found(Twist::ZERO, &[contact([0.6, 0.8], arm, -80.0)]), Twist::ZERO);
    }

    /// A block that is pushed against a wall, off its centre, slides along and turns until no contact closes.
    #[test]
    fn no_contact_closes_and_none_pulls() {
        let contacts =
            [contact([1.0, 0.0], 20.0, 50.0), contact([-1.0, 0.0], 10.0, 0.0), contact([-1.0, 0.0], 30.0, 0.0)];
        let free = Twist { linear: Vector2::new(5.0, -3.0), angular: 0.2 };
        let settled = found(free, &contacts);
        for contact in &contacts {
            let has = settled.linear.dot(&contact.normal) + settled.angular * contact.arm;
            assert!(has >= contact.closing - 1e-6, "{has} at {contact:?}");
        }
        assert_eq!(settled.linear.y, free.linear.y, "there is no friction");
    }
}
