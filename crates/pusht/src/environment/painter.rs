//! PushT, drawn from the numbers of its scenes.

use parapolicy_eval::{Moment, Painter};

use crate::{FrameSizeError, KeepOut, Overlay, Renderer, State, Task};

/// Side of the pictures, pixels.
const SIZE: u32 = 320;
const PLAN_COLOUR: [u8; 3] = [214, 96, 36];

/// A moment of PushT: what [`Environment::scene`](parapolicy_control::Environment::scene) says of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PushTScene {
    /// Agent and block.
    pub state: State,
    /// Share of the goal that is covered.
    pub coverage: f64,
}

impl PushTScene {
    /// Of the task as it is.
    #[must_use]
    pub fn of(task: &Task) -> Self {
        Self { state: task.world().state(), coverage: task.world().coverage() }
    }

    /// Adds `[agent x, agent y, block x, block y, block angle, coverage]` (px, rad).
    pub fn write(&self, numbers: &mut Vec<f64>) {
        let State { agent, block } = &self.state;
        // As it is, turns included.
        numbers.extend([agent.x, agent.y, block.position.x, block.position.y, block.angle, self.coverage]);
    }

    /// Reads what [`write`](Self::write) wrote; none if it is something else.
    #[must_use]
    pub fn read(numbers: &[f64]) -> Option<Self> {
        let &[x, y, block_x, block_y, angle, coverage] = numbers else { return None };
        Some(Self { state: State::from_array([x, y, block_x, block_y, angle]), coverage })
    }
}

/// Draws the table, with the plan in force on it.
pub(super) struct PushTPainter(Renderer);

impl PushTPainter {
    pub fn new(keep_out: Vec<KeepOut>) -> Result<Self, FrameSizeError> {
        Ok(Self(Renderer::new(SIZE, SIZE)?.with_keep_out(keep_out)))
    }
}

impl Painter for PushTPainter {
    fn size(&self) -> [u32; 2] {
        [SIZE; 2]
    }

    fn draw(&mut self, moment: &Moment) -> Vec<u8> {
        let Some(PushTScene { state, .. }) = PushTScene::read(&moment.scene) else {
            return vec![u8::MAX; (3 * SIZE * SIZE) as usize];
        };
        let plan: Vec<[f64; 2]> = moment.ahead.outer_iter().map(|action| [action[0], action[1]]).collect();
        self.0.draw(&state, &[Overlay { points: &plan, colour: PLAN_COLOUR }]).rgb().to_vec()
    }
}
