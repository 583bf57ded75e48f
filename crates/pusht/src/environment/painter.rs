//! PushT, drawn from the numbers of its scenes.

use parapolicy_eval::{Moment, Painter};

use crate::{FrameSizeError, KeepOut, Overlay, Renderer, State, Task};

/// Side of the pictures, pixels.
const SIZE: u32 = 320;
const PLAN_COLOUR: [u8; 3] = [214, 96, 36];

/// State of PushT as drawn: the content of [`Environment::scene`](parapolicy_control::Environment::scene).
#[derive(Clone, Debug, PartialEq)]
pub struct PushTScene {
    /// Agent and block.
    pub state: State,
    /// Share of the goal that is covered.
    pub coverage: f64,
    /// Discs that the agent is to stay out of.
    pub keep_out: Vec<KeepOut>,
}

impl PushTScene {
    /// The current scene of a task.
    #[must_use]
    pub fn of(task: &Task) -> Self {
        let keep_out = task.scenario().keep_out.clone();
        Self { state: task.world().state(), coverage: task.world().coverage(), keep_out }
    }

    /// Adds `[agent x, agent y, block x, block y, block angle, coverage]`, and `[x, y, radius]` of each disc (px, rad).
    pub fn write(&self, numbers: &mut Vec<f64>) {
        let State { agent, block } = &self.state;
        // The angle is not wrapped.
        numbers.extend([agent.x, agent.y, block.position.x, block.position.y, block.angle, self.coverage]);
        numbers.extend(self.keep_out.iter().flat_map(|disc| [disc.centre[0], disc.centre[1], disc.radius]));
    }

    /// Reads what [`write`](Self::write) wrote; none if it is something else.
    #[must_use]
    pub fn read(numbers: &[f64]) -> Option<Self> {
        let &[x, y, block_x, block_y, angle, coverage, ref discs @ ..] = numbers else { return None };
        let (discs, rest) = discs.as_chunks();
        let disc = |&[x, y, radius]: &[f64; 3]| KeepOut { centre: [x, y], radius };
        let keep_out = discs.iter().map(disc).collect();
        rest.is_empty().then(|| Self { state: State::from_array([x, y, block_x, block_y, angle]), coverage, keep_out })
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
