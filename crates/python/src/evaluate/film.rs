//! Pictures of one episode, as the environment renders them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parapolicy_control::{BoxError, Environment};
use parapolicy_eval::{Moment, Painter, Scenario};
use parapolicy_policy::Manifest;

/// Height, width, and red, green and blue of every pixel.
pub type Picture = (usize, usize, Vec<u8>);

/// Films the episode of one seed, once it is armed.
#[derive(Clone)]
pub struct Film(Arc<Mutex<Reel>>);

struct Reel {
    wanted: bool,
    armed: bool,
    seed: u64,
    pictures: Vec<Picture>,
}

impl Film {
    /// Films the episode of `seed`, if one is `wanted`.
    pub fn new(wanted: bool, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Reel { wanted, armed: false, seed, pictures: Vec::new() })))
    }

    fn reel(&self) -> MutexGuard<'_, Reel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on, or no longer, episodes are of the sampler that is shown.
    pub fn arm(&self, armed: bool) {
        self.reel().armed = armed;
    }

    /// An episode begins; whether it is filmed.
    pub fn begin(&self, seed: u64) -> bool {
        let reel = self.reel();
        reel.wanted && reel.armed && reel.seed == seed
    }

    /// Adds a picture; its number.
    pub fn take(&self, picture: Picture) -> usize {
        let mut reel = self.reel();
        reel.pictures.push(picture);
        reel.pictures.len() - 1
    }

    /// What outputs are told of the environment.
    pub fn scenario(&self, name: String) -> Played {
        Played { name, film: self.clone() }
    }
}

/// What was played, for outputs.
pub struct Played {
    name: String,
    film: Film,
}

impl Scenario for Played {
    fn name(&self) -> &str {
        &self.name
    }

    fn make(&self, _manifest: &Manifest) -> Result<Box<dyn Environment>, BoxError> {
        Err("an environment of Python is made by Python".into())
    }

    fn painter(&self) -> Option<Box<dyn Painter>> {
        let is_filmed = !self.film.reel().pictures.is_empty();
        is_filmed.then(|| Box::new(self.film.clone()) as Box<dyn Painter>)
    }
}

impl Painter for Film {
    fn size(&self) -> [u32; 2] {
        let of = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        self.reel().pictures.first().map_or([1, 1], |(height, width, _)| [of(*width), of(*height)])
    }

    fn draw(&mut self, moment: &Moment) -> Vec<u8> {
        let reel = self.reel();
        let shown = moment.scene.first().and_then(|number| reel.pictures.get(*number as usize));
        shown.or(reel.pictures.last()).map_or_else(|| vec![0; 3], |(_, _, rgb)| rgb.clone())
    }
}
