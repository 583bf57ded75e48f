//! Grippers are held, and rotations stay rotations.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::Path;
use std::time::Duration;

use ndarray::{Array2, ArrayView1, aview1};
use parapolicy_control::controller::{Continuity, ControllerConfig, Fade, Replan};
use parapolicy_control::playback::{
    Between, Blend, Interpolation, Late, Limits, MotionLimits, Part, Playback, PlaybackConfig, Source,
};
use parapolicy_policy::{Kind, Manifest};
use proptest::prelude::*;

const PERIOD: Duration = Duration::from_secs(1);

/// `scipy.spatial.transform.Rotation.random(3, random_state=7)` (`scipy` 1.17) as quaternions, and the first two columns of
/// their matrices.
const QUATERNIONS: [[f64; 4]; 3] = [
    [0.938_873_621_145_865_3, -0.258_769_390_683_287_86, 0.018_227_457_796_259_3, 0.226_323_851_469_825_8],
    [-0.410_060_546_293_890_1, 0.001_073_628_127_826_860_5, -0.000_462_798_141_349_345_96, -0.912_057_553_838_396_8],
    [0.754_998_904_975_084_7, 0.445_508_922_875_157, -0.464_004_791_252_765, -0.127_271_390_420_306_88],
];
const COLUMNS: [[f64; 6]; 3] = [
    [
        0.865_412_324_455_371_1,
        -0.477_652_892_843_149,
        0.151_357_928_894_798_35,
        -0.494_154_126_646_961_4,
        -0.763_631_833_402_528_3,
        0.415_545_571_667_021_9,
    ],
    [
        0.999_997_266_281_047_2,
        -0.000_036_307_991_786_255_624,
        0.002_337_971_805_326_747_4,
        -0.001_724_702_154_666_420_1,
        0.663_700_268_382_073_9,
        0.747_996_643_810_680_1,
    ],
    [
        0.172_442_706_666_190_47,
        0.790_826_567_743_593_4,
        -0.587_245_138_480_111_7,
        0.554_608_427_965_898_8,
        -0.570_647_585_638_198_3,
        -0.605_616_070_323_839_4,
    ],
];

/// `scipy.spatial.transform.Slerp([0, 1, 2], …)` of these at some times: the quaternion, and the columns.
const SLERP: [(f64, [f64; 4], [f64; 6]); 5] = [
    (
        0.25,
        [0.871_284_631_526_757_3, -0.207_887_360_486_468_03, 0.014_754_928_824_738_476, 0.444_328_964_046_492_2],
        [
            0.913_130_274_850_692_4,
            -0.349_146_040_082_493_34,
            0.210_452_236_495_155_6,
            -0.375_370_209_039_596_45,
            -0.518_709_234_118_680_5,
            0.768_139_269_016_746_3,
        ],
    ),
    (
        0.5,
        [0.756_040_258_421_404, -0.145_634_818_831_680_78, 0.010_475_371_052_281_494, 0.638_031_263_960_691_2],
        [
            0.957_361_532_290_361,
            -0.206_844_343_663_427_8,
            0.201_678_739_546_581_1,
            -0.233_578_800_595_205_36,
            -0.143_413_211_505_172_67,
            0.961_703_485_840_764_7,
        ],
    ),
    (
        0.9,
        [0.489_119_317_380_630_47, -0.031_048_105_512_215_92, 0.002_545_863_610_351_305_3, 0.871_660_385_177_441_6],
        [
            0.998_059_067_445_159_6,
            -0.025_934_199_437_777_58,
            0.056_617_269_362_094_39,
            -0.034_810_713_258_609_78,
            0.521_511_623_887_167_1,
            0.852_533_776_687_467_5,
        ],
    ),
    (
        1.3,
        [-0.652_074_656_412_449_9, -0.181_341_450_787_082_2, 0.189_418_665_552_388_5, -0.711_361_012_307_656_8],
        [
            0.862_471_694_733_577_3,
            -0.032_993_778_923_981_53,
            -0.505_028_698_526_832_9,
            0.505_986_435_785_268_8,
            0.077_838_423_209_875_83,
            0.859_022_064_136_609_2,
        ],
    ),
    (
        1.75,
        [-0.801_668_685_078_690_2, -0.389_468_819_794_897_3, 0.405_863_496_942_243_94, -0.202_277_481_746_206_16],
        [
            0.367_177_720_514_765_8,
            0.460_255_821_099_876_95,
            -0.808_297_656_003_813_3,
            0.788_644_005_476_621_6,
            -0.614_795_717_571_965_9,
            0.008_176_691_321_168_383,
        ],
    ),
];

