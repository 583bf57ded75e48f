//! Clients and their episodes, over the wire.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

#[path = "../../policy/tests/common/relatives.rs"]
mod relatives;
#[path = "support/running.rs"]
mod support;

use std::thread;
use std::time::Duration;

use ndarray::{Array2, s, stack};
use parapolicy_control::{DiffusionPolicy, Policy as _, Recipe};
use parapolicy_serve::{Limits, Observation, ServedPolicy};
use support::{Running, local, network, observation, plans, pusht, quick, row};

/// What a policy in this process plans, and the number of its rounds.
fn alone(recipe: &Recipe, seed: u64, first: usize, count: usize) -> Vec<Array2<f64>> {
    let network = network();
    let sampler = recipe.sampler(network.manifest()).unwrap();
    let mut policy = DiffusionPolicy::new(network, sampler);
    policy.reset(seed);
    let mut plan = |number| {
        policy.observe(row(first + number).view()).unwrap();
        policy.plan().unwrap().actions
    };
    (0..count).map(&mut plan).collect()
}

fn assert_close(found: &Array2<f64>, expected: &Array2<f64>, tolerance: f64) {
    assert_eq!(found.dim(), expected.dim());
    let far = (found - expected).iter().fold(0.0_f64, |far, difference| far.max(difference.abs()));
    assert!(far <= tolerance, "{far} px apart");
}

/// The seed is that of `run`, the history is kept, and the plan begins at the newest observation. Rounding differs: a round has
/// two rows at least.
#[test]
fn a_served_plan_is_the_policys_own() {
    let running = Running::quick();
    let mut client = running.client("pusht?seed=17");
    let served = plans(&mut client, 3, 3);
    for (found, expected) in served.iter().zip(&alone(&quick(), 17, 3, 3)) {
        assert_eq!(found.dim(), (15, 2));
        assert_close(found, expected, 0.05);
    }
    let metadata = String::from_utf8_lossy(client.metadata()).into_owned();
    assert!(metadata.contains("pusht-keypoints") && metadata.contains("keypoints"), "{metadata}");
}

/// Sixteen others come and go meanwhile, each with another strategy of pauses.
#[test]
fn plans_are_the_same_bytes_alone_and_among_others() {
    for recipe in [quick(), Recipe { steps: 20, ..Recipe::default() }] {
        let running = Running::start(local(Limits::default()), vec![pusht(recipe)]);
        let alone = plans(&mut running.client("?seed=5"), 0, 4);
        thread::scope(|scope| {
            for number in 0..16_u64 {
                let running = &running;
                scope.spawn(move || {
                    thread::sleep(Duration::from_millis(3 * number));
                    plans(&mut running.client(""), 7 * number as usize, 4);
                });
            }
            for _ in 0..3 {
                let beside = plans(&mut running.client("pusht?seed=5"), 0, 4);
                assert_eq!(beside, alone);
            }
        });
        assert!(running.metric("parapolicy_rows_total") > 0.0);
        running.wait_for("parapolicy_planning{", 0.0);
    }
}

/// More clients than places: they wait, and none is forgotten.
#[test]
fn clients_beyond_the_places_wait_their_turn() {
    let limits = Limits { plans: 2, ..Limits::default() };
    let running = Running::start(local(limits), vec![pusht(quick())]);
    let expected = plans(&mut running.client("?seed=1"), 0, 2);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..12).map(|_| scope.spawn(|| plans(&mut running.client("?seed=1"), 0, 2))).collect();
        threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), expected));
    });
}

/// Without a seed, episodes are counted.
#[test]
fn seeds_follow_each_other_and_an_episode_can_be_begun_again() {
    let running = Running::quick();
    let (mut first, mut second) = (running.client(""), running.client(""));
    let of = |client: &mut parapolicy_serve::Client| client.infer(&observation(&row(0))).unwrap();
    let (one, two) = (of(&mut first), of(&mut second));
    assert_eq!((one.seed, one.plan, two.seed), (0, 0, 1));
    assert_ne!(one.actions, two.actions);
    assert_eq!(of(&mut first).plan, 1);

    let again = first.infer(observation(&row(0)).begin(1)).unwrap();
    assert_eq!((again.seed, again.plan), (1, 0));
    assert_eq!(again.actions, two.actions);
}

/// Observations between plans, and a whole history in a request, are the same.
#[test]
fn observations_can_be_handed_in_without_a_plan() {
    let running = Running::quick();
    let mut client = running.client("?seed=2");
    client.observe(&observation(&row(0))).unwrap();
    let plan = client.infer(&observation(&row(1))).unwrap();
    assert_eq!((plan.plan, plan.rounds), (0, 10));

    let rows = [row(0), row(1)];
    let both = |range: std::ops::Range<usize>| {
        let views: Vec<_> = rows.iter().map(|row| row.slice(s![range.clone()])).collect();
        stack(ndarray::Axis(0), &views).unwrap()
    };
    let mut history = Observation::new();
    history.insert("keypoints", both(0..18).to_shape((2, 9, 2)).unwrap().view());
    history.insert("agent", both(18..20).view());
    let whole = running.client("?seed=2").infer(&history).unwrap();
    assert_eq!(whole.actions, plan.actions);
}

