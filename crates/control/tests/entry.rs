//! Where a plan is entered: at what the robot has executed since its observation, in closed forms.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::time::Duration;

use ndarray::Array2;
use parapolicy_control::playback::{Between, Blend, Late, Limits, Playback, PlaybackConfig, Source, Withheld};

const PERIOD: Duration = Duration::from_millis(100);

fn at(period: u32) -> Duration {
    PERIOD * period
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn config() -> PlaybackConfig {
    PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late: Late::Hold,
        limits: Limits::default(),
        max_age: at(100),
        initial: vec![-1.0],
        safe: None,
        between: Between::default(),
    }
}

fn playback(config: PlaybackConfig) -> Playback {
    Playback::new(config, 16).unwrap()
}

/// 16 actions that count up from `first`, eight of them intended, for the newest observation as it was then.
fn take(playback: &mut Playback, observed: parapolicy_control::playback::Moment, first: f64) {
    let actions = Array2::from_shape_fn((16, 1), |(i, _)| first + i as f64);
    assert!(playback.take(observed, actions.view(), 8).unwrap());
}

fn observe(playback: &mut Playback, time: Duration) -> parapolicy_control::playback::Moment {
    assert_eq!(playback.observe(time), None);
    playback.observed().unwrap()
}

fn sent(playback: &mut Playback, periods: std::ops::Range<u32>) -> Vec<f64> {
    periods.map(|period| playback.command(at(period)).action[0]).collect()
}

/// The first plan takes seven periods, in which the robot stands still.
#[test]
fn the_first_plan_is_entered_at_its_first_action_however_late_it_is() {
    for late in [1, 3, 7, 90] {
        let mut playback = playback(config());
        let observed = observe(&mut playback, at(0));
        assert_eq!(sent(&mut playback, 0..late), vec![-1.0; late as usize]);
        take(&mut playback, observed, 0.0);
        assert_eq!(sent(&mut playback, late..late + 3), [0.0, 1.0, 2.0], "{late} periods late");
    }
}

/// The clock's origin is the caller's.
#[test]
fn an_origin_is_as_good_as_another() {
    let origin = Duration::from_secs(1_700_000_000);
    let mut playback = playback(config());
    let observed = observe(&mut playback, origin);
    playback.command(origin);
    take(&mut playback, observed, 0.0);
    let sent: Vec<_> = (7..10).map(|period| playback.command(origin + at(period)).action[0]).collect();
    assert_eq!(sent, [0.0, 1.0, 2.0]);
}

/// While a plan is followed, what was executed is what has passed.
#[test]
fn while_commands_flow_a_plan_is_entered_at_the_periods_that_it_took() {
    for took in 0..7 {
        let mut playback = playback(config());
        let first = observe(&mut playback, at(0));
        take(&mut playback, first, 0.0);
        sent(&mut playback, 0..2);
        let observed = observe(&mut playback, at(2));
        sent(&mut playback, 2..2 + took);
        take(&mut playback, observed, 100.0);
        assert_eq!(sent(&mut playback, 2 + took..3 + took), [100.0 + f64::from(took)], "{took} periods");
    }
}

/// The old plan has three actions left when the new one's observation is taken; the new one is there ten periods later.
#[test]
fn a_hold_in_between_does_not_count() {
    let safe = Some(vec![-7.0]);
    let decelerate = Late::Decelerate { within: at(3) };
    for late in [Late::Hold, decelerate] {
        let mut playback = playback(PlaybackConfig { late, safe: safe.clone(), ..config() });
        let first = observe(&mut playback, at(0));
        take(&mut playback, first, 0.0);
        sent(&mut playback, 0..5);
        let observed = observe(&mut playback, at(5));
        assert_eq!(sent(&mut playback, 5..8), [5.0, 6.0, 7.0]);
        for period in 8..15 {
            assert_eq!(playback.command(at(period)).source, Source::Late);
        }
        take(&mut playback, observed, 100.0);
        assert_eq!(sent(&mut playback, 15..18), [103.0, 104.0, 105.0], "{late:?}");
        // One whose observation was taken during the hold begins at its beginning.
        sent(&mut playback, 18..30);
        let observed = observe(&mut playback, at(30));
        sent(&mut playback, 30..35);
        take(&mut playback, observed, 200.0);
        assert_eq!(sent(&mut playback, 35..37), [200.0, 201.0], "{late:?}");
    }
}

