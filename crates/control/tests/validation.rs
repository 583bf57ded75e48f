//! Every number of every option: none, negative, not a number, huge. What is refused is named, and nothing was allocated.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::time::Duration;

use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{
    Continuity, Controller, ControllerConfig, Deadline, Replan, SamplingTime, SimulatedController,
};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig};
use parapolicy_control::refine::{KeepOut, Tracking};
use parapolicy_control::{BoxError, InferenceOptions, Plan, Policy, Recipe, RecipeOptions, SamplingOptions, seconds};
use parapolicy_policy::{Backends, Inference, Manifest, Normalization};
use parapolicy_sampler::{Refiner, RefinerConfig, Strategies};

fn config() -> ControllerConfig {
    ControllerConfig {
        playback: PlaybackConfig {
            period: Duration::from_millis(100),
            blend: Blend::Switch,
            late: Late::Hold,
            limits: Limits::default(),
            max_age: Duration::from_secs(1),
            initial: vec![0.0],
            safe: None,
            between: Between::default(),
        },
        replan: Replan::Always,
        continuity: Continuity::Independent,
        deadline: Deadline::Own,
        check: PlanCheck::default(),
        n_obs_steps: 2,
        observation_dim: 1,
        entries: Entries::default(),
        horizon: 8,
        watchdog: Duration::from_secs(1),
    }
}

struct Nothing;

impl Policy for Nothing {
    fn reset(&mut self, _seed: u64) {}
    fn observe(&mut self, _observation: ndarray::ArrayView1<'_, f64>) -> Result<(), BoxError> {
        Ok(())
    }
    fn plan(&mut self) -> Result<Plan, BoxError> {
        Err("nothing".into())
    }
}

/// What both controllers say of it; refused without an allocation worth the name.
fn refusal(config: &ControllerConfig) -> String {
    let (mut words, given) = (Vec::new(), [config.clone(), config.clone()]);
    let [first, second] = given;
    let measured = allocation_counter::measure(|| {
        let make = || -> Result<Box<dyn Policy>, BoxError> { Ok(Box::new(Nothing)) };
        words.push(Controller::start(first, make).err().unwrap().to_string());
        let sampling = SamplingTime::Measured;
        words.push(SimulatedController::new(second, &mut Nothing, sampling).err().unwrap().to_string());
    });
    assert!(measured.bytes_total < 4096, "{} bytes", measured.bytes_total);
    assert_eq!(words[0], words[1]);
    assert_eq!(words[0], config.validate().unwrap_err().to_string());
    words.remove(0)
}

#[test]
fn counts_and_times_of_a_controller_are_at_least_one() {
    let cases = [
        (ControllerConfig { replan: Replan::Below(0), ..config() }, "replan_below is 0, but must be at least 1"),
        (ControllerConfig { replan: Replan::Every(0), ..config() }, "replan_every is 0, but must be at least 1"),
        (ControllerConfig { n_obs_steps: 0, ..config() }, "n_obs_steps is 0, but must be at least 1"),
        (ControllerConfig { observation_dim: 0, ..config() }, "observation_dim is 0, but must be at least 1"),
        (ControllerConfig { horizon: 0, ..config() }, "horizon is 0, but must be at least 1"),
        (ControllerConfig { watchdog: Duration::ZERO, ..config() }, "watchdog is 0, but must be more than 0"),
    ];
    for (config, expected) in cases {
        assert_eq!(refusal(&config), expected);
    }
}

#[test]
fn sizes_whose_products_no_machine_holds_are_refused() {
    for huge in [1 << 26, 1 << 32, usize::MAX / 2 + 1, usize::MAX] {
        let expected = |name, sizes: [usize; 2], most: usize| {
            format!("{name} is {} * {}, but must be at most {most}", sizes[0], sizes[1])
        };
        let observed = "n_obs_steps * observation_dim";
        let steps = refusal(&ControllerConfig { n_obs_steps: huge, observation_dim: 2, ..config() });
        assert_eq!(steps, expected(observed, [huge, 2], 1 << 25));
        let dim = refusal(&ControllerConfig { observation_dim: huge, ..config() });
        assert_eq!(dim, expected(observed, [2, huge], 1 << 25));
        let horizon = refusal(&ControllerConfig { horizon: huge, ..config() });
        assert_eq!(horizon, expected("horizon * action_dim", [huge, 1], 1 << 20));
    }
    let most = ControllerConfig { horizon: 1 << 20, ..config() };
    assert!(most.validate().is_ok());
    let many = ControllerConfig { replan: Replan::Below(usize::MAX), watchdog: Duration::MAX, ..config() };
    assert!(Controller::start(many, || Ok(Box::new(Nothing) as Box<dyn Policy>)).is_ok(), "as often as can be");
}

