//! A thousand wrong inputs: each is refused in one line that names the field.

#![allow(unsafe_code, clippy::unwrap_used, reason = "a test calls the library as C does")]

use std::ffi::{CStr, CString};
use std::mem::{MaybeUninit, size_of};
use std::path::Path;
use std::ptr;

use parapolicy::config::{ParapolicyConfig, parapolicy_config_default};
use parapolicy::controller::parapolicy_controller_start;
use parapolicy::draw::{ParapolicyDrawing, parapolicy_drawing_default, parapolicy_policy_draw};
use parapolicy::failure::{ParapolicyStatus as Status, parapolicy_last_error};
use parapolicy::options::{ParapolicyOptions, parapolicy_options_default};
use parapolicy::policy::{ParapolicyPolicy, parapolicy_policy_free, parapolicy_policy_load};

/// Of each of the three structs.
const CASES: usize = 334;

/// Numbers without a pattern (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    /// Letters that are no name, or bytes that are no text.
    fn text(&mut self) -> CString {
        let len = 1 + self.below(12);
        let first = if self.below(2) == 0 { b'?' } else { 0xff };
        let letters = (1..len).map(|_| b'a' + self.below(26) as u8);
        CString::new([first].into_iter().chain(letters).collect::<Vec<_>>()).unwrap()
    }

    /// No amount of anything.
    fn amount(&mut self) -> f64 {
        let few = -f64::from(self.next() as u32) - 1.0;
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, few][self.below(4)]
    }

    /// Two numbers, one of which is not finite.
    fn broken(&mut self) -> [f64; 2] {
        let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][self.below(3)];
        if self.below(2) == 0 { [bad, 0.0] } else { [0.0, bad] }
    }

    /// A value that a choice does not have.
    fn choice(&mut self) -> u32 {
        3 + self.next() as u32 % (u32::MAX - 3)
    }
}

fn directory() -> CString {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/point");
    CString::new(directory.to_str().unwrap()).unwrap()
}

/// The defaults, for a network that ONNX Runtime runs, of few steps.
fn options() -> ParapolicyOptions {
    let mut options = MaybeUninit::uninit();
    // SAFETY: a call that succeeds fills the struct.
    let mut options: ParapolicyOptions = unsafe {
        assert_eq!(parapolicy_options_default(options.as_mut_ptr(), size_of::<ParapolicyOptions>()), Status::Ok);
        options.assume_init()
    };
    (options.provider, options.solver, options.steps) = (c"cpu".as_ptr(), c"ddim".as_ptr(), 4);
    options
}

fn told(found: Status, field: &str, index: usize) {
    assert_ne!(found, Status::Ok, "case {index}: `{field}` was taken");
    assert_ne!(found, Status::Panic, "case {index}: `{field}`");
    // SAFETY: never null, and closed by a zero.
    let words = unsafe { CStr::from_ptr(parapolicy_last_error()) }.to_str().unwrap();
    // What the field's list is called in the library.
    let also = if field == "sampler" { "strategy: `" } else { field };
    assert!(
        !words.contains('\n') && (words.contains(field) || words.contains(also)),
        "case {index}: `{field}`: {words}"
    );
}

#[test]
fn of_options() {
    let (directory, mut random) = (directory(), Random(1));
    for index in 0..CASES {
        let (mut options, text) = (options(), random.text());
        // As one sampler takes it: others have no tolerance.
        options.sampler = c"picard".as_ptr();
        let field =
            ["sampler", "solver", "provider", "precision", "within", "tuned", "devices", "tolerance", "steps", "size"];
        let field = field[index % field.len()];
        match field {
            "sampler" => options.sampler = text.as_ptr(),
            "solver" => options.solver = text.as_ptr(),
            "provider" => options.provider = text.as_ptr(),
            "precision" => options.precision = text.as_ptr(),
            "within" => options.within = text.as_ptr(),
            "tuned" => options.tuned = text.as_ptr(),
            "devices" => options.devices = text.as_ptr(),
            "tolerance" => options.tolerance = random.amount(),
            "steps" => options.steps = [0, 1_000_000 + random.next() as u32 % 1_000_000][random.below(2)],
            _ => options.size = size_of::<ParapolicyOptions>() + 1 + random.below(1000),
        }
        let mut handle: *mut ParapolicyPolicy = ptr::null_mut();
        // SAFETY: every pointer is to something here.
        let found = unsafe { parapolicy_policy_load(directory.as_ptr(), &raw const options, &raw mut handle) };
        assert!(handle.is_null());
        told(found, field, index);
    }
}

