mod part;

use std::io::Write;

use anyhow::{Context as _, Result};
use gif::{Encoder, Repeat};
use ndarray::{Array2, ArrayView1};
use parapolicy_pusht::{Frame as Picture, KeepOut, Overlay, Renderer, State, Task};

use self::part::Part;

/// Side of the animation, pixels.
const SIZE: u32 = 320;
/// A control step lasts a tenth of a second, as in the task; the unit is 10 ms.
const FRAME_TIME: u16 = 10;
/// The last frame stays for two seconds.
const LAST_FRAME_TIME: u16 = 200;
const PLAN_COLOUR: [u8; 3] = [214, 96, 36];

/// What is needed to draw an episode.
pub struct Recording {
    pub moments: Vec<Moment>,
    /// How its second plan came about, where that was watched.
    pub rounds: Option<Rounds>,
    pub keep_out: Vec<KeepOut>,
}

/// A plan, as it stood after each round of its sampler.
pub struct Rounds {
    /// What it answers.
    pub state: State,
    pub plans: Vec<Vec<[f64; 2]>>,
}

/// The table after a control step.
pub struct Moment {
    pub state: State,
    /// Share of the goal that is covered.
    pub coverage: f64,
    /// The actions still to be executed.
    pub plan: Vec<[f64; 2]>,
}

impl Recording {
    /// Of an episode with these discs on the table.
    pub fn new(keep_out: Vec<KeepOut>) -> Self {
        Self { moments: Vec::new(), rounds: None, keep_out }
    }

    /// Keeps how a plan came about that was asked for at the last moment: the first that is shown.
    pub fn add_rounds(&mut self, iterates: &[Array2<f64>]) {
        let Some(Moment { state, .. }) = self.moments.last() else { return };
        if self.rounds.is_none() && !iterates.is_empty() {
            let plan = |iterate: &Array2<f64>| iterate.outer_iter().map(|action| [action[0], action[1]]).collect();
            self.rounds = Some(Rounds { state: *state, plans: iterates.iter().map(plan).collect() });
        }
    }

    /// Adds the moment after a control step, with the actions that are `ahead`.
    pub fn add<'a>(&mut self, task: &Task, ahead: impl IntoIterator<Item = ArrayView1<'a, f64>>) {
        let plan = ahead.into_iter().map(|action| [action[0], action[1]]).collect();
        self.moments.push(Moment { state: task.world().state(), coverage: task.world().coverage(), plan });
    }

    /// Draws the episode as an animated GIF, the plan in force on it.
    pub fn write(&self, file: &mut dyn Write) -> Result<()> {
        let side = u16::try_from(SIZE)?;
        let mut renderer = Renderer::new(SIZE, SIZE)?.with_keep_out(self.keep_out.clone());
        let mut gif = Encoder::new(file, side, side, &[]).context("the animation")?;
        gif.set_repeat(Repeat::Infinite)?;
        let mut before: Option<Picture> = None;
        for (index, Moment { state, plan, .. }) in self.moments.iter().enumerate() {
            let overlays = [Overlay { points: plan, colour: PLAN_COLOUR }];
            let picture = renderer.draw(state, &overlays);
            let changed =
                before.as_ref().map_or_else(|| Part::whole(&picture), |before| Part::changed(before, &picture));
            let mut frame = changed.frame(&picture)?;
            frame.delay = if index + 1 == self.moments.len() { LAST_FRAME_TIME } else { FRAME_TIME };
            gif.write_frame(&frame)?;
            before = Some(picture);
        }
        Ok(())
    }
}