#[test]
fn numbers_of_a_playback_are_finite_and_in_their_range() {
    let of = |playback| refusal(&ControllerConfig { playback, ..config() });
    let base = config().playback;
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let limits = |min: &[f64], max: &[f64], max_change: &[f64]| {
            let [min, max, max_change] = [min, max, max_change].map(<[f64]>::to_vec);
            of(PlaybackConfig { limits: Limits { min, max, max_change }, ..config().playback })
        };
        assert_eq!(limits(&[bad], &[], &[]), format!("min is {bad}, but must be finite"));
        assert_eq!(limits(&[], &[bad], &[]), format!("max is {bad}, but must be finite"));
        assert_eq!(limits(&[], &[], &[bad]), format!("max_change is {bad}, but must be finite"));
        let found = of(PlaybackConfig { safe: Some(vec![bad]), ..base.clone() });
        assert_eq!(found, format!("safe is {bad}, but must be finite"));
        let found = of(PlaybackConfig { initial: vec![bad], ..base.clone() });
        assert_eq!(found, format!("initial is {bad}, but must be finite"));
        let found = of(PlaybackConfig { blend: Blend::Ensemble { decay: bad }, ..base.clone() });
        assert_eq!(found, format!("decay is {bad}, but must be finite and not negative"));
    }
    let negative = Limits { max_change: vec![-1.0], ..Limits::default() };
    let found = of(PlaybackConfig { limits: negative, ..base.clone() });
    assert_eq!(found, "max_change is -1, but must be more than 0");
    let found = of(PlaybackConfig { blend: Blend::Ensemble { decay: -0.5 }, ..base.clone() });
    assert_eq!(found, "decay is -0.5, but must be finite and not negative");
    let zero = Duration::ZERO;
    let cases = [
        (PlaybackConfig { period: zero, ..base.clone() }, "period is 0, but must be more than 0"),
        (PlaybackConfig { max_age: zero, ..base.clone() }, "max_age is 0, but must be more than 0"),
        (PlaybackConfig { late: Late::Decelerate { within: zero }, ..base }, "within is 0, but must be more than 0"),
    ];
    for (playback, expected) in cases {
        assert_eq!(of(playback), expected);
    }
}

/// A watchdog that nobody has named: ten plans, and at least 30 s, whatever the sizes.
#[test]
fn the_watchdog_has_a_default() {
    let ms = Duration::from_millis;
    assert_eq!(ControllerConfig::default_watchdog(ms(100), 16), ms(30_000));
    assert_eq!(ControllerConfig::default_watchdog(ms(1000), 16), ms(160_000));
    assert_eq!(ControllerConfig::default_watchdog(Duration::MAX, usize::MAX), Duration::MAX);
}

fn recipe(sampling: SamplingOptions<'_>, inference: InferenceOptions<'_>) -> Result<Recipe, String> {
    let options = RecipeOptions { sampling, inference };
    options
        .recipe("models/pusht".as_ref(), &Strategies::default(), &Backends::default())
        .map_err(|error| error.to_string())
}

fn manifest() -> Manifest {
    Manifest::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht").as_ref()).unwrap()
}

#[test]
fn a_tolerance_is_given_in_the_unit_of_the_actions() {
    let manifest = manifest();
    let of = |within, tolerance| {
        let options = SamplingOptions { within: Some(within), tolerance, ..SamplingOptions::default() };
        let recipe = options.recipe(&manifest, &Strategies::default(), Inference::default());
        recipe.map(|recipe| recipe.strategy.tolerance().unwrap()).map_err(|error| error.to_string())
    };
    let Normalization::MinMax { min, max } = &manifest.actions[0].normalization else { unreachable!() };
    let widest = min.iter().zip(max).map(|(min, max)| max - min).fold(0.0, f64::max);
    let expected = 0.5 / (0.5 * widest);
    for within in ["0.5px", "0.5 px", "0.5"] {
        assert!((of(within, None).unwrap() - expected).abs() < 1e-12, "{within}");
    }
    assert!(of("0.5px", Some(0.1)).unwrap_err().starts_with("tolerance and within both say"));
    assert!(of("px", None).unwrap_err().starts_with("within is \"px\", but must be a number over 0"));
    let told = "within is in \"mm\", but the actions of policy `pusht-keypoints` are in px (`target`)";
    assert_eq!(of("1mm", None).unwrap_err(), told);
}

