//! Several samplers on the same seed, side by side on one clock.
//!
//! ```text
//!   sequential        3.4 s │ picard            3.4 s      the sampler, the clock
//!   waiting 35.7 ms  reward │ plan 7.5 ms      reward      its newest plan's latency, the reward so far
//!   ▬▬▬▬▬▬▬▬                │ ▬▬▬▬▬▬▬▬                    moved, and waited
//!   ┌─────────────────────┐ │ ┌─────────────────────┐
//!   └─────────────────────┘ │ └─────────────────────┘
//! ```
//!
//! The clock is that of [`Track`]. A wait that is shorter than a frame can be slows all of it down, up to a bound; what still is
//! shorter is left out of the picture, not of the clock, and that is said.

use std::io::Write;

use anyhow::Result;
use ndarray::Array2;
use parapolicy_eval::{Painter, Run};
use plotters::style::RGBColor;

use super::picture::{Colour, Letters, Picture};
use super::{Film, LAST_FRAME_TIME, drawn};
use crate::plot;
use crate::track::{Seen, Track, period, played, waits};

/// What browsers show is not shorter, 10 ms each.
const SHORTEST_FRAME: u16 = 2;
/// How fast the clock may run: so that waits last a frame, but nobody falls asleep.
const SPEEDS: [(f64, &str); 3] = [(1.0, "full speed"), (0.5, "½ speed"), (0.25, "¼ speed")];
/// Steps that are shorter, s, are not all shown.
const SHORTEST_STEP: f64 = 0.05;

const INK: Colour = [33, 36, 42];
const FAINT: Colour = [93, 100, 112];
const RULE: Colour = [229, 226, 220];
const WAITING: Colour = [198, 70, 70];

/// A side is at least so wide, px, that its words have room.
const NARROWEST: usize = 320;
/// Above a table: what changes is close together, so that a frame's part of the picture is small.
const HEAD: usize = 84;
const FOOT: usize = 10;
const LINE: usize = 20;
const EDGE: usize = 8;

/// Episodes on one clock.
pub struct Race<'a> {
    sides: Vec<Side<'a>>,
    /// The number of the sides' seed.
    seed: u64,
    /// Of a control step, s.
    period: f64,
    /// The clock's name where the world does not wait for the policy.
    clock: Option<&'a str>,
}

struct Side<'a> {
    name: &'a str,
    colour: Colour,
    track: Track<'a>,
    /// Whether the task was accomplished.
    success: bool,
}

