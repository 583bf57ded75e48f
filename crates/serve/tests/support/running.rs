//! A server of the shipped policy, in a thread of its own.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ndarray::{Array1, Array2, s};
use parapolicy_control::Recipe;
use parapolicy_policy::{Inference, Network};
use parapolicy_sampler::{Solver, Strategy};
use parapolicy_serve::{Client, ClientOptions, Limits, MapConfig, Observation, ServeOptions, ServedPolicy, Server};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

pub struct Running {
    pub address: std::net::SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht")
}

pub fn network() -> Network {
    network_on(1)
}

pub fn network_on(threads: usize) -> Network {
    let inference = Inference { threads, ..Inference::default() };
    Network::load(&directory(), &inference.open(&()).unwrap()).unwrap()
}

/// `sequential` in ten steps: quick, and each plan takes ten rounds.
pub fn quick() -> Recipe {
    Recipe { strategy: Strategy::sequential(), solver: Solver::Ddim { eta: 0.0 }, steps: 10, ..Recipe::default() }
}

pub fn pusht(recipe: Recipe) -> ServedPolicy {
    ServedPolicy { name: "pusht".to_owned(), network: network(), recipe, map: MapConfig::default() }
}

pub fn local(limits: Limits) -> ServeOptions {
    ServeOptions { address: ([127, 0, 0, 1], 0).into(), limits, ..ServeOptions::default() }
}

impl Running {
    pub fn start(options: ServeOptions, policies: Vec<ServedPolicy>) -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(Server::bind(&options, policies)).unwrap();
        let address = server.address().unwrap();
        let (end, ends) = oneshot::channel();
        let thread = thread::spawn(move || {
            runtime.block_on(server.run(async { _ = ends.await }));
            runtime.shutdown_timeout(Duration::from_secs(1));
        });
        Self { address, end: Some(end), thread: Some(thread) }
    }

    pub fn quick() -> Self {
        Self::start(local(Limits::default()), vec![pusht(quick())])
    }

    pub fn url(&self, path: &str) -> String {
        format!("ws://{}/{path}", self.address)
    }

    pub fn client(&self, path: &str) -> Client {
        // A machine that has much else to do takes its time.
        let options = ClientOptions { timeout: Duration::from_secs(120), ..ClientOptions::default() };
        Client::connect(&self.url(path), &options).unwrap()
    }

    /// Says that it is to end, without waiting.
    pub fn end(&mut self) {
        self.end.take().into_iter().for_each(|end| _ = end.send(()));
    }

    /// What is at a path, by plain HTTP: the whole answer.
    pub fn get(&self, path: &str, headers: &str) -> String {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: robot\r\n{headers}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The value of a metric.
    pub fn metric(&self, name: &str) -> f64 {
        let answer = self.get("/metrics", "");
        let line = answer.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.rsplit(' ').next().and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }

    /// Waits until a metric has a value.
    pub fn wait_for(&self, name: &str, value: f64) {
        let begun = Instant::now();
        while self.metric(name) != value {
            assert!(begun.elapsed() < Duration::from_secs(20), "{name} is {}, not {value}", self.metric(name));
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
        self.thread.take().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// An observation of PushT, `[20]`: keypoints and agent, which differ by number.
pub fn row(number: usize) -> Array1<f64> {
    Array1::from_shape_fn(20, |i| 150.0 + 7.0 * ((i * 5 + number * 3) % 29) as f64)
}

pub fn observation(row: &Array1<f64>) -> Observation {
    let mut observation = Observation::new();
    observation.insert("keypoints", row.slice(s![..18]).to_shape((9, 2)).unwrap().view());
    observation.insert("agent", row.slice(s![18..]));
    observation
}

/// Plans of an episode: each for another observation.
pub fn plans(client: &mut Client, first: usize, count: usize) -> Vec<Array2<f64>> {
    (0..count).map(|number| client.infer(&observation(&row(first + number))).unwrap().actions).collect()
}