/// A position, a gripper, a quaternion and two columns.
fn parts() -> Vec<Part> {
    let part = |name: &str, kind, numbers| Part { name: name.into(), kind, numbers };
    vec![
        part("gripper", Kind::Gripper, 1..2),
        part("wrist", Kind::Quaternion, 2..6),
        part("elbow", Kind::Rotation6d, 6..12),
    ]
}

fn config(interpolation: Interpolation) -> PlaybackConfig {
    let mut initial = vec![0.0; 12];
    (initial[5], initial[6], initial[10]) = (1.0, 1.0, 1.0);
    PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late: Late::Finish,
        limits: Limits::default(),
        max_age: PERIOD * 100,
        initial,
        safe: None,
        between: Between { interpolation, parts: parts(), motion: None },
    }
}

/// Actions of the three rotations, number by number `scale` times what they are.
fn plan(scale: f64) -> Array2<f64> {
    Array2::from_shape_fn((3, 12), |(step, number)| match number {
        0 => step as f64,
        1 => [0.0, 1.0, 0.0][step],
        2..6 => scale * QUATERNIONS[step][number - 2],
        _ => scale * COLUMNS[step][number - 6],
    })
}

fn begun(config: PlaybackConfig, plan: &Array2<f64>) -> Playback {
    let mut playback = Playback::new(config, 8).unwrap();
    playback.observe(Duration::ZERO);
    let observed = playback.observed().unwrap();
    playback.take(observed, plan.view(), plan.nrows()).unwrap();
    playback
}

/// The largest difference; of quaternions of either sign.
fn apart(found: &[f64], expected: &[f64]) -> f64 {
    let most = |sign: f64| found.iter().zip(expected).map(|(a, b)| (a - sign * b).abs()).fold(0.0, f64::max);
    if expected.len() == 4 { most(1.0).min(most(-1.0)) } else { most(1.0) }
}

fn at(playback: &mut Playback, time: f64) -> Vec<f64> {
    playback.command(Duration::from_secs_f64(time)).action.to_vec()
}

#[test]
fn rotations_go_the_way_that_scipy_goes_and_grippers_are_held() {
    for interpolation in [Interpolation::Linear, Interpolation::Cubic] {
        // A network's numbers have no norm of 1.
        for scale in [1.0, 0.8] {
            let mut playback = begun(config(interpolation), &plan(scale));
            at(&mut playback, 0.0);
            let mut last: Option<Vec<f64>> = None;
            for (time, quaternion, columns) in SLERP {
                let action = at(&mut playback, time);
                assert!((action[0] - time).abs() < 1e-12, "a position goes on a line");
                assert_eq!(action[1], if (0.5..1.5).contains(&time) { 1.0 } else { 0.0 }, "the nearest, at {time}");
                assert!(apart(&action[2..6], &quaternion) < 1e-12, "{time}: {:?}", &action[2..6]);
                assert!(apart(&action[6..], &columns) < 1e-12, "{time}: {:?}", &action[6..]);
                if let Some(last) = last {
                    let dot: f64 = last[2..6].iter().zip(&action[2..6]).map(|(a, b)| a * b).sum();
                    assert!(dot > 0.0, "no jump from one sign to the other");
                }
                last = Some(action);
            }
        }
    }
}

