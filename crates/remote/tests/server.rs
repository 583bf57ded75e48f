//! Plans drawn from servers: those of this machine, and what comes of servers that lie, break off or say nothing.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use std::{error::Error, thread, time::Duration};

use ndarray::{Array1, Array2};
use parapolicy_policy::{Inference, InferenceError, Network};
use parapolicy_remote::REMOTE;
use parapolicy_sampler::{Budget, Ended, Noise, SampleError, Sampler, Solver, Strategies, Table};

use support::{Behaviour, Server, local, provider, remote};

const STEPS: usize = 10;
const TIME: Duration = Duration::from_secs(20);

fn sampler(network: &Network, strategy: &str) -> Sampler {
    let manifest = network.manifest();
    let table = Table::new(&manifest.scheduler, Solver::Ddim { eta: 0.0 }, STEPS).unwrap();
    Sampler::new(table, Strategies::default().parse(strategy).unwrap(), manifest.sample_dim()).unwrap()
}

fn observation() -> Array2<f64> {
    Array2::from_shape_fn((2, 20), |(step, column)| 200.0 + 3.0 * step as f64 + 5.0 * column as f64)
}

/// A plan within a budget, why it ended, and its residual.
fn plan_within(
    network: &mut Network,
    strategy: &str,
    budget: Budget,
) -> Result<(Array1<f32>, Ended, Option<f64>), SampleError> {
    let mut sampler = sampler(network, strategy);
    let noise = Noise::draw(5, STEPS, network.manifest().sample_dim());
    let mut bound = network.bind(observation().view()).unwrap();
    let sample = sampler.sample_within(budget, &mut bound, &noise)?;
    Ok((sample.sample().to_owned(), sample.ended(), sample.residual()))
}

fn plan(network: &mut Network, strategy: &str) -> Result<Array1<f32>, SampleError> {
    plan_within(network, strategy, Budget::default()).map(|(plan, ..)| plan)
}

fn assert_close(found: &Array1<f32>, expected: &Array1<f32>) {
    let farthest = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(farthest < 1e-6, "{farthest}");
}

/// An error with its causes; ports are of the moment.
fn said(error: &(dyn Error + 'static), servers: &[&Server]) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    servers.iter().enumerate().fold(text, |text, (number, server)| {
        text.replace(&server.address().port().to_string(), &format!("PORT{number}"))
    })
}

#[test]
fn plans_are_those_of_this_machine() {
    for behaviour in [Behaviour::Good, Behaviour::JsonOnly, Behaviour::Column, Behaviour::Silent] {
        let server = Server::start(behaviour.clone());
        let mut there = remote(&[server.url()], TIME).unwrap();
        for strategy in ["sequential", "picard"] {
            assert_close(&plan(&mut there, strategy).unwrap(), &plan(&mut local(), strategy).unwrap());
        }
        assert!(server.accepted() <= 2, "connections are used again: {} of {behaviour:?}", server.accepted());
    }
}

#[test]
fn servers_share_every_batch() {
    let servers = [Behaviour::Good, Behaviour::JsonOnly, Behaviour::Column].map(Server::start);
    let urls = servers.each_ref().map(Server::url);
    let mut there = remote(&urls, TIME).unwrap();
    servers.iter().for_each(Server::count_anew);
    assert_close(&plan(&mut there, "picard").unwrap(), &plan(&mut local(), "picard").unwrap());
    let rows = servers.each_ref().map(|server| server.answered().1);
    assert!(rows[0] >= rows[1] && rows[1] >= rows[2] && rows[2] > 0, "{rows:?}");
}

#[test]
fn another_server_answers_for_one_that_is_lost() {
    let (mut lost, there) = (Server::start(Behaviour::Good), Server::start(Behaviour::Good));
    let mut network = remote(&[lost.url(), there.url()], TIME).unwrap();
    lost.kill();
    assert_close(&plan(&mut network, "picard").unwrap(), &plan(&mut local(), "picard").unwrap());
}