#[test]
fn of_config() {
    let (directory, options, mut random) = (directory(), options(), Random(2));
    for index in 0..CASES {
        let (right, broken, one, ten) = ([0.0; 2], random.broken(), [1.0; 2], [10.0; 2]);
        let mut config = MaybeUninit::uninit();
        // SAFETY: a call that succeeds fills the struct.
        let mut config: ParapolicyConfig = unsafe {
            assert_eq!(parapolicy_config_default(config.as_mut_ptr(), size_of::<ParapolicyConfig>()), Status::Ok);
            config.assume_init()
        };
        (config.action_dim, config.initial) = (2, right.as_ptr());
        let log = CString::new(format!("/nowhere/{index}/loop.mcap")).unwrap();
        const FIELDS: [&str; 16] = [
            "period",
            "max_age",
            "within",
            "decay",
            "replan",
            "replan_every",
            "blend",
            "late",
            "initial",
            "safe",
            "min",
            "max",
            "max_change",
            "initial",
            "log",
            "size",
        ];
        let which = index % FIELDS.len();
        match which {
            0 => config.period_ns = 0,
            1 => config.max_age_ns = 0,
            2 => config.late_within_ns = 0,
            3 => (config.blend, config.blend_decay) = (1, random.amount()),
            4 => config.replan = random.choice(),
            5 => (config.replan, config.replan_count) = (1, 0),
            6 => config.blend = random.choice(),
            7 => config.late = random.choice(),
            8 => config.initial = [ptr::null(), broken.as_ptr()][random.below(2)],
            9 => config.safe = broken.as_ptr(),
            10 => (config.min, config.max) = (ten.as_ptr(), one.as_ptr()),
            11 => config.max = broken.as_ptr(),
            12 => config.max_change = broken.as_ptr(),
            // Every array has its length, and is read first.
            13 => config.action_dim = [0, 1, 3, usize::MAX][random.below(4)],
            14 => config.log = log.as_ptr(),
            _ => config.size = random.below(8),
        }
        let mut handle = ptr::null_mut();
        // SAFETY: every pointer is to something here, and arrays are as long as is said where they are read.
        let found = unsafe {
            parapolicy_controller_start(directory.as_ptr(), &raw const options, &raw const config, &raw mut handle)
        };
        assert!(handle.is_null());
        told(found, FIELDS[which], index);
    }
}

#[test]
fn of_drawings() {
    let (directory, options, mut random) = (directory(), options(), Random(3));
    let mut handle = ptr::null_mut();
    // SAFETY: every pointer is to something here.
    let loaded = unsafe { parapolicy_policy_load(directory.as_ptr(), &raw const options, &raw mut handle) };
    assert_eq!(loaded, Status::Ok);
    for index in 0..CASES {
        let (mut seen, mut actions, mut noise) = ([0.0; 4], [0.0; 16], [0.0; 64]);
        let mut drawing = MaybeUninit::uninit();
        // SAFETY: a call that succeeds fills the struct.
        let mut drawing: ParapolicyDrawing = unsafe {
            assert_eq!(parapolicy_drawing_default(drawing.as_mut_ptr(), size_of::<ParapolicyDrawing>()), Status::Ok);
            drawing.assume_init()
        };
        let which = ["observations", "position", "plans", "initial_noise", "step_noise", "actions", "size"][index % 7];
        let [bad, _] = random.broken();
        match which {
            "position" => seen[0] = bad,
            "initial_noise" | "step_noise" if random.below(2) == 0 => {
                noise[0] = if bad == 0.0 { f64::NAN } else { bad }
            }
            _ => {}
        }
        if which == "position" && seen[0] == 0.0 {
            seen[0] = f64::NAN;
        }
        (drawing.observations, drawing.observations_len) = (seen.as_ptr(), seen.len());
        (drawing.actions, drawing.actions_len) = (actions.as_mut_ptr(), actions.len());
        let wrong = noise[0] == 0.0;
        match which {
            "observations" => drawing.observations_len = random.below(4),
            "plans" => drawing.plans = [0, usize::MAX][random.below(2)],
            "initial_noise" => {
                (drawing.initial_noise, drawing.initial_noise_len) =
                    (noise.as_ptr(), if wrong { random.below(16) } else { 16 });
            }
            "step_noise" => {
                (drawing.step_noise, drawing.step_noise_len) =
                    (noise.as_ptr(), if wrong { random.below(64) } else { 64 });
            }
            "actions" => {
                (drawing.actions, drawing.actions_len) =
                    [(ptr::null_mut(), 16), (actions.as_mut_ptr(), 15)][random.below(2)];
            }
            "size" => drawing.size = size_of::<ParapolicyDrawing>() + 1 + random.below(1000),
            _ => {}
        }
        // SAFETY: every pointer is to something here, and as long as is said, or null.
        let found = unsafe { parapolicy_policy_draw(handle, &raw const drawing) };
        told(found, which, index);
    }
    // SAFETY: it lives, and nobody uses it afterwards.
    unsafe { parapolicy_policy_free(handle) };
}