#[test]
fn what_is_held_is_the_nearest_and_a_rotation() {
    let mut playback = begun(config(Interpolation::Hold), &plan(3.0));
    for (time, nearest) in [(0.0, 0), (0.4, 0), (0.6, 1), (1.4, 1), (1.6, 2), (2.4, 2)] {
        let action = at(&mut playback, time);
        assert!(apart(&action[2..6], &QUATERNIONS[nearest]) < 1e-12, "{time}");
        assert!(apart(&action[6..], &COLUMNS[nearest]) < 1e-12, "{time}");
    }
}

/// In a mean of plans a gripper is the newest's, and a rotation lies on the way from one to the other: of two equal weights, in
/// the middle.
#[test]
fn a_mean_of_rotations_is_a_rotation() {
    let constant = |step: usize, gripper: f64| {
        let mut actions = Array2::from_shape_fn((4, 12), |(_, number)| plan(1.0)[[step, number]]);
        actions.column_mut(1).fill(gripper);
        actions
    };
    for blend in [Blend::Ensemble { decay: 0.0 }, Blend::Queue { newest: 0.5 }] {
        let config = PlaybackConfig { blend, ..config(Interpolation::Linear) };
        let mut playback = begun(config, &constant(0, 0.25));
        at(&mut playback, 0.0);
        playback.observe(PERIOD);
        let observed = playback.observed().unwrap();
        playback.take(observed, constant(1, 0.75).view(), 4).unwrap();
        let action = at(&mut playback, 1.0);
        let (_, quaternion, columns) = SLERP[1];
        assert!(apart(&action[2..6], &quaternion) < 1e-12 && apart(&action[6..], &columns) < 1e-12, "{blend:?}");
        assert_eq!((action[0], action[1]), (0.5, 0.75), "{blend:?}: the position's mean, the newest's gripper");
    }
}

/// A motion that goes on without a plan: the gripper stays, the rotation remains one.
#[test]
fn a_motion_that_slows_down_keeps_rotations() {
    let late = Late::Decelerate { within: 4 * PERIOD };
    let mut playback = begun(PlaybackConfig { late, ..config(Interpolation::Linear) }, &plan(1.0));
    let sent: Vec<_> = (0..3).map(|second| at(&mut playback, f64::from(second))).collect();
    let mut before = sent[2].clone();
    for second in 3..6 {
        let command = playback.command(PERIOD * second);
        assert_eq!(command.source, Source::Late);
        let action = command.action.to_vec();
        assert_eq!(action[1], sent[2][1]);
        for numbers in [2..6, 6..9, 9..12] {
            let norm = action[numbers].iter().map(|number| number * number).sum::<f64>();
            assert!((norm - 1.0).abs() < 1e-12);
        }
        assert!(action[0] > before[0] && action[2..6] != before[2..6], "they move on");
        before = action;
    }
}

#[test]
fn a_rotation_that_is_none_is_not_sent() {
    let mut none = plan(1.0);
    none.row_mut(1).slice_mut(ndarray::s![2..6]).fill(0.0);
    let mut playback = begun(config(Interpolation::Linear), &none);
    let first = at(&mut playback, 0.0);
    assert!(apart(&first[2..6], &QUATERNIONS[0]) < 1e-12);
    let command = playback.command(PERIOD);
    assert!(command.withheld.is_some() && command.action.to_vec() == first);
}