#[test]
fn a_server_that_is_restarted_is_asked_again() {
    let mut server = Server::start(Behaviour::LostAfter(1 << 20));
    let mut network = remote(&[server.url()], TIME).unwrap();
    server.behave(Behaviour::LostAfter(3));
    let address = server.address();
    let restarted = thread::spawn(move || {
        while server.answered().0 <= 3 {
            thread::sleep(Duration::from_millis(5));
        }
        server.kill();
        thread::sleep(Duration::from_millis(200));
        Server::start_at(address, Behaviour::Good)
    });
    let found = plan(&mut network, "sequential").unwrap();
    assert_close(&found, &plan(&mut local(), "sequential").unwrap());
    assert_eq!(restarted.join().unwrap().answered().0, STEPS - 3);
}

/// An error, or the plan of the rounds before, as it is asked for; an error in any case where there was no round.
#[test]
fn a_server_that_is_lost_in_mid_plan_ends_the_plan() {
    let server = Server::start(Behaviour::Good);
    let mut network = remote(&[server.url()], Duration::from_millis(300)).unwrap();
    let rounds = Budget { rounds: Some(4), ..Budget::default() };
    let (expected, _, residual) = plan_within(&mut network, "sequential", rounds).unwrap();

    server.behave(Behaviour::LostAfter(4));
    let error = plan(&mut network, "sequential").unwrap_err();
    assert!(said(&error, &[&server]).contains("no answer within 300ms after"), "{}", said(&error, &[&server]));

    let keeps = Budget { keep_on_failure: true, ..Budget::default() };
    server.behave(Behaviour::LostAfter(4));
    let kept = plan_within(&mut network, "sequential", keeps).unwrap();
    assert_eq!(kept, (expected, Ended::Failed, residual));

    server.behave(Behaviour::LostAfter(0));
    assert!(plan_within(&mut network, "sequential", keeps).is_err());
}

#[test]
fn what_may_pass_is_asked_again_and_nothing_else() {
    let server = Server::start(Behaviour::Good);
    let mut network = remote(&[server.url()], TIME).unwrap();
    let expected = plan(&mut network, "sequential").unwrap();
    server.behave(Behaviour::Status(503, 2));
    assert_eq!(plan(&mut network, "sequential").unwrap(), expected);
    assert_eq!(server.answered().0, STEPS + 2);

    server.behave(Behaviour::Status(500, 1));
    let error = said(&plan(&mut network, "sequential").unwrap_err(), &[&server]);
    assert!(
        error.ends_with("http://127.0.0.1:PORT0/v2/models/pusht: answers status 500: {\"error\": \"busy\"}"),
        "{error}"
    );
    assert_eq!(server.answered().0, 1);
}

#[test]
fn a_server_that_is_slow_is_given_up_and_another_asked() {
    let (slow, fast) = (Server::start(Behaviour::Good), Server::start(Behaviour::Good));
    let mut network = remote(&[slow.url()], Duration::from_millis(150)).unwrap();
    slow.behave(Behaviour::Slow(Duration::from_secs(1)));
    let error = said(&plan(&mut network, "sequential").unwrap_err(), &[&slow]);
    assert!(error.contains("no answer within 150ms after 1 attempts"), "{error}");

    slow.behave(Behaviour::Good);
    let mut network = remote(&[slow.url(), fast.url()], Duration::from_secs(6)).unwrap();
    slow.behave(Behaviour::Slow(Duration::from_secs(10)));
    fast.count_anew();
    let noise = Noise::draw(5, 1, 32);
    let table = Table::new(&network.manifest().scheduler, Solver::Ddim { eta: 0.0 }, 1).unwrap();
    let mut sampler = Sampler::new(table, parapolicy_sampler::Strategy::sequential(), 32).unwrap();
    let observation = observation();
    sampler.sample(&mut network.bind(observation.view()).unwrap(), &noise).unwrap();
    assert_eq!(fast.answered(), (1, 1), "in the other's place");
}