/// A plan that cannot be drawn in time is cut short, and says so; the others are not touched.
#[test]
fn a_deadline_cuts_its_own_plan_short_and_no_other() {
    let recipe = Recipe { steps: 100, ..Recipe::default() };
    let running = Running::start(local(Limits::default()), vec![pusht(recipe)]);
    let mut other = running.client("?seed=9");
    let expected = plans(&mut other, 0, 3);
    thread::scope(|scope| {
        let hurried = scope.spawn(|| {
            let mut client = running.client("?seed=9");
            let plan = |number| client.infer(observation(&row(number)).deadline_ms(0.01)).unwrap();
            (0..6).map(plan).collect::<Vec<_>>()
        });
        assert_eq!(plans(&mut running.client("?seed=9"), 0, 3), expected);
        for plan in hurried.join().unwrap() {
            assert_eq!(plan.rounds, 1);
            assert!(plan.residual.is_some_and(|residual| residual > 0.0));
            assert!(plan.actions.iter().all(|action| action.is_finite()));
        }
    });
    let in_time = other.infer(observation(&row(0)).begin(9).deadline_ms(60e3)).unwrap();
    assert_eq!((in_time.residual, &in_time.actions), (None, &expected[0]));
    assert_eq!(running.metric("parapolicy_plans_cut_short_total"), 6.0);
}

/// Real-time chunking: the plan goes through the actions that are carried out meanwhile.
#[test]
fn a_plan_goes_through_what_is_committed() {
    let running = Running::quick();
    let committed = Array2::from_shape_fn((4, 2), |(step, _)| 200.0 + 5.0 * step as f64);
    let mut client = running.client("?seed=3");
    let free = client.infer(&observation(&row(0))).unwrap().actions;
    let held = client.infer(observation(&row(0)).begin(3).committed(committed.view())).unwrap().actions;
    assert_close(&held.slice(s![..4, ..]).to_owned(), &committed, 0.01);
    assert_ne!(held.slice(s![4.., ..]), free.slice(s![4.., ..]));
    // The next plan is free again.
    assert_eq!(client.infer(observation(&row(0)).begin(3)).unwrap().actions, free);
}

/// Actions that are relative are so to what their own client has seen last, among others too; what is committed is absolute.
#[test]
fn relative_actions_are_relative_to_the_clients_own_observation() {
    let mut policies = vec![pusht(quick())];
    let (_folder, network) = relatives::network([Some(0), Some(1)]);
    policies.push(ServedPolicy { name: "relative".to_owned(), network, ..pusht(quick()) });
    let running = Running::start(local(Limits::default()), policies);
    let committed = Array2::from_elem((4, 2), 200.0);
    thread::scope(|scope| {
        for first in 0..3 {
            let (running, committed) = (&running, &committed);
            scope.spawn(move || {
                let [absolute, relative] = ["pusht", "relative"].map(|path| running.client(&format!("{path}?seed=3")));
                let [absolute, relative] = [absolute, relative].map(|mut client| plans(&mut client, first, 3));
                for (number, (found, expected)) in relative.iter().zip(&absolute).enumerate() {
                    let agent = row(first + number).slice(s![18..]).to_owned();
                    assert_close(found, &(expected + &agent), 0.05);
                }
                let mut client = running.client("relative?seed=3");
                let held = client.infer(observation(&row(first)).begin(3).committed(committed.view())).unwrap().actions;
                assert_close(&held.slice(s![..4, ..]).to_owned(), committed, 0.01);
            });
        }
    });
}

/// Of several policies each has its path, its clients, its seeds.
#[test]
fn several_policies_are_served_by_path() {
    let mut other = pusht(Recipe { steps: 5, ..quick() });
    other.name = "fast".to_owned();
    let running = Running::start(local(Limits::default()), vec![pusht(quick()), other]);
    let of = |path| running.client(path).infer(&observation(&row(0))).unwrap();
    assert_eq!(["pusht", "fast", ""].map(|path| (of(path).rounds, of(path).seed)), [(10, 1), (5, 1), (10, 3)]);
}

/// Who leaves in mid-plan takes no place from others.
#[test]
fn a_client_that_leaves_is_let_go() {
    let limits = Limits { plans: 1, ..Limits::default() };
    let slow = Recipe { steps: 100, strategy: parapolicy_sampler::Strategy::sequential(), ..Recipe::default() };
    let running = Running::start(local(limits), vec![pusht(slow)]);
    for _ in 0..3 {
        use tungstenite::Message;
        let (mut socket, _) = tungstenite::connect(running.url("")).unwrap();
        let request = [b"\x82\xa9keypoints\xdc\x00\x12".as_slice(), &[100; 18], b"\xa5agent\x92dd"].concat();
        socket.send(Message::binary(request)).unwrap();
        running.wait_for("parapolicy_connections{", 1.0);
        drop(socket);
        running.wait_for("parapolicy_connections{", 0.0);
    }
    assert_eq!(running.client("").infer(&observation(&row(0))).unwrap().rounds, 100);
    running.wait_for("parapolicy_planning{", 0.0);
}
