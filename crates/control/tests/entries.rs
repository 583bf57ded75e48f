//! Entries that come each at its own time and rate, against a model that keeps all of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ndarray::{Array2, ArrayView1};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{
    Continuity, Controller, ControllerConfig, ControllerError, Deadline, Replan, WorkerEvent,
};
use parapolicy_control::entries::{Absence, Entries};
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig};
use parapolicy_control::{BoxError, EpisodeObserver, Observer, Plan, Policy};
use parapolicy_policy::{Entry, EntryError, Pixels};
use proptest::prelude::*;

const PERIOD: Duration = Duration::from_millis(100);
const STALE: u64 = 250;
/// Name and numbers of each entry.
const ENTRIES: [(&str, usize); 3] = [("joints", 2), ("gripper", 1), ("camera", 12)];
const DIM: usize = 15;

struct Still;

impl Policy for Still {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, _observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        Ok(Plan { actions: Array2::zeros((4, 1)), intended: 4, ..Plan::default() })
    }
}

/// Observations, and their times in ms.
type Rows = Vec<(u64, Vec<f64>)>;

/// Keeps what the controller took as observations.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Rows>>);

impl Observer for Seen {
    fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(self.clone())
    }
}

impl EpisodeObserver for Seen {
    fn observation(&self, time: Duration, observation: ArrayView1<'_, f64>) {
        self.0.lock().unwrap().push((time.as_millis() as u64, observation.to_vec()));
    }
}

