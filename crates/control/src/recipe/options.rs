//! Options of a recipe as command lines, C and Python give them: names and numbers, each of which may be left out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use parapolicy_policy::{Backends, Endpoints, Inference, Manifest, PolicyError, Within};
use parapolicy_sampler::strategy::Settings;
use parapolicy_sampler::{Budget, ConfigError, Strategies, Strategy, WindowConfig};

use super::{Recipe, RecipeError};
use crate::tuned::{Setting, Tuned, TunedError, Wanted};

/// Options of a recipe; those left out have defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecipeOptions<'a> {
    /// How plans are drawn.
    pub sampling: SamplingOptions<'a>,
    /// Where the network is run.
    pub inference: InferenceOptions<'a>,
}

/// How plans are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SamplingOptions<'a> {
    /// Name of the strategy; without it [`usual_strategy`] chooses.
    pub sampler: Option<&'a str>,
    /// Name of the solver.
    pub solver: Option<&'a str>,
    /// Denoising steps.
    pub steps: Option<usize>,
    /// Steps evaluated in one batch, for strategies that have a window; others ignore it. It grows with the steps where none
    /// is given.
    pub window: Option<usize>,
    /// Tolerance, for strategies that have one; others ignore it.
    pub tolerance: Option<f64>,
    /// The tolerance in the unit of the actions, `0.5px` say ([`Within`]), in place of [`tolerance`](field@Self::tolerance).
    pub within: Option<&'a str>,
    /// Maximum rounds of a plan.
    pub rounds: Option<usize>,
    /// Maximum time of a plan.
    pub deadline: Option<Duration>,
    /// Whether plans may be cut short by a time that is not known yet: that which a loop can spare
    /// ([`Deadline::Loop`](crate::controller::Deadline::Loop)). [`usual_strategy`] then chooses one that can be.
    pub anytime: bool,
    /// Whether a network that fails in mid-plan leaves the best plan there is, in place of an error.
    pub keep_on_failure: bool,
    /// A time, `20ms` say: sampler, solver, steps, window and tolerance are then those that `parapolicy tune` recommends for
    /// plans within it, and none of them may be given.
    pub tuned: Option<&'a str>,
}

/// Where the network is run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InferenceOptions<'a> {
    /// Name of the backend.
    pub provider: Option<&'a str>,
    /// Name of the precision.
    pub precision: Option<&'a str>,
    /// Threads that work on each batch; 0 means one per core.
    pub threads: usize,
    /// Whether each thread except the calling one is pinned to a core of its own.
    pub pinned: bool,
    /// Devices that share the rows of every batch.
    pub devices: Vec<u32>,
    /// The backend's shared library.
    pub library: Option<PathBuf>,
    /// The servers that run the network.
    pub endpoints: Endpoints,
    /// Name of the task, for policies that are told one.
    pub task: Option<&'a str>,
}

impl RecipeOptions<'_> {
    /// The recipe for the policy in `model`, with names looked up in the lists. The folder is looked into for
    /// [`tuned`](field@SamplingOptions::tuned) and [`within`](field@SamplingOptions::within) alone; with the first, precision and
    /// threads that are not given are those of the tuned setting.
    ///
    /// # Errors
    /// [`RecipeError`], with the option that is invalid.
    pub fn recipe(&self, model: &Path, strategies: &Strategies, backends: &Backends) -> Result<Recipe, RecipeError> {
        let inference = self.inference.inference(backends)?;
        let manifest = || Manifest::load(model).map_err(PolicyError::from);
        let Some(within) = self.sampling.tuned()? else {
            let sampling =
                self.sampling.within.map_or(Ok(self.sampling), |_| self.sampling.normalised(&manifest()?))?;
            return sampling.untuned(strategies, inference);
        };
        let manifest = manifest()?;
        let wanted = Wanted {
            precision: self.inference.precision.map(|_| inference.precision.to_string()),
            threads: (inference.threads > 0).then_some(inference.threads),
        };
        let tuned = Tuned::load(&manifest, &inference)?;
        let setting = tuned.take(within, &wanted)?;
        let inference = setting.inference(&inference)?;
        self.sampling.of(setting).untuned(strategies, inference)
    }
}

