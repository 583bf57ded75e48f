//! What a scenario does to an episode.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use std::path::Path;

use parapolicy_pusht::geometry::{OUTLINE, Pose};
use parapolicy_pusht::{Scenario, Task};

const PLAIN: &str = r#"
name = "plain"
max_control_steps = 20
reset = { distribution = "diffusion-policy", order = "legacy" }
"#;

fn task(extra: &str) -> Task {
    Task::new(Scenario::parse(&format!("{PLAIN}{extra}")).unwrap())
}

/// A seed whose agent starts away from the block and from the walls.
const SEED: u64 = 100_000;

#[test]
fn shipped_scenarios_load() {
    let sims = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sims");
    let nominal = Scenario::load(&sims.join("nominal.toml")).unwrap();
    assert_eq!(nominal.max_control_steps, 300);
    assert!(nominal.kicks.is_empty() && nominal.action_delay == 0);
    let perturbed = Scenario::load(&sims.join("perturbed.toml")).unwrap();
    assert!(!perturbed.kicks.is_empty() && perturbed.action_delay > 0);
    assert!(perturbed.observation_noise.position_std > 0.0);
    let shoved = Scenario::load(&sims.join("shoved.toml")).unwrap();
    assert!(shoved.random_kicks.probability > 0.0);
    assert_eq!(Scenario::load(&sims.join("keep_out.toml")).unwrap().keep_out.len(), 1);
}

#[test]
fn a_kick_moves_the_block_as_far_as_it_says() {
    let mut kicked = task("kicks = [{ control_step = 2, displacement = [10.0, 20.0], turn = 0.1 }]");
    let agent = kicked.reset(SEED).agent;
    let before = kicked.world().state().block;
    for step in 0..4 {
        let angle = kicked.world().state().block.angle;
        assert!((angle - before.angle - if step > 2 { 0.1 } else { 0.0 }).abs() < 1e-6);
        kicked.step(agent.into()).unwrap();
    }
    let centre = |block: &Pose| block.place(&[[0.0, 45.0]])[0];
    let [from, to] = [centre(&before), centre(&kicked.world().state().block)];
    assert!((to[0] - from[0] - 10.0).abs() < 1e-5 && (to[1] - from[1] - 20.0).abs() < 1e-5, "{from:?} to {to:?}");
}

#[test]
fn walls_stop_a_kicked_block() {
    let kicks: Vec<String> =
        (0..6).map(|step| format!("{{ control_step = {step}, displacement = [100.0, 0.0] }}")).collect();
    let mut kicked = task(&format!("kicks = [{}]", kicks.join(", ")));
    let agent = kicked.reset(SEED).agent;
    let right =
        |task: &Task| task.world().state().block.place(&OUTLINE).into_iter().map(|[x, _]| x).fold(0.0, f64::max);
    for _ in 0..6 {
        kicked.step(agent.into()).unwrap();
    }
    // The wall's face is at 504. A substep's way of 10 px is the deepest a block can get into it.
    assert!((504.0..514.0).contains(&right(&kicked)), "{}", right(&kicked));
    for _ in 0..14 {
        kicked.step(agent.into()).unwrap();
    }
    assert!((right(&kicked) - 504.0).abs() < 0.2, "not pushed out of the wall: {}", right(&kicked));
}

#[test]
fn random_kicks_follow_from_the_seeds_and_from_nothing_else() {
    let play = |kicks: u64, seed: u64, x: f64| {
        let seed_of_kicks = format!("random_kicks = {{ probability = 0.3, displacement_std = 9.0, seed = {kicks} }}");
        let mut shoved = task(&seed_of_kicks);
        shoved.reset(seed);
        let mut angle = || {
            shoved.step([x, 500.0]).unwrap();
            shoved.world().state().block.position
        };
        (0..6).map(|_| angle()).collect::<Vec<_>>()
    };
    assert_eq!(play(1, SEED, 20.0), play(1, SEED, 20.0));
    assert_eq!(play(1, SEED, 20.0), play(1, SEED, 60.0), "the agent is elsewhere, the kicks are the same");
    assert_ne!(play(1, SEED, 20.0), play(2, SEED, 20.0));
    assert_ne!(play(1, SEED, 20.0), play(1, SEED + 1, 20.0));
}

#[test]
fn delayed_actions_come_late() {
    let (mut prompt, mut late) = (task(""), task("action_delay = 3"));
    let start = prompt.reset(SEED).agent;
    late.reset(SEED);
    let mut prompt_path = vec![start];
    let mut late_path = Vec::new();
    for _ in 0..10 {
        prompt_path.push(prompt.step([300.0, 300.0]).unwrap().observation.agent);
        late_path.push(late.step([300.0, 300.0]).unwrap().observation.agent);
    }
    assert_eq!(late_path[..3], [start; 3]);
    assert_eq!(late_path[3..], prompt_path[1..8]);
}

#[test]
fn noise_is_seen_but_not_felt() {
    let noise = "observation_noise = { position_std = 2.0, angle_std = 0.1, seed = 5 }";
    let (mut noisy, mut clean) = (task(noise), task(""));
    let mut deviations = Vec::new();
    for seed in SEED..SEED + 50 {
        noisy.reset(seed);
        clean.reset(seed);
        for _ in 0..20 {
            let (seen, truth) = (noisy.step([256.0; 2]).unwrap(), clean.step([256.0; 2]).unwrap());
            assert_eq!(seen.outcome, truth.outcome);
            assert_eq!(noisy.world().snapshot(), clean.world().snapshot());
            let (seen, truth) = (seen.observation, truth.observation);
            deviations
                .extend((seen.agent - truth.agent).iter().chain((seen.block.position - truth.block.position).iter()));
        }
    }
    let count = deviations.len() as f64;
    let mean = deviations.iter().sum::<f64>() / count;
    let std = (deviations.iter().map(|x| x * x).sum::<f64>() / count).sqrt();
    assert!(mean.abs() < 0.15 && (std - 2.0).abs() < 0.1, "mean {mean}, standard deviation {std}");
}

#[test]
fn noise_depends_on_both_seeds() {
    let observe = |noise: u64, seed: u64| {
        let noise = format!("observation_noise = {{ position_std = 2.0, angle_std = 0.0, seed = {noise} }}");
        let mut task = task(&noise);
        let seen = task.reset(seed);
        seen.agent - task.world().state().agent
    };
    assert_eq!(observe(1, SEED), observe(1, SEED));
    assert_ne!(observe(1, SEED), observe(2, SEED));
    assert_ne!(observe(1, SEED), observe(1, SEED + 1));
}

#[test]
fn an_episode_ends_after_its_last_control_step() {
    let mut task = task("");
    let agent = task.reset(SEED).agent;
    let finished: Vec<bool> = (0..20).map(|_| task.step(agent.into()).unwrap().finished).collect();
    assert_eq!(finished.iter().position(|&finished| finished), Some(19));
}

#[test]
fn those_of_this_repository_are_found_everywhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for file in std::fs::read_dir(root.join("sims")).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "toml") {
            let name = Path::new("sims").join(file.file_name().unwrap());
            assert!(!name.exists(), "tests run in the folder of the crate");
            assert_eq!(Scenario::load(&name).unwrap(), Scenario::load(&file).unwrap());
        }
    }
    let error = Scenario::load(Path::new("sims/other.toml")).unwrap_err();
    assert!(error.to_string().starts_with("cannot read the scenario sims/other.toml"), "{error}");
}