/// The rest of the horizon is executed, the last action sent again is not.
#[test]
fn the_rest_of_the_horizon_counts_as_executed() {
    let mut playback = playback(PlaybackConfig { late: Late::Finish, ..config() });
    let first = observe(&mut playback, at(0));
    take(&mut playback, first, 0.0);
    sent(&mut playback, 0..12);
    let observed = observe(&mut playback, at(12));
    assert_eq!(sent(&mut playback, 12..22), [12.0, 13.0, 14.0, 15.0, 15.0, 15.0, 15.0, 15.0, 15.0, 15.0]);
    take(&mut playback, observed, 100.0);
    assert_eq!(sent(&mut playback, 22..24), [104.0, 105.0], "12 to 15 were executed");
}

#[test]
fn a_plan_that_grew_too_old_does_not_count() {
    let mut playback = playback(PlaybackConfig { max_age: at(3), safe: Some(vec![-7.0]), ..config() });
    let first = observe(&mut playback, at(0));
    take(&mut playback, first, 0.0);
    sent(&mut playback, 0..3);
    let observed = observe(&mut playback, at(3));
    assert_eq!(sent(&mut playback, 3..6), [3.0, -7.0, -7.0], "older than three periods from the fourth on");
    take(&mut playback, observed, 100.0);
    assert_eq!(sent(&mut playback, 6..7), [101.0], "one action was executed since");
}

#[test]
fn after_a_stop_nothing_was_executed() {
    let mut playback = playback(config());
    let first = observe(&mut playback, at(0));
    take(&mut playback, first, 0.0);
    sent(&mut playback, 0..4);
    playback.clear();
    let stale = Array2::zeros((8, 1));
    assert!(!playback.take(first, stale.view(), 8).unwrap(), "a plan from before the stop is not in force");
    assert_eq!(playback.command(at(4)).withheld, Some(Withheld::NoPlan));
    let observed = observe(&mut playback, at(4));
    take(&mut playback, observed, 50.0);
    assert_eq!(sent(&mut playback, 9..11), [50.0, 51.0]);
}

/// No command was asked for during three periods: the robot has executed one action meanwhile, and goes on with the next.
#[test]
fn an_action_is_not_left_out_because_nobody_asked_for_it() {
    let mut playback = playback(config());
    let first = observe(&mut playback, at(0));
    take(&mut playback, first, 0.0);
    assert_eq!(sent(&mut playback, 0..2), [0.0, 1.0]);
    assert_eq!(sent(&mut playback, 5..7), [2.0, 3.0]);
    assert_eq!(playback.command(ms(840)).action[0], 4.0, "2.4 periods later");
    assert_eq!(playback.command(ms(900)).action[0], 5.0, "the loop's own steps are kept");
}

/// Five commands an action: action i is sent from half a period before its time to half a period after it.
#[test]
fn several_commands_an_action_send_it_several_times() {
    let mut playback = playback(config());
    let first = observe(&mut playback, ms(0));
    for tick in 0..13 {
        playback.command(ms(20 * tick));
    }
    take(&mut playback, first, 0.0);
    for tick in 0..20 {
        let action = playback.command(ms(260 + 20 * tick)).action[0];
        // From the last command without a plan nothing was executed; then 20 ms a command.
        assert_eq!(action, ((20 * tick + 50) / 100) as f64, "command {tick}");
    }
    let observed = observe(&mut playback, ms(660));
    for tick in 0..8 {
        playback.command(ms(660 + 20 * tick));
    }
    take(&mut playback, observed, 100.0);
    assert_eq!(playback.command(ms(820)).action[0], 102.0, "160 ms were executed: nearer to the third");
}