impl SamplingOptions<'_> {
    /// The recipe, for a network of this manifest that is loaded already, and run as `inference` says: its precision and
    /// threads are settled, and [`tuned`](field@Self::tuned) chooses among the settings that have them.
    ///
    /// # Errors
    /// As [`RecipeOptions::recipe`].
    pub fn recipe(
        &self,
        manifest: &Manifest,
        strategies: &Strategies,
        inference: Inference,
    ) -> Result<Recipe, RecipeError> {
        let Some(within) = self.tuned()? else { return self.normalised(manifest)?.untuned(strategies, inference) };
        let wanted = Wanted { precision: Some(inference.precision.to_string()), threads: Some(inference.threads()) };
        let tuned = Tuned::load(manifest, &inference)?;
        self.of(tuned.take(within, &wanted)?).untuned(strategies, inference)
    }

    /// The time in which a tuned setting has to draw plans, if one is asked for.
    fn tuned(&self) -> Result<Option<Duration>, TunedError> {
        let Some(text) = self.tuned else { return Ok(None) };
        let given = [
            ("sampler", self.sampler.is_some()),
            ("solver", self.solver.is_some()),
            ("steps", self.steps.is_some()),
            ("window", self.window.is_some()),
            ("tolerance", self.tolerance.is_some()),
            ("within", self.within.is_some()),
        ];
        if let Some((name, _)) = given.into_iter().find(|(_, given)| *given) {
            return Err(TunedError::Conflict(name));
        }
        let within = humantime::parse_duration(text).map_err(|_| TunedError::Time(text.into()))?;
        Ok(Some(within))
    }

    /// The same options with a tolerance in normalised units, whatever it was given in.
    fn normalised(&self, manifest: &Manifest) -> Result<Self, RecipeError> {
        let Some(text) = self.within else { return Ok(*self) };
        if self.tolerance.is_some() {
            return Err(RecipeError::TwoTolerances);
        }
        let tolerance = text.parse::<Within>()?.tolerance(manifest)?;
        Ok(Self { tolerance: Some(tolerance), within: None, ..*self })
    }

    /// The same options with how plans are drawn from a setting.
    fn of<'s>(&self, setting: &'s Setting) -> SamplingOptions<'s> {
        let Setting { solver, steps, sampler, window, tolerance, .. } = setting;
        SamplingOptions {
            sampler: Some(sampler),
            solver: Some(solver),
            steps: Some(*steps),
            window: *window,
            tolerance: *tolerance,
            within: None,
            rounds: self.rounds,
            deadline: self.deadline,
            anytime: self.anytime,
            keep_on_failure: self.keep_on_failure,
            tuned: None,
        }
    }

    fn untuned(&self, strategies: &Strategies, inference: Inference) -> Result<Recipe, RecipeError> {
        let defaults = Recipe::default();
        Ok(Recipe {
            strategy: self.strategy(strategies)?,
            solver: self.solver.map_or(Ok(defaults.solver), str::parse)?,
            steps: self.steps.unwrap_or(defaults.steps),
            budget: self.budget()?,
            inference,
        })
    }

    /// The strategy, [`usual_strategy`] where none is named, with this window and tolerance as far as it has them; where none is
    /// given, with its own tolerance and its window for so many steps ([`Strategy::for_steps`]).
    ///
    /// # Errors
    /// There is no strategy of this name; or a window or tolerance that none could have, be the strategy one that has none.
    pub fn strategy(&self, strategies: &Strategies) -> Result<Strategy, ConfigError> {
        Settings { window: self.window, tolerance: self.tolerance }.validate()?;
        let (defaults, steps) = (WindowConfig::default(), self.steps.unwrap_or(Recipe::default().steps));
        let named =
            self.sampler.map_or_else(|| Ok(usual_strategy(steps, self.is_limited())), |name| strategies.parse(name))?;
        let named = named.for_steps(steps);
        Ok(named.with_window(WindowConfig {
            window: self.window.or(named.window()).unwrap_or(defaults.window),
            tolerance: self.tolerance.or(named.tolerance()).unwrap_or(defaults.tolerance),
        }))
    }

    /// Whether a plan may be cut short.
    fn is_limited(&self) -> bool {
        self.rounds.is_some() || self.deadline.is_some() || self.anytime
    }

    /// What a plan may cost.
    ///
    /// # Errors
    /// A limit of 0.
    pub fn budget(&self) -> Result<Budget, ConfigError> {
        let budget = Budget { rounds: self.rounds, deadline: self.deadline, keep_on_failure: self.keep_on_failure };
        budget.validate()?;
        Ok(budget)
    }
}

impl InferenceOptions<'_> {
    /// The inference that these options describe.
    ///
    /// # Errors
    /// As [`RecipeOptions::recipe`].
    pub fn inference(&self, backends: &Backends) -> Result<Inference, RecipeError> {
        let &Self { provider, precision, threads, pinned, ref devices, ref library, ref endpoints, task } = self;
        let implied = backends.implied(library.as_deref());
        let defaults = backends.inference();
        Ok(Inference {
            provider: provider.map_or(Ok(implied), |name| backends.parse(name))?,
            precision: precision.map_or(Ok(defaults.precision), str::parse)?,
            threads,
            pinned,
            devices: devices.clone(),
            library: library.clone(),
            endpoints: endpoints.clone(),
            task: task.map(str::to_owned),
            ..defaults
        })
    }
}

/// Steps up to which nothing is gained by parallel rounds on networks of the size that policies have.
const FEW_STEPS: usize = 10;

/// The strategy where none is named: `sequential` up to ten steps, where `picard`'s rounds cost more than they save, and
/// `picard` beyond, and where a plan may be cut short (`limited`): it has a whole plan after every round.
#[must_use]
pub fn usual_strategy(steps: usize, limited: bool) -> Strategy {
    if steps <= FEW_STEPS && !limited { Strategy::sequential() } else { Recipe::default().strategy }
}

/// A duration that is given in seconds.
///
/// # Errors
/// [`RecipeError::Seconds`] with the option `name` if there is no such duration.
pub fn seconds(name: &'static str, value: f64) -> Result<Duration, RecipeError> {
    Duration::try_from_secs_f64(value).map_err(|_| RecipeError::Seconds { name, value })
}
