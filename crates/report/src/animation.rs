//! `episode.gif`: an episode, drawn by what draws its environment; or several samplers' on one seed, as a race.

mod part;
mod picture;
mod race;

use std::io::Write;

use anyhow::Context as _;
use gif::{Encoder, Repeat};
use parapolicy_control::BoxError;
use parapolicy_eval::{Painter, Recording, ReportOutput, Run};

use self::part::Part;
use self::picture::Picture;
use self::race::Race;

/// A control step lasts a tenth of a second; the unit is 10 ms.
const FRAME_TIME: u16 = 10;
/// The last frame stays for two seconds.
const LAST_FRAME_TIME: u16 = 200;

/// The first seed's episode as an animated GIF, the plan in force on it: of one sampler, or of several side by side.
pub struct GifOutput;

impl ReportOutput for GifOutput {
    fn file_name(&self) -> &'static str {
        "episode.gif"
    }

    fn applies(&self, run: &Run<'_>) -> bool {
        run.recordings.first.iter().any(|recording| !recording.moments.is_empty()) && run.scenario.painter().is_some()
    }

    fn write(&self, run: &Run<'_>, file: &mut dyn Write) -> Result<(), BoxError> {
        let Some(mut painter) = run.scenario.painter() else { return Ok(()) };
        match run.recordings.first.as_slice() {
            [] => {}
            [only] => alone(only, &mut *painter, file)?,
            _ => Race::of(run).draw(&mut *painter, file)?,
        }
        Ok(())
    }
}

/// A frame a control step.
fn alone(recording: &Recording, painter: &mut dyn Painter, file: &mut dyn Write) -> anyhow::Result<()> {
    let mut film = Film::new(painter.size().map(|side| side as usize), file)?;
    let last = recording.moments.len().saturating_sub(1);
    for (index, moment) in recording.moments.iter().enumerate() {
        film.show(drawn(painter, moment), if index == last { LAST_FRAME_TIME } else { FRAME_TIME })?;
    }
    Ok(())
}

fn drawn(painter: &mut dyn Painter, moment: &parapolicy_eval::Moment) -> Picture {
    let [width, height] = painter.size().map(|side| side as usize);
    Picture { width, height, rgb: painter.draw(moment) }
}

/// A GIF that is being written.
struct Film<'w> {
    gif: Encoder<&'w mut dyn Write>,
    before: Option<Picture>,
}

impl<'w> Film<'w> {
    /// Of width and height, px.
    fn new([width, height]: [usize; 2], file: &'w mut dyn Write) -> anyhow::Result<Self> {
        let mut gif =
            Encoder::new(file, u16::try_from(width)?, u16::try_from(height)?, &[]).context("the animation")?;
        gif.set_repeat(Repeat::Infinite)?;
        Ok(Self { gif, before: None })
    }

    /// Shows a picture for `time`, 10 ms each.
    fn show(&mut self, picture: Picture, time: u16) -> anyhow::Result<()> {
        let mut frame = match &self.before {
            None => Part::whole(&picture).frame(&picture)?,
            Some(before) => Part::changed(before, &picture).frame_over(before, &picture)?,
        };
        frame.delay = time;
        self.gif.write_frame(&frame)?;
        self.before = Some(picture);
        Ok(())
    }
}