/// Each plan of a mean is at its own action.
#[test]
fn an_ensemble_s_plans_are_entered_each_at_what_was_executed_since() {
    let decay = 0.5;
    let mut playback = playback(PlaybackConfig { blend: Blend::Ensemble { decay }, ..config() });
    let first = observe(&mut playback, at(0));
    sent(&mut playback, 0..4);
    take(&mut playback, first, 0.0);
    sent(&mut playback, 4..6);
    let second = observe(&mut playback, at(6));
    sent(&mut playback, 6..8);
    take(&mut playback, second, 100.0);
    let mean = (4.0 + 102.0 * (-decay).exp()) / (1.0 + (-decay).exp());
    approx::assert_relative_eq!(sent(&mut playback, 8..9)[0], mean, epsilon = 1e-12);
}

/// What holds for a command holds for every plan in the mean: its age.
#[test]
fn an_ensemble_has_no_plan_that_is_too_old() {
    let blend = Blend::Ensemble { decay: 0.0 };
    let mut playback = playback(PlaybackConfig { blend, max_age: at(5), ..config() });
    let first = observe(&mut playback, at(0));
    take(&mut playback, first, 0.0);
    sent(&mut playback, 0..4);
    let second = observe(&mut playback, at(4));
    take(&mut playback, second, 100.0);
    assert_eq!(sent(&mut playback, 4..6), [(4.0 + 100.0) / 2.0, (5.0 + 101.0) / 2.0]);
    assert_eq!(sent(&mut playback, 6..8), [102.0, 103.0], "the first is older than five periods");
}

/// That it was meant to be executed.
#[test]
fn an_ensemble_uses_no_plan_beyond_its_intended_actions() {
    let mut playback = playback(PlaybackConfig { blend: Blend::Ensemble { decay: 0.0 }, ..config() });
    let first = observe(&mut playback, at(0));
    take(&mut playback, first, 0.0);
    sent(&mut playback, 0..7);
    let second = observe(&mut playback, at(7));
    take(&mut playback, second, 100.0);
    assert_eq!(sent(&mut playback, 7..9), [(7.0 + 100.0) / 2.0, 101.0], "eight of the first were intended");
}

/// And that it is within the limits: one that is not does not draw the mean away, and is told.
#[test]
fn an_ensemble_takes_no_action_beyond_the_limits() {
    let limits = Limits { max: vec![10.0], ..Limits::default() };
    let mut playback = playback(PlaybackConfig { blend: Blend::Ensemble { decay: 0.0 }, limits, ..config() });
    let first = observe(&mut playback, at(0));
    take(&mut playback, first, 1000.0);
    let second = observe(&mut playback, at(0));
    take(&mut playback, second, 2.0);
    let command = playback.command(at(0));
    assert_eq!(command.action[0], (10.0 + 2.0) / 2.0);
    assert!(matches!(command.withheld, Some(Withheld::BeyondLimits(excess)) if excess.asked == 1000.0));
}

/// As LeRobot's robot client aggregates: what is queued for a time becomes 0.3 of itself and 0.7 of what a new plan has for it
/// (`weighted_average` of its `AGGREGATE_FUNCTIONS`), and what only the new plan has is queued as it is.
#[test]
fn a_queue_moves_towards_every_new_plan() {
    let mut playback = playback(PlaybackConfig { blend: Blend::Queue { newest: 0.7 }, ..config() });
    for (period, until, first) in [(0, 4, 0.0), (4, 7, 100.0), (7, 8, 1000.0)] {
        let observed = observe(&mut playback, at(period));
        take(&mut playback, observed, first);
        sent(&mut playback, period..until);
    }
    let queued = |old: f64, new: f64| 0.3 * old + 0.7 * new;
    for (period, found) in (8..14).zip(sent(&mut playback, 8..14)) {
        let [one, two, three] = [0.0, 96.0, 993.0].map(|offset| offset + f64::from(period));
        approx::assert_relative_eq!(found, queued(queued(one, two), three), epsilon = 1e-9);
    }
}
