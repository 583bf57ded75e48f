//! What the mouse does: it holds the block, and drives the agent.

use bevy::input::mouse::MouseWheel;
use bevy::prelude::*;
use bevy_egui::input::EguiWantsInput;
use parapolicy_pusht::State;
use parapolicy_pusht::geometry::{AGENT_RADIUS, BAR, Pose, STEM};

use crate::layout::Layout;
use crate::order::Order;
use crate::sketch::Point;
use crate::stage::Stage;
use crate::window::Live;

/// How far the block turns for a notch of the wheel while it is held, rad.
const NOTCH: f64 = 0.1;

/// Where the pointer is, and what it holds.
#[derive(Resource, Default)]
pub struct Pointer {
    /// On the table, px; where it was last, when it is not over the window.
    pub at: Point,
    hold: Option<Hold>,
}

/// The block, held somewhere: from the pointer to its origin, and its angle.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Hold {
    offset: Point,
    angle: f64,
}

/// What there is at a point of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// The agent; it is above the block.
    Agent,
    /// The block.
    Block,
    /// Nothing.
    Table,
}

/// Follows the pointer.
pub fn follow(
    window: Single<&Window>,
    buttons: Res<ButtonInput<MouseButton>>,
    mut wheel: MessageReader<MouseWheel>,
    busy: Option<Res<EguiWantsInput>>,
    stage: Res<Stage>,
    live: Res<Live>,
    mut pointer: ResMut<Pointer>,
) {
    let turned: f32 = wheel.read().map(|wheel| wheel.y).sum();
    let Some(at) = window.cursor_position() else { return };
    let moved = stage.layout().to_table(at.into());
    let before = std::mem::replace(&mut pointer.at, moved);
    let free = !busy.is_some_and(|busy| busy.wants_any_pointer_input()) && Layout::is_on_table(moved);
    if buttons.just_pressed(MouseButton::Left) && free {
        match thing_at(&stage.scene.state, moved) {
            Thing::Block => pointer.hold = Some(Hold::of(&stage.scene.state.block, moved)),
            Thing::Agent => live.0.order(Order::Drive(moved.map(f64::from))),
            Thing::Table => {}
        }
    }
    if buttons.just_pressed(MouseButton::Right) && free && stage.scene.settings.driven {
        live.0.order(Order::HandBack);
    } else if stage.scene.settings.driven && moved != before {
        live.0.order(Order::Drive(moved.map(f64::from)));
    }
    if buttons.just_released(MouseButton::Left) && pointer.hold.take().is_some() {
        live.0.order(Order::LetGo);
    }
    if let Some(hold) = &mut pointer.hold {
        hold.angle += NOTCH * f64::from(turned);
        if moved != before || turned != 0.0 {
            live.0.order(Order::Hold(hold.pose(moved)));
        }
    }
}

impl Hold {
    fn of(block: &Pose, at: Point) -> Self {
        let offset = [block.position.x as f32 - at[0], block.position.y as f32 - at[1]];
        Self { offset, angle: block.angle }
    }

    fn pose(&self, at: Point) -> Pose {
        Pose::new((at[0] + self.offset[0]).into(), (at[1] + self.offset[1]).into(), self.angle)
    }
}

/// What is under a point of the table, px.
pub fn thing_at(state: &State, at: Point) -> Thing {
    let at = at.map(f64::from);
    let to_agent = [at[0] - state.agent.x, at[1] - state.agent.y];
    if to_agent[0].hypot(to_agent[1]) <= AGENT_RADIUS {
        return Thing::Agent;
    }
    let parts = [state.block.place(&BAR), state.block.place(&STEM)];
    if parts.iter().any(|part| is_inside(part, at)) { Thing::Block } else { Thing::Table }
}

/// Whether a point is inside a convex polygon: on the same side of all of its edges.
fn is_inside(corners: &[[f64; 2]], at: [f64; 2]) -> bool {
    let next = corners.iter().cycle().skip(1);
    let side = |(a, b): (&[f64; 2], &[f64; 2])| (b[0] - a[0]) * (at[1] - a[1]) - (b[1] - a[1]) * (at[0] - a[0]);
    let sides = || corners.iter().zip(next.clone()).map(side);
    sides().all(|side| side >= 0.0) || sides().all(|side| side <= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_where_they_are() {
        let state = State::from_array([100.0, 100.0, 300.0, 200.0, 0.5]);
        let on_block = |point: [f64; 2]| state.block.place(&[point])[0].map(|x| x as f32);
        assert_eq!(thing_at(&state, [110.0, 105.0]), Thing::Agent);
        assert_eq!(thing_at(&state, on_block([-55.0, 25.0])), Thing::Block);
        assert_eq!(thing_at(&state, on_block([10.0, 115.0])), Thing::Block);
        assert_eq!(thing_at(&state, on_block([20.0, 35.0])), Thing::Table, "beside the stem");
        assert_eq!(thing_at(&state, [0.0, 0.0]), Thing::Table);
    }

    #[test]
    fn a_held_block_stays_under_the_pointer() {
        let block = Pose::new(300.0, 200.0, 0.5);
        let hold = Hold::of(&block, [310.0, 190.0]);
        assert_eq!(hold.pose([310.0, 190.0]), block);
        assert_eq!(hold.pose([320.0, 195.0]), Pose::new(310.0, 205.0, 0.5));
    }
}