/// How fast, and what that is called.
type Speed = (f64, &'static str);

impl<'a> Race<'a> {
    /// Of a run's first seed.
    pub fn of(run: &Run<'a>) -> Self {
        let report = run.report;
        let in_time = report.in_time.as_ref();
        let period = period(report);
        let side = |recording: &'a parapolicy_eval::Recording| {
            let (index, episode) = played(recording, report);
            let RGBColor(red, green, blue) = plot::colour(index);
            Side {
                name: &recording.sampler,
                colour: [red, green, blue],
                track: Track::of(recording, period, waits(report)),
                success: episode.is_some_and(|episode| episode.success),
            }
        };
        let sides: Vec<Side<'_>> = run.recordings.first.iter().map(side).collect();
        let seed = run.recordings.first.first().map_or(0, |recording| recording.seed);
        Self { sides, seed, period, clock: in_time.map(|in_time| in_time.clock.as_str()) }
    }

    /// Writes the race as a GIF.
    pub fn draw(&self, painter: &mut dyn Painter, file: &mut dyn Write) -> Result<()> {
        let [width, height] = painter.size().map(|side| side as usize);
        let speed = self.speed();
        let legend = self.legend(speed);
        let column = width.max(NARROWEST) + 2 * EDGE;
        let mut ground = Picture::white(self.sides.len() * column, HEAD + height + FOOT + LINE * legend.len() + EDGE);
        for (row, line) in legend.iter().enumerate() {
            ground.write(line, [EDGE, HEAD + height + FOOT + LINE * row], Letters::SMALL, FAINT);
        }
        for index in 1..self.sides.len() {
            ground.fill([index * column, 0, 1, HEAD + height + FOOT], RULE);
        }
        let mut film = Film::new([ground.width, ground.height], file)?;
        let mut tables: Vec<Option<Table>> = self.sides.iter().map(|_| None).collect();
        let mut shown: Vec<Option<Seen>> = vec![None; self.sides.len()];
        let frames = self.frames(speed);
        for (index, &(begins, time)) in frames.iter().enumerate() {
            let mut picture = Picture { rgb: ground.rgb.clone(), ..ground };
            for (place, (side, table)) in self.sides.iter().zip(&mut tables).enumerate() {
                // A side on which nothing happens stays as it is, its clock too: the file would be twice as large.
                let before = shown[place];
                let seen = side.track.at(time).map(|now| before.filter(|before| before.is_like(&now)).unwrap_or(now));
                let Some(seen) = seen else { continue };
                shown[place] = Some(seen);
                let [left, right] = [place * column + EDGE, (place + 1) * column - EDGE];
                picture.put(side.table(seen, table, painter), [left + (right - left - width) / 2, HEAD]);
                self.write(&mut picture, side, seen, [left, right]);
            }
            let next = frames.get(index + 1).map(|(next, _)| next - begins);
            let lasts = next.map_or(LAST_FRAME_TIME, |time| u16::try_from(time).unwrap_or(u16::MAX));
            film.show(picture, lasts)?;
        }
        Ok(())
    }

    /// What is written around the table of a side, from `left` to `right`.
    fn write(&self, picture: &mut Picture, side: &Side<'_>, seen: Seen, [left, right]: [usize; 2]) {
        let Seen { waits, latency, reward, waited, time, is_over, .. } = seen;
        let clock = match (is_over, side.success) {
            (false, _) => format!("{time:.1} s"),
            (true, true) => format!("done {time:.2} s"),
            (true, false) => format!("over {time:.2} s"),
        };
        let room = (right - left) / Letters::BOLD.width(1) - clock.chars().count() - 3;
        let name: String = side.name.chars().take(room).collect();
        picture.fill([left, 9, 12, 12], side.colour);
        picture.write(&name, [left + 20, 4], Letters::BOLD, INK);
        picture.write_to(&clock, [right, 4], Letters::BOLD, INK);
        let (word, ink) = if waits { ("waiting", WAITING) } else { ("plan", FAINT) };
        picture.write(&format!("{word} {:.1} ms", 1e3 * latency), [left, 27], Letters::LARGE, ink);
        picture.write_to(&format!("reward {reward:.2}"), [right, 27], Letters::LARGE, INK);
        if self.clock.is_none() {
            self.bar(picture, seen, [left, right]);
            let all = format!("waited {waited:.2} s of {time:.2} s");
            picture.write(&all, [left, 63], Letters::SMALL, WAITING);
        }
    }

    /// How much of the time until the last side is done was spent moving, and how much waiting.
    fn bar(&self, picture: &mut Picture, Seen { waited, time, .. }: Seen, [left, right]: [usize; 2]) {
        let end = self.sides.iter().map(|side| side.track.end).fold(f64::MIN_POSITIVE, f64::max);
        let pixels = |time: f64| (time / end * (right - left) as f64).round() as usize;
        let (top, moved) = (54, pixels(time - waited));
        picture.fill([left, top, right - left, 6], RULE);
        picture.fill([left, top, moved, 6], FAINT);
        picture.fill([left + moved, top, pixels(time).saturating_sub(moved), 6], WAITING);
    }

    /// The fastest at which the waits of the sampler that waits longest last a frame; none of them slower than the last.
    fn speed(&self) -> Speed {
        let longest = self.sides.iter().filter_map(|side| side.track.median_wait()).reduce(f64::max);
        let is_seen = |(speed, _): &&Speed| longest.is_none_or(|wait| wait / speed >= shortest_frame());
        *SPEEDS.iter().find(is_seen).unwrap_or(&SPEEDS[SPEEDS.len() - 1])
    }

    /// What has to be known to read the picture.
    fn legend(&self, (speed, called): Speed) -> Vec<String> {
        let (seed, period) = (self.seed, 1e3 * self.period);
        if let Some(clock) = self.clock {
            return vec![format!("seed {seed} · {clock} clock, {called}")];
        }
        let first = format!("seed {seed} · {called} · clock: plans' latency + {period:.0} ms an action");
        let least = speed * shortest_frame();
        let is_short = |side: &Side<'_>| side.track.median_wait().is_some_and(|wait| wait < least);
        let short = format!("waits under {:.0} ms are on the clock, but too short to be seen", 1e3 * least);
        [first].into_iter().chain(self.sides.iter().any(is_short).then_some(short)).collect()
    }

    /// When each frame begins, 10 ms each, and the time on the clock of what it shows: what changes while a frame cannot end is
    /// shown by that frame.
    fn frames(&self, (speed, _): Speed) -> Vec<(u32, f64)> {
        let stride = ((SHORTEST_STEP / self.period).ceil() as usize).max(1);
        let mut changes: Vec<f64> = self.sides.iter().flat_map(|side| side.track.changes(stride)).collect();
        changes.sort_by(f64::total_cmp);
        let mut frames = vec![(0, 0.0)];
        for change in changes {
            let begins = (100.0 * change / speed).round() as u32;
            match frames.last_mut() {
                Some((before, time)) if begins < *before + u32::from(SHORTEST_FRAME) => *time = change,
                _ => frames.push((begins, change)),
            }
        }
        frames
    }
}

