//! `episode.gif`: an episode, drawn by what draws its environment.

mod part;

use std::io::Write;

use anyhow::Context as _;
use gif::{Encoder, Repeat};
use parapolicy_control::BoxError;
use parapolicy_eval::{Painter, Recording, ReportOutput, Run};

use self::part::Part;

/// A control step lasts a tenth of a second; the unit is 10 ms.
const FRAME_TIME: u16 = 10;
/// The last frame stays for two seconds.
const LAST_FRAME_TIME: u16 = 200;

/// The episode that was recorded, as an animated GIF, the plan in force on it.
pub struct GifOutput;

impl ReportOutput for GifOutput {
    fn file_name(&self) -> &'static str {
        "episode.gif"
    }

    fn applies(&self, run: &Run<'_>) -> bool {
        !run.recording.moments.is_empty() && run.scenario.painter().is_some()
    }

    fn write(&self, run: &Run<'_>, file: &mut dyn Write) -> Result<(), BoxError> {
        let Some(mut painter) = run.scenario.painter() else { return Ok(()) };
        Ok(draw(run.recording, &mut *painter, file)?)
    }
}

/// A picture as rows of red, green and blue.
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
}

fn draw(recording: &Recording, painter: &mut dyn Painter, file: &mut dyn Write) -> anyhow::Result<()> {
    let [width, height] = painter.size();
    let mut gif = Encoder::new(file, u16::try_from(width)?, u16::try_from(height)?, &[]).context("the animation")?;
    gif.set_repeat(Repeat::Infinite)?;
    let mut before: Option<Picture> = None;
    for (index, moment) in recording.moments.iter().enumerate() {
        let picture = Picture { width: width as usize, height: height as usize, rgb: painter.draw(moment) };
        let changed = before.as_ref().map_or_else(|| Part::whole(&picture), |before| Part::changed(before, &picture));
        let mut frame = changed.frame(&picture)?;
        frame.delay = if index + 1 == recording.moments.len() { LAST_FRAME_TIME } else { FRAME_TIME };
        gif.write_frame(&frame)?;
        before = Some(picture);
    }
    Ok(())
}
