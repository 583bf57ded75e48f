//! A keep-out disc is reported, and changes nothing else.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use parapolicy_pusht::{Renderer, Scenario, Task};
use proptest::prelude::*;

const PLAIN: &str = r#"
name = "plain"
max_control_steps = 40
reset = { distribution = "diffusion-policy", order = "legacy" }
"#;

fn task(keep_out: &str) -> Task {
    Task::new(Scenario::parse(&format!("{PLAIN}{keep_out}")).unwrap())
}

/// Straight through a disc half way: the agent is in it for some substeps, and never deeper than its radius.
#[test]
fn an_agent_on_its_way_through_a_disc_is_reported() {
    let start = task("").reset(100_000).agent;
    let target = [start.x + 100.0, start.y];
    let disc = format!("[[keep_out]]\ncentre = [{}, {}]\nradius = 10.0", start.x + 50.0, start.y);
    let (mut watched, mut plain) = (task(&disc), task(""));
    watched.reset(100_000);
    plain.reset(100_000);
    let mut intrusions = Vec::new();
    for _ in 0..10 {
        let (seen, unseen) = (watched.step(target).unwrap(), plain.step(target).unwrap());
        assert_eq!((seen.outcome, seen.observation), (unseen.outcome, unseen.observation));
        assert_eq!(unseen.intrusion, 0.0);
        intrusions.push(seen.intrusion);
    }
    assert!(intrusions.iter().any(|&depth| depth > 0.0), "{intrusions:?}");
    assert!(intrusions.iter().all(|&depth| depth <= 10.0) && intrusions[9] == 0.0, "{intrusions:?}");
}

/// The way itself is what counts, not only where a control step ends: gym-pusht's agent covers a fifth of the distance
/// in its first step, and a small disc there lies between two control steps.
#[test]
fn a_disc_between_two_control_steps_is_not_missed() {
    let start = task("").reset(100_000).agent;
    let mut still = task("");
    still.reset(100_000);
    let way: Vec<f64> = (0..3).map(|_| still.step([start.x + 200.0, start.y]).unwrap().observation.agent.x).collect();
    let middle = 0.5 * (way[1] + way[2]);
    let mut watched = task(&format!("[[keep_out]]\ncentre = [{middle}, {}]\nradius = 8.0", start.y));
    watched.reset(100_000);
    let intrusions: Vec<f64> = (0..3).map(|_| watched.step([start.x + 200.0, start.y]).unwrap().intrusion).collect();
    assert!(way[1] < middle - 8.0 && way[2] > middle + 8.0, "{way:?}");
    assert!(intrusions[1] == 0.0 && intrusions[2] > 0.0, "{intrusions:?}");
}

#[test]
fn a_disc_is_drawn() {
    let disc = task("[[keep_out]]\ncentre = [100.0, 400.0]\nradius = 20.0").scenario().keep_out.clone();
    let state = task("").reset(100_000);
    let mut frames =
        [vec![], disc].map(|discs| Renderer::new(512, 512).unwrap().with_keep_out(discs).draw(&state, &[]));
    let [plain, marked] = frames.each_mut().map(|frame| frame.pixels());
    let differs = |row, column| (0..3).any(|channel| plain[[row, column, channel]] != marked[[row, column, channel]]);
    assert!(differs(400, 100) && differs(400, 118) && !differs(400, 122) && !differs(378, 100));
}

proptest! {
    /// Whatever is no disc on the table is refused by the field's name.
    #[test]
    fn bad_discs_are_named(
        radius in prop_oneof![-1e9..=0.0, 512.1..1e9, Just(f64::NAN), Just(f64::INFINITY)],
        x in prop_oneof![-1e9..-0.1, 512.1..1e9, Just(f64::NAN), Just(f64::NEG_INFINITY)],
    ) {
        let parse = |x: f64, radius: f64| {
            let [x, radius] = [x, radius].map(|value| toml::Value::Float(value).to_string());
            Scenario::parse(&format!("{PLAIN}[[keep_out]]\ncentre = [{x}, 1.0]\nradius = {radius}"))
        };
        prop_assert!(parse(1.0, 1.0).is_ok());
        prop_assert!(parse(1.0, radius).unwrap_err().to_string().contains("`keep_out[0].radius`"));
        prop_assert!(parse(x, 1.0).unwrap_err().to_string().contains("`keep_out[0].centre`"));
    }
}