/// What cannot be known without the policy is refused when it is there.
#[test]
fn numbers_of_a_recipe_are_refused_by_name() {
    let (none, unset) = (InferenceOptions::default(), SamplingOptions::default());
    let manifest = manifest();
    for steps in [0, 101, 1 << 32, usize::MAX] {
        let recipe = recipe(SamplingOptions { steps: Some(steps), ..unset }, none.clone()).unwrap();
        let wrong = recipe.sampler(&manifest).err().unwrap().to_string();
        assert!(wrong.starts_with(&format!("steps is {steps}, but must be between 1 and")), "{wrong}");
    }
    for tolerance in [f64::NAN, f64::INFINITY, -1.0] {
        let wrong = recipe(SamplingOptions { tolerance: Some(tolerance), ..unset }, none.clone()).unwrap_err();
        assert!(wrong.starts_with(&format!("tolerance is {tolerance}, but must be")), "{wrong}");
    }
    let wrong = recipe(SamplingOptions { window: Some(0), ..unset }, none.clone()).unwrap_err();
    assert_eq!(wrong, "window is 0, but must be at least 1");
    for name in Strategies::default().names() {
        let sampling = SamplingOptions { sampler: Some(name), window: Some(usize::MAX), steps: Some(4), ..unset };
        let made = recipe(sampling, none.clone()).unwrap().sampler(&manifest);
        assert!(made.is_ok(), "{name}: all steps at once");
    }
    let wrong = recipe(SamplingOptions { rounds: Some(0), ..unset }, none.clone()).unwrap_err();
    assert_eq!(wrong, "rounds is 0, but must be at least 1");
    let wrong = recipe(SamplingOptions { deadline: Some(Duration::ZERO), ..unset }, none.clone()).unwrap_err();
    assert_eq!(wrong, "deadline is 0, but must be more than 0");
    for threads in [1025, 1 << 32, usize::MAX] {
        let recipe = recipe(unset, InferenceOptions { threads, ..none.clone() }).unwrap();
        let wrong = recipe.inference.open(&()).err().unwrap().to_string();
        assert_eq!(wrong, format!("threads is {threads}, but must be at most 1024; 0: one per core"));
    }
    for plans in [1 << 32, usize::MAX] {
        let wrong = Recipe::default().batched_sampler(&manifest, plans).err().unwrap().to_string();
        assert!(wrong.starts_with(&format!("plans is {plans}, but must be at most ")), "{wrong}");
    }
    for time in [f64::NAN, f64::INFINITY, -1.0, -f64::MIN_POSITIVE, 1e30] {
        let wrong = seconds("period", time).err().map(|error| error.to_string());
        assert_eq!(wrong, Some(format!("period is {time}, but must be a number of seconds, 0 or more")));
    }
}

/// What would be measured says how plans are drawn; nothing else may.
#[test]
fn options_beside_tuned_are_refused_by_name() {
    let unset = SamplingOptions { tuned: Some("20ms"), ..SamplingOptions::default() };
    for (name, sampling) in [
        ("sampler", SamplingOptions { sampler: Some("picard"), ..unset }),
        ("solver", SamplingOptions { solver: Some("ddim"), ..unset }),
        ("steps", SamplingOptions { steps: Some(100), ..unset }),
        ("window", SamplingOptions { window: Some(8), ..unset }),
        ("tolerance", SamplingOptions { tolerance: Some(0.1), ..unset }),
    ] {
        let wrong = recipe(sampling, InferenceOptions::default()).unwrap_err();
        assert_eq!(wrong, format!("tuned: it says how plans are drawn; leave `{name}` out"));
    }
    for text in ["", "20", "soon", "-1ms", "99999999999999999999s"] {
        let wrong = recipe(SamplingOptions { tuned: Some(text), ..unset }, InferenceOptions::default()).unwrap_err();
        assert_eq!(wrong, format!("tuned: `{text}` is no time; give one like 20ms"));
    }
}

/// `--refine 4294967296` is refused before a byte of it is allocated.
#[test]
fn steps_of_a_refinement_are_bounded() {
    let manifest = manifest();
    for steps in [0, 1 << 24, 1 << 32, usize::MAX] {
        let config = RefinerConfig { steps, ..RefinerConfig::default() };
        let mut wrong = String::new();
        let measured = allocation_counter::measure(|| {
            wrong = Refiner::new(&manifest.scheduler, config, manifest.sample_dim()).err().unwrap().to_string();
        });
        assert!(wrong.starts_with(&format!("steps is {steps}, but must be at ")), "{wrong}");
        assert!(measured.bytes_total < 1 << 16, "{} bytes", measured.bytes_total);
    }
}

#[test]
fn a_robot_s_motion_is_bounded_in_time_and_memory() {
    let wrong =
        |stiffness, drag, substep, substeps| Tracking::new(stiffness, drag, substep, substeps).unwrap_err().to_string();
    assert_eq!(wrong(1.0, 1.0, 0.1, 0), "substeps is 0, but must be between 1 and 10000");
    for substeps in [10_001, 1 << 32, usize::MAX] {
        let expected = format!("substeps is {}, but must be between 1 and 10000", substeps as f64);
        assert_eq!(wrong(1.0, 1.0, 0.1, substeps), expected);
    }
    assert_eq!(
        wrong(1.0, 1.0, 1e-200, 1),
        "substep is 0.".to_owned() + &"0".repeat(199) + "1, but must be at least 1e-9"
    );
    for (stiffness, drag, substep) in [(1e300, 0.0, 0.1), (1.0, 1e300, 0.1), (1.0, 1.0, 1e300), (400.0, 0.0, 0.1)] {
        let found = wrong(stiffness, drag, substep, 1);
        assert!(found.contains("but must be short enough for stiffness and drag"), "{found}");
    }
    assert!(Tracking::new(399.0, 0.0, 0.1, 1).is_ok(), "just stable");
    let wrong = KeepOut::new(vec![0.0], 1e300, 0.0).unwrap_err().to_string();
    assert!(wrong.ends_with("but must be at most 1e100 with its margin"), "{wrong}");
}