/// In s.
fn shortest_frame() -> f64 {
    0.01 * f64::from(SHORTEST_FRAME)
}

/// A table, and of which moment it is; none before the first step.
struct Table {
    moment: Option<usize>,
    picture: Picture,
}

impl Side<'_> {
    /// The table as it is seen, drawn anew where it is not as it was.
    fn table<'t>(&self, seen: Seen, before: &'t mut Option<Table>, painter: &mut dyn Painter) -> &'t Picture {
        let known = before.take().filter(|table| table.moment == seen.moment);
        &before.insert(known.unwrap_or_else(|| self.draw(seen.moment, painter))).picture
    }

    fn draw(&self, moment: Option<usize>, painter: &mut dyn Painter) -> Table {
        let mut shown = self.track.moments.get(moment.unwrap_or_default()).cloned().unwrap_or_default();
        if moment.is_none() {
            // Nothing was recorded before the first step: its result is nearly the same, but there is no plan yet.
            shown.ahead = Array2::zeros((0, shown.ahead.ncols()));
        }
        Table { moment, picture: drawn(painter, &shown) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use parapolicy_eval::{Moment, Recording};

    use super::*;

    /// A grey square that brightens by the moment.
    struct Square;

    impl Painter for Square {
        fn size(&self) -> [u32; 2] {
            [40, 40]
        }

        fn draw(&mut self, moment: &Moment) -> Vec<u8> {
            vec![moment.scene[0] as u8; 3 * 40 * 40]
        }
    }

    /// Sixteen steps of 100 ms, eight from each plan.
    fn recording(latency: u64) -> Recording {
        let moment = |index: u64| Moment {
            time: Duration::from_millis(100 * index),
            planned: (index.is_multiple_of(8)).then(|| Duration::from_millis(latency)),
            scene: vec![10.0 * index as f64],
            reward: 0.05 * index as f64,
            ..Moment::default()
        };
        Recording { moments: (0..16).map(moment).collect(), ..Recording::default() }
    }

    fn race(recordings: &[Recording]) -> Race<'_> {
        let side = |recording| Side {
            name: "sampler",
            colour: [90; 3],
            track: Track::of(recording, 0.1, true),
            success: true,
        };
        Race { sides: recordings.iter().map(side).collect(), seed: 7, period: 0.1, clock: None }
    }

    #[test]
    fn it_lasts_as_long_as_the_slowest_takes() {
        let recordings = [recording(230), recording(5)];
        let race = race(&recordings);
        let mut file = Vec::new();
        race.draw(&mut Square, &mut file).unwrap();
        let mut gif = gif::Decoder::new(file.as_slice()).unwrap();
        let mut delays = Vec::new();
        while let Some(frame) = gif.read_next_frame().unwrap() {
            delays.push(frame.delay);
        }
        // 16 steps, and two plans of 230 ms: at full speed.
        let last = delays.pop().unwrap();
        assert_eq!((delays.iter().sum::<u16>(), last), (160 + 46, LAST_FRAME_TIME));
        assert!(delays.iter().all(|delay| *delay >= SHORTEST_FRAME), "{delays:?}");
        assert!(race.legend(race.speed())[0].starts_with("seed 7 · full speed"), "{:?}", race.legend(race.speed()));
    }

    #[test]
    fn waits_that_are_too_short_to_be_seen_slow_the_clock_down() {
        let speed = |latencies: [u64; 2]| race(&latencies.map(recording)).speed().1;
        assert_eq!(
            [speed([25, 1]), speed([12, 1]), speed([6, 1]), speed([1, 1])],
            ["full speed", "½ speed", "¼ speed", "¼ speed"]
        );
        let told = |latencies: [u64; 2]| {
            let recordings = latencies.map(recording);
            let race = race(&recordings);
            race.legend(race.speed()).join("; ")
        };
        assert!(told([12, 1]).contains("waits under 10 ms are on the clock"), "{}", told([12, 1]));
        assert!(!told([40, 30]).contains("too short"), "{}", told([40, 30]));
    }

    #[test]
    fn what_changes_within_a_frame_is_shown_by_it() {
        let recordings = [recording(30), recording(30)];
        let frames = race(&recordings).frames(SPEEDS[0]);
        // Both wait and move at the same times: two waits, sixteen steps, and the end.
        assert_eq!(frames.len(), 2 + 16 + 1, "{frames:?}");
        assert_eq!(frames[1].0, 3);
        assert_eq!(race(&recordings).frames(SPEEDS[2])[1].0, 12, "at a quarter of the speed");
    }
}