impl Seen {
    fn take(&self) -> Rows {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn entries() -> Entries {
    let entry = |(name, len): (&str, usize)| -> Entry {
        let shape = if name == "camera" { vec![2, 2, 3] } else { vec![len] };
        let entry = serde_json::json!({"name": name, "shape": shape, "normalization": {"mode": "identity"}});
        serde_json::from_value(entry).unwrap()
    };
    Entries { list: ENTRIES.map(entry).to_vec(), stale: Duration::from_millis(STALE) }
}

fn config() -> ControllerConfig {
    let playback = PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late: Late::Hold,
        limits: Limits::default(),
        max_age: 100 * PERIOD,
        initial: vec![0.0],
        safe: None,
        between: Between::default(),
    };
    ControllerConfig {
        playback,
        replan: Replan::Always,
        continuity: Continuity::Independent,
        deadline: Deadline::Own,
        check: PlanCheck::default(),
        n_obs_steps: 2,
        observation_dim: DIM,
        entries: entries(),
        horizon: 4,
        watchdog: Duration::from_hours(1),
    }
}

fn controller() -> (Controller, Seen) {
    let mut controller = Controller::start(config(), || Ok(Box::new(Still) as Box<dyn Policy>)).unwrap();
    let seen = Seen::default();
    controller.observed_by(Arc::new(seen.clone()));
    controller.reset(0);
    (controller, seen)
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The numbers of an entry that say which they are.
fn numbers(len: usize, value: f64) -> Vec<f64> {
    (0..len).map(|index| value + index as f64 / 100.0).collect()
}

/// All entries at `time`.
fn hand_in(controller: &mut Controller, value: f64, time: u64) {
    for (name, len) in ENTRIES {
        controller.observe_entry(name, numbers(len, value), ms(time)).unwrap();
    }
}

/// What a loop does, and by how many ms later than before; an entry may come out of order.
#[derive(Clone, Debug)]
enum Does {
    Entry { index: usize, later: i64, is_finite: bool },
    Step { later: u64 },
}

fn does() -> impl Strategy<Value = Does> {
    let later = prop_oneof![9 => 0_i64..60, 1 => -60_i64..0];
    let entry = (0..ENTRIES.len(), later, prop::bool::weighted(0.9));
    prop_oneof![
        4 => entry.prop_map(|(index, later, is_finite)| Does::Entry { index, later, is_finite }),
        1 => (0_u64..130).prop_map(|later| Does::Step { later }),
    ]
}

/// The newest of an entry at or before `time`, of all that was ever handed in; the age of one that is too old.
fn chosen(all: &[(u64, f64)], time: u64) -> Result<f64, Option<u64>> {
    let before = all.iter().filter(|(taken, _)| *taken <= time);
    let (taken, value) = before.max_by_key(|(taken, _)| *taken).ok_or(None)?;
    if time - taken > STALE { Err(Some(time - taken)) } else { Ok(*value) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_step_takes_the_newest_of_each_entry_at_or_before_it(
        starts in prop::array::uniform3(900_u64..1100),
        loop_does in prop::collection::vec(does(), 1..150),
    ) {
        let (mut controller, seen) = controller();
        let mut all: [Vec<(u64, f64)>; 3] = Default::default();
        let (mut clocks, mut now, mut told) = (starts, 1000, [false; 3]);
        for (number, does) in loop_does.iter().enumerate() {
            match *does {
                Does::Entry { index, later, is_finite } => {
                    let (name, len) = ENTRIES[index];
                    // As many as are remembered.
                    if all[index].len() == 64 {
                        continue;
                    }
                    let time = clocks[index].saturating_add_signed(later);
                    let value = if is_finite { number as f64 } else { f64::NAN };
                    let taken = controller.observe_entry(name, numbers(len, value), ms(time));
                    match all[index].last() {
                        Some((from, _)) if time < *from => {
                            let words = format!("`{name}` went back in time, from {:?} to {:?}", ms(*from), ms(time));
                            prop_assert_eq!(taken.unwrap_err().to_string(), words);
                        }
                        _ if !is_finite => {
                            prop_assert_eq!(taken.unwrap_err().to_string(), format!("`{name}` is not finite at 0"));
                        }
                        _ => {
                            prop_assert!(taken.is_ok());
                            all[index].push((time, value));
                            clocks[index] = time;
                        }
                    }
                }
                Does::Step { later } => {
                    now += later;
                    let found: Vec<_> = all.iter().map(|all| chosen(all, now)).collect();
                    let row: Result<Vec<f64>, _> = found.iter().copied().collect();
                    prop_assert_eq!(controller.observe_entries(ms(now)), row.is_ok());
                    let expected = row.ok().map(|row| {
                        let parts = row.iter().zip(ENTRIES).flat_map(|(value, (_, len))| numbers(len, *value));
                        (now, parts.collect::<Vec<_>>())
                    });
                    prop_assert_eq!(seen.take(), expected.into_iter().collect::<Vec<_>>());
                    let events: Vec<_> = controller.events().collect();
                    let mut events = events.iter();
                    for ((found, told), (name, _)) in found.iter().zip(&mut told).zip(ENTRIES) {
                        if found.is_err() && !*told {
                            let Some(WorkerEvent::Unobserved(event)) = events.next() else { panic!("no event") };
                            prop_assert_eq!(&*event.entry, name);
                            let age = match event.why {
                                Absence::Stale { age, .. } => Some(age.as_millis() as u64),
                                _ => None,
                            };
                            prop_assert_eq!(Err(age), *found);
                        }
                        *told = found.is_err();
                    }
                    prop_assert!(events.next().is_none());
                }
            }
        }
    }
}

#[test]
fn the_joints_are_those_of_the_time_of_the_image() {
    let (mut controller, seen) = controller();
    controller.observe_entry("gripper", [0.0], ms(1000)).unwrap();
    for tick in 0..60 {
        controller.observe_entry("joints", [f64::from(tick), 0.0], ms(1000 + 2 * tick as u64)).unwrap();
    }
    controller.observe_entry("camera", [0.0; 12], ms(1051)).unwrap();
    assert!(controller.observe_entries(ms(1051)));
    assert_eq!(seen.take()[0].1[0], 25.0, "of 1050 ms, though there are some until 1118 ms");
}

#[test]
fn an_entry_that_falls_silent_is_told_once_until_it_is_back() {
    let (mut controller, seen) = controller();
    hand_in(&mut controller, 1.0, 1000);
    assert!(controller.observe_entries(ms(1000)));
    let mut told = Vec::new();
    for step in 1..10_u64 {
        let time = 1000 + 100 * step;
        controller.observe_entry("joints", [2.0, 2.0], ms(time)).unwrap();
        controller.observe_entry("gripper", [2.0], ms(time)).unwrap();
        if step == 6 {
            controller.observe_entry("camera", [2.0; 12], ms(time)).unwrap();
        }
        let is_observed = controller.observe_entries(ms(time));
        assert_eq!(is_observed, [1, 2, 6, 7, 8].contains(&step), "{step}");
        told.extend(controller.events().map(|event| (step, event.kind(), event.to_string())));
    }
    let words = "`camera` is not observed: it is 0.300 s old, more than 0.250 s".to_owned();
    assert_eq!(told, [(3, "not observed", words.clone()), (9, "not observed", words)]);
    assert_eq!(seen.take().len(), 6);
}

#[test]
fn what_is_from_another_time_or_episode_is_forgotten() {
    let (mut controller, seen) = controller();
    hand_in(&mut controller, 1.0, 5000);
    assert!(controller.observe_entries(ms(5000)));
    assert!(matches!(
        controller.observe_entry("gripper", [1.0], ms(4000)),
        Err(ControllerError::EntryWentBack { from, to, .. }) if (from, to) == (ms(5000), ms(4000))
    ));
    // The clock goes back: what is known is from after the step, and what comes then is taken.
    assert!(!controller.observe_entries(ms(4000)));
    let kinds: Vec<_> = controller.events().map(|event| event.kind()).collect();
    assert_eq!(kinds, ["clock went back", "not observed", "not observed", "not observed"]);
    hand_in(&mut controller, 2.0, 4100);
    assert!(controller.observe_entries(ms(4100)));
    assert_eq!(seen.take().last().unwrap().1[0], 2.0);
    controller.reset(1);
    assert!(!controller.observe_entries(ms(4150)));
    let words: Vec<_> = controller.events().map(|event| event.to_string()).collect();
    assert_eq!(words[0], "`joints` is not observed: nothing of it has come yet");
    controller.observe_entry("joints", [0.0; 2], ms(4200)).unwrap();
    assert!(!controller.observe_entries(ms(4199)));
    assert_eq!(controller.events().count(), 0, "it was told");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let (mut controller, _) = controller();
    let words = |error: Result<(), ControllerError>| error.unwrap_err().to_string();
    let unknown = controller.observe_entry("hand", [0.0], ms(0));
    assert_eq!(words(unknown), "`hand` is no entry of the policy's observations; they are joints, gripper, camera");
    let short = controller.observe_entry("joints", [0.0], ms(0));
    assert_eq!(words(short), "`joints` has 1 values, but the policy's has 2: [2]");
    let infinite = controller.observe_entry("joints", [0.0, f64::INFINITY], ms(0));
    assert!(matches!(infinite, Err(ControllerError::Entry(EntryError::NotFinite { index: 1, .. }))));
    let image = Pixels { bytes: &[0; 12], strides: [6, 2, 1], scale: 1.0 };
    assert_eq!(words(controller.observe_image("joints", &image, ms(0))), "`joints` is no image");
    let beyond = Pixels { bytes: &[0; 11], ..image };
    let beyond = words(controller.observe_image("camera", &beyond, ms(0)));
    assert_eq!(beyond, "`camera`: its strides lead to byte 11, but the image has 11");
    let infinite = Pixels { scale: f64::INFINITY, bytes: &[1; 12], ..image };
    assert_eq!(words(controller.observe_image("camera", &infinite, ms(0))), "`camera` is not finite at 0");
}

#[test]
fn an_image_is_read_where_it_lies() {
    let (mut controller, seen) = controller();
    hand_in(&mut controller, 0.0, 1000);
    // Two rows of three pixels of two bytes; the policy has the channels first.
    let bytes: Vec<u8> = (0..12).collect();
    controller.observe_image("camera", &Pixels { bytes: &bytes, strides: [6, 2, 1], scale: 0.5 }, ms(1010)).unwrap();
    assert!(controller.observe_entries(ms(1010)));
    let expected: Vec<f64> = [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11].map(|byte| f64::from(byte) * 0.5).to_vec();
    assert_eq!(seen.take()[0].1[3..], expected);
}

#[test]
fn entries_that_make_no_observation_are_refused() {
    let refusal = |entries| {
        let config = ControllerConfig { entries, ..config() };
        config.validate().unwrap_err().to_string()
    };
    let mut short = entries();
    short.list.truncate(2);
    assert_eq!(refusal(short), "the entries have 3 numbers, but an observation has 15");
    let hasty = Entries { stale: ms(99), ..entries() };
    assert_eq!(refusal(hasty), "stale is 99ms, but must be at least a period, 100ms");
    let mut none = Controller::start(ControllerConfig { entries: Entries::default(), ..config() }, || Err("".into()));
    let none = none.as_mut().unwrap();
    assert!(none.observe_entry("joints", [0.0; 2], ms(0)).is_err());
    assert!(!none.observe_entries(ms(0)), "there is nothing to observe");
}

/// As many as a loop has at 10 Hz for a minute, with a camera that fails in between.
#[test]
fn entries_are_taken_without_allocation() {
    let mut controller = Controller::start(config(), || Ok(Box::new(Still) as Box<dyn Policy>)).unwrap();
    let bytes = [7; 12];
    let image = Pixels { bytes: &bytes, strides: [6, 2, 1], scale: 1.0 };
    let (mut observed, mut refused) = (0, 0);
    let allocations = allocation_counter::measure(|| {
        for tick in 0..30_000_u64 {
            let time = ms(1000 + 2 * tick);
            refused += u32::from(controller.observe_entry("joints", [0.0; 2], time).is_err());
            refused += u32::from(controller.observe_entry("gripper", [0.0], time).is_err());
            if tick % 17 == 0 && tick % 1000 < 500 {
                refused += u32::from(controller.observe_image("camera", &image, time).is_err());
            }
            if tick % 50 == 0 {
                observed += u32::from(controller.observe_entries(time));
                controller.command(time);
            }
        }
    });
    assert_eq!((allocations.count_total, refused), (0, 0));
    assert!((300..600).contains(&observed), "{observed}");
    assert!(controller.events().any(|event| matches!(event, WorkerEvent::Unobserved(_))));
}