/// Predictions that are not finite fail the plan by name, kept or not.
#[test]
fn what_is_not_finite_is_no_plan() {
    let server = Server::start(Behaviour::Good);
    let mut network = remote(&[server.url()], TIME).unwrap();
    server.behave(Behaviour::Nan);
    for keep_on_failure in [false, true] {
        let failed = plan_within(&mut network, "picard", Budget { keep_on_failure, ..Budget::default() });
        assert!(matches!(failed, Err(SampleError::PredictionNotFinite { .. })));
    }
}

#[test]
fn servers_that_lie_are_refused_by_name() {
    let at_once = [
        Behaviour::LyingMetadata,
        Behaviour::LyingShape,
        Behaviour::LyingSize,
        Behaviour::LyingType,
        Behaviour::LyingName,
        Behaviour::Endless,
        Behaviour::Half,
        Behaviour::Noise,
        Behaviour::Status(400, usize::MAX),
    ];
    let mut all = Vec::new();
    for behaviour in at_once {
        let server = Server::start(behaviour.clone());
        let error = remote(&[server.url()], Duration::from_millis(200)).unwrap_err();
        let text = said(&error, &[&server]).replace(&support::models().display().to_string(), "FOLDER");
        all.push(format!("{behaviour:?}\n  {text}"));
    }
    let (one, other) = (Server::start(Behaviour::Good), Server::start(Behaviour::Off(0.5)));
    let text = said(&remote(&[one.url(), other.url()], TIME).unwrap_err(), &[&one, &other]);
    all.push(format!("Off\n  {}", text.replace(&support::models().display().to_string(), "FOLDER")));

    let mut network = remote(&[one.url()], TIME).unwrap();
    one.behave(Behaviour::Version("2"));
    all.push(format!("Version\n  {}", said(&plan(&mut network, "sequential").unwrap_err(), &[&one])));
    insta::assert_snapshot!("refused", all.join("\n"));
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let refused = |urls: &[&str]| {
        let urls = urls.iter().map(ToString::to_string).collect();
        let endpoints = parapolicy_policy::Endpoints { urls, timeout: Duration::from_millis(100) };
        Inference { provider: REMOTE, endpoints, ..Inference::default() }.open(&()).unwrap_err()
    };
    assert_eq!(
        refused(&[]).to_string(),
        "endpoint: the provider remote asks a server; name it, http://HOST:PORT/v2/models/NAME"
    );
    assert!(refused(&["localhost:8000"]).to_string().starts_with("endpoint: `localhost:8000` begins with neither"));
    let mut gone = Server::start(Behaviour::Good);
    gone.kill();
    assert!(matches!(refused(&[&gone.url()]), InferenceError::Unavailable(_)));

    let endpoints = parapolicy_policy::Endpoints { urls: vec![gone.url()], ..Default::default() };
    let unused = Inference { endpoints, ..Inference::default() }.open(&()).unwrap_err();
    assert_eq!(
        unused.to_string(),
        "endpoint: the provider native runs the network itself; leave it out, or name the provider remote"
    );
}

/// What calibrations are kept by says which servers run the network, and which version of the model.
#[test]
fn its_version_is_of_servers_and_of_their_models() {
    let (one, other) = (Server::start(Behaviour::Good), Server::start(Behaviour::Version("7")));
    let version = |urls: &[String]| {
        let network = Network::load(&support::models(), &provider(urls, TIME)).unwrap();
        network.provider().version().to_owned()
    };
    let [first, second, both] = [&[one.url()][..], &[other.url()], &[one.url(), other.url()]].map(version);
    assert_eq!(first, format!("{} version 1", one.url()));
    assert_eq!(second, format!("{} version 7", other.url()));
    assert_eq!(both, format!("{first}, {second}"));
    let named = format!("{}/versions/7", other.url());
    assert_eq!(version(std::slice::from_ref(&named)), named);
}
