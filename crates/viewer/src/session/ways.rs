//! What the policy is torn between at the newest observation: many plans, divided into ways, in a thread beside the policy's.

use std::thread::JoinHandle;

use crossbeam::channel::{Receiver, Sender, bounded};
use ndarray::{Array2, Array3, ArrayView2};
use parapolicy_control::{BoxError, Recipe};
use parapolicy_modes::{Features, Search};

use crate::scene::Way;
use crate::setup::{Drawn, MakeDrawer};

/// How wide a way is, in normalised actions: 10 px on PushT.
const SCALE: f64 = 0.04;
/// Draws from the posterior that are counted, and those before them: it is to be there soon.
const DRAWS: usize = 100;

/// Finds ways for observations, one after the other. Dropping it ends its thread once it has done with the last.
pub struct Ways {
    asked: Option<Sender<Asked>>,
    found: Receiver<Result<Found, BoxError>>,
    thread: Option<JoinHandle<()>>,
    /// Questions so far, and the number of the oldest that is of this episode.
    count: u64,
    oldest: u64,
    waiting: bool,
    ways: Vec<Way>,
}

struct Asked {
    number: u64,
    observations: Array2<f64>,
}

struct Found {
    number: u64,
    ways: Vec<Way>,
}

impl Ways {
    /// Starts the thread, which loads a network of its own.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(make: MakeDrawer, recipe: Recipe) -> std::io::Result<Self> {
        let (asked, questions) = bounded(1);
        let (answers, found) = bounded(1);
        let thread = std::thread::Builder::new().name("parapolicy-ways".into());
        let thread = thread.spawn(move || answer(&make, &recipe, &questions, &answers))?;
        let (asked, thread) = (Some(asked), Some(thread));
        Ok(Self { asked, found, thread, count: 0, oldest: 0, waiting: false, ways: Vec::new() })
    }

    /// Asks for the ways at the newest observations, `[n_obs_steps, observation_dim]`, unless an answer is being worked on.
    pub fn ask(&mut self, observations: ArrayView2<'_, f64>) {
        let asked = Asked { number: self.count, observations: observations.to_owned() };
        if !self.waiting && self.asked.as_ref().is_some_and(|questions| questions.try_send(asked).is_ok()) {
            self.waiting = true;
            self.count += 1;
        }
    }

    /// Takes what was found.
    ///
    /// # Errors
    /// What went wrong in the thread.
    pub fn take(&mut self) -> Result<(), BoxError> {
        let Ok(found) = self.found.try_recv() else { return Ok(()) };
        self.waiting = false;
        let found = found?;
        if found.number >= self.oldest {
            self.ways = recoloured(&self.ways, found.ways);
        }
        Ok(())
    }

    /// Forgets what was found, and what is being worked on.
    pub fn forget(&mut self) {
        self.oldest = self.count;
        self.ways.clear();
    }

    /// Whether an answer is being worked on.
    pub fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// The newest ways.
    pub fn shown(&self) -> &[Way] {
        &self.ways
    }
}

impl Drop for Ways {
    fn drop(&mut self) {
        self.asked = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn answer(make: &MakeDrawer, recipe: &Recipe, asked: &Receiver<Asked>, answers: &Sender<Result<Found, BoxError>>) {
    let mut draw = make(recipe);
    for Asked { number, observations } in asked {
        let found = match &mut draw {
            Ok(draw) => draw(observations.view()).and_then(|drawn| ways(&drawn)).map(|ways| Found { number, ways }),
            Err(error) => Err(error.to_string().into()),
        };
        // Nobody waits for it any more.
        if answers.send(found).is_err() {
            return;
        }
    }
}

/// Plans divided into ways, those of most plans first.
fn ways(drawn: &Drawn) -> Result<Vec<Way>, BoxError> {
    let plans = drawn.compared.dim().0;
    let features = Features::new(drawn.compared.view(), &vec![0; plans])?;
    let search = Search { burn_in: DRAWS, draws: DRAWS, ..Search::new(SCALE) };
    let found = search.points(features.points.view())?;
    let way = |(colour, mode): (usize, &parapolicy_modes::Mode)| Way {
        colour,
        share: mode.members.len() as f64 / plans as f64,
        plans: mode.members.iter().map(|member| points(&drawn.actions, *member)).collect(),
    };
    Ok(found.modes.iter().enumerate().map(way).collect())
}

fn points(actions: &Array3<f64>, plan: usize) -> Vec<[f64; 2]> {
    actions.index_axis(ndarray::Axis(0), plan).outer_iter().map(|action| [action[0], action[1]]).collect()
}

/// Ways with the colours of those before that they are nearest to, the nearest first; others have colours that are free.
fn recoloured(before: &[Way], mut now: Vec<Way>) -> Vec<Way> {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (new, way) in now.iter().enumerate() {
        pairs.extend(before.iter().map(|old| (distance(old, way), old.colour, new)));
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut colours = vec![None; now.len()];
    for (_, colour, new) in pairs {
        if colours[new].is_none() && !colours.contains(&Some(colour)) {
            colours[new] = Some(colour);
        }
    }
    for new in 0..now.len() {
        let free = || (0..).find(|colour| !colours.contains(&Some(*colour)));
        let colour = colours[new].or_else(free).unwrap_or_default();
        colours[new] = Some(colour);
        now[new].colour = colour;
    }
    now
}

/// How far the means of two ways are apart, px.
fn distance(a: &Way, b: &Way) -> f64 {
    let squares = a.mean().zip(b.mean()).map(|([ax, ay], [bx, by])| (ax - bx).powi(2) + (ay - by).powi(2));
    squares.sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(colour: usize, x: f64) -> Way {
        Way { colour, share: 0.5, plans: vec![vec![[x, 0.0], [x, 5.0]]] }
    }

    #[test]
    fn a_way_keeps_its_colour() {
        let before = [way(0, 0.0), way(1, 100.0)];
        let colours = |now: Vec<Way>| recoloured(&before, now).iter().map(|way| way.colour).collect::<Vec<_>>();
        assert_eq!(colours(vec![way(0, 98.0), way(1, 3.0)]), [1, 0], "whichever has more plans");
        assert_eq!(colours(vec![way(0, 98.0)]), [1]);
        assert_eq!(colours(vec![way(0, 50.0), way(1, 1.0), way(2, 101.0)]), [2, 0, 1]);
        assert!(recoloured(&before, Vec::new()).is_empty());
    }
}