#[test]
fn what_a_rotation_cannot_keep_is_refused_by_its_name() {
    let told = |config: PlaybackConfig| config.validate().unwrap_err().to_string();
    let base = config(Interpolation::Linear);
    let motion =
        MotionLimits { cycle: PERIOD, velocity: vec![1.0; 12], acceleration: vec![1.0; 12], jerk: vec![1.0; 12] };
    let between = Between { motion: Some(motion), ..base.between.clone() };
    let wrist = "wrist (quaternion, numbers 2 to 5)";
    assert!(told(PlaybackConfig { between, ..base.clone() }).contains(wrist));
    let of = |value: f64, other: f64| {
        let mut values = vec![other; 12];
        values[4] = value;
        values
    };
    for limits in [
        Limits { min: of(-0.5, -5.0), ..Limits::default() },
        Limits { max: of(0.5, 5.0), ..Limits::default() },
        Limits { max_change: of(0.5, 5.0), ..Limits::default() },
    ] {
        assert!(told(PlaybackConfig { limits, ..base.clone() }).contains(wrist));
    }
    let wide = Limits { min: of(-1.0, 0.0), max: of(1.0, 1.0), max_change: of(2.0, 0.1) };
    let narrow_elsewhere = PlaybackConfig { limits: wide, ..base.clone() };
    assert!(told(narrow_elsewhere).contains("wrist"), "the quaternion's other numbers");
    for (numbers, kind) in [(2..5, Kind::Quaternion), (9..15, Kind::Rotation6d), (0..0, Kind::Gripper)] {
        let parts = vec![Part { name: "odd".into(), kind, numbers }];
        let between = Between { parts, ..base.between.clone() };
        let told = told(PlaybackConfig { between, ..base.clone() });
        assert!(told.starts_with("parts is odd ("), "{told}");
    }
    let twice = Between { parts: vec![parts()[0].clone(); 2], ..base.between.clone() };
    assert!(told(PlaybackConfig { between: twice, ..base }).starts_with("parts is gripper"));
}

/// The manifest says what the numbers are, and agreement does not fade between quaternions.
#[test]
fn a_controller_knows_them_from_the_manifest() {
    let model = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht"));
    let mut manifest = Manifest::load(model).unwrap();
    manifest.actions[0].kind = Kind::Gripper;
    let playback = PlaybackConfig { initial: vec![0.0; 2], ..config(Interpolation::Linear) };
    let of = ControllerConfig::of(&manifest, playback, Replan::Always);
    let part = Part { name: manifest.actions[0].name.clone(), kind: Kind::Gripper, numbers: 0..2 };
    assert_eq!(of.playback.between.parts, [part]);
    of.validate().unwrap();

    let parted = ControllerConfig { playback: config(Interpolation::Linear), ..of };
    for (fade, may) in [(Fade::Hard, true), (Fade::Linear, false), (Fade::Exponential, false)] {
        let config = ControllerConfig { continuity: Continuity::inpaint(fade), ..parted.clone() };
        let told = config.validate().err().map(|error| error.to_string());
        assert_eq!(told.is_none(), may);
        assert!(told.is_none_or(|told| told.contains("`wrist` is a quaternion")));
    }
}

proptest! {
    /// Whatever rotations a plan has, what is sent is a rotation, and near the one before.
    #[test]
    fn what_is_sent_is_a_rotation(numbers in prop::collection::vec(-1.0..1.0_f64, 30), share in 0.0..1.0_f64) {
        let actions = Array2::from_shape_fn((3, 12), |(step, number)| if number < 2 { 0.0 } else { numbers[10 * step + number - 2] });
        let mut playback = begun(config(Interpolation::Linear), &actions);
        let mut before: Option<Vec<f64>> = None;
        for step in 0..20 {
            let command = playback.command(Duration::from_secs_f64(0.1 * (f64::from(step) + share)));
            if command.withheld.is_some() {
                continue;
            }
            let action = command.action.to_vec();
            let dot = |a: &[f64], b: &[f64]| ArrayView1::from(a).dot(&aview1(b));
            prop_assert!((dot(&action[2..6], &action[2..6]) - 1.0).abs() < 1e-9);
            prop_assert!((dot(&action[6..9], &action[6..9]) - 1.0).abs() < 1e-9);
            prop_assert!((dot(&action[9..], &action[9..]) - 1.0).abs() < 1e-9);
            prop_assert!(dot(&action[6..9], &action[9..]).abs() < 1e-9);
            // Half a turn in ten commands, the furthest that there is: the quaternion turns by π/20.
            prop_assert!(before.is_none_or(|before| dot(&before[2..6], &action[2..6]) > 0.98));
            before = Some(action);
        }
    }
}
