//! A server of the protocol in a few lines of HTTP, which misbehaves when it is told to. Its model is the engine on the policy's
//! own graph.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use ndarray::Array2;
use parapolicy_policy::{
    Batch, Endpoints, GraphFile, Inference, Manifest, NATIVE, Network, OpenDenoiser, PolicyError, Provider,
};
use parapolicy_remote::REMOTE;
use serde_json::{Value, json};

/// What the server does.
#[derive(Clone, Debug, PartialEq)]
pub enum Behaviour {
    /// What it should.
    Good,
    /// It takes JSON alone.
    JsonOnly,
    /// It batches as Triton does in Python: timesteps are `[batch, 1]`.
    Column,
    /// It says nothing of its inputs.
    Silent,
    /// It says that a sample is shorter.
    LyingMetadata,
    /// Its answers are of another shape.
    LyingShape,
    /// Its answers have fewer bytes than they say.
    LyingSize,
    /// Its answers have another type.
    LyingType,
    /// Its answers have another name.
    LyingName,
    /// Its answers are without end.
    Endless,
    /// It predicts NaN.
    Nan,
    /// It adds this to every number.
    Off(f32),
    /// It waits.
    Slow(Duration),
    /// It sends a half of its answers, and closes the connection.
    Half,
    /// It answers so many batches, and from then on closes connections.
    LostAfter(usize),
    /// It answers with this status, so many times.
    Status(u16, usize),
    /// It answers by this version of the model.
    Version(&'static str),
    /// It speaks no HTTP.
    Noise,
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    model: Mutex<Box<dyn OpenDenoiser>>,
    sample: Vec<usize>,
    stopped: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
    accepted: AtomicUsize,
    batches: AtomicUsize,
    rows: AtomicUsize,
}

/// A server that runs.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

pub fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht")
}

/// The policy on this machine, on one thread.
pub fn local() -> Network {
    Network::load(&models(), &Inference { threads: 1, ..Inference::default() }.open(&()).unwrap()).unwrap()
}

/// The policy on servers.
pub fn remote(urls: &[String], timeout: Duration) -> Result<Network, PolicyError> {
    Network::load(&models(), &provider(urls, timeout))
}

pub fn provider(urls: &[String], timeout: Duration) -> Provider {
    let endpoints = Endpoints { urls: urls.to_vec(), timeout };
    Inference { provider: REMOTE, endpoints, ..Inference::default() }.open(&()).unwrap()
}

impl Server {
    pub fn start(behaviour: Behaviour) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), behaviour)
    }

    /// Starts it at an address where one was before.
    pub fn start_at(address: SocketAddr, behaviour: Behaviour) -> Self {
        let manifest = Manifest::load(&models()).unwrap();
        let signature = manifest.signature();
        let file = GraphFile::of_sum(models().join(&signature.graph.file), &signature.graph.sha256);
        let inference = Inference { threads: 1, devices: vec![0], ..Inference::default() };
        let engine = NATIVE.backend().open(&inference, &()).unwrap();
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(behaviour),
            model: Mutex::new(engine.denoiser(&file, &signature, 0).unwrap()),
            sample: signature.sample,
            stopped: AtomicBool::new(false),
            connections: Mutex::new(Vec::new()),
            accepted: AtomicUsize::new(0),
            batches: AtomicUsize::new(0),
            rows: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let theirs = shared.clone();
        let accepting = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if theirs.stopped.load(SeqCst) {
                    break;
                }
                theirs.accepted.fetch_add(1, SeqCst);
                theirs.connections.lock().unwrap().push(stream.try_clone().unwrap());
                let shared = theirs.clone();
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}/v2/models/pusht", self.address)
    }

    pub fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap() = behaviour;
        self.count_anew();
    }

    /// Forgets what it has answered.
    pub fn count_anew(&self) {
        self.shared.batches.store(0, SeqCst);
        self.shared.rows.store(0, SeqCst);
    }

    /// Connections that were made.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(SeqCst)
    }

    /// Batches that were answered since it began to count, and their rows.
    pub fn answered(&self) -> (usize, usize) {
        (self.shared.batches.load(SeqCst), self.shared.rows.load(SeqCst))
    }

    /// Ends it as a kill does: connections are cut.
    pub fn kill(&mut self) {
        let Some(accepting) = self.accepting.take() else { return };
        self.shared.stopped.store(true, SeqCst);
        let _woken = TcpStream::connect(self.address);
        accepting.join().unwrap();
        for connection in self.shared.connections.lock().unwrap().drain(..) {
            let _closed = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Shared {
    /// Answers until the connection ends.
    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        loop {
            let mut first = String::new();
            if reader.read_line(&mut first).unwrap_or(0) == 0 {
                return;
            }
            let mut headers = Vec::new();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                match line.trim_end().split_once(": ") {
                    Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
                    None => break,
                }
            }
            let number = |wanted: &str| {
                let header = headers.iter().find(|(name, _)| name == wanted);
                header.map(|(_, value)| value.parse::<usize>().unwrap())
            };
            let mut body = vec![0; number("content-length").unwrap_or(0)];
            if reader.read_exact(&mut body).is_err() {
                return;
            }
            let behaviour = self.behaviour.lock().unwrap().clone();
            let answer = if first.starts_with("GET") {
                Some(http(200, None, metadata(&behaviour).to_string().as_bytes()))
            } else {
                self.infer(&behaviour, &body, number("inference-header-content-length"))
            };
            let Some(answer) = answer else {
                let _closed = stream.shutdown(Shutdown::Both);
                return;
            };
            let half = behaviour == Behaviour::Half && first.starts_with("POST");
            let sent = if half { &answer[..answer.len() / 2] } else { &answer };
            if stream.write_all(sent).is_err() || half {
                let _closed = stream.shutdown(Shutdown::Both);
                return;
            }
        }
    }

    /// The answer to a batch; none where the connection is to be closed.
    fn infer(&self, behaviour: &Behaviour, body: &[u8], json_length: Option<usize>) -> Option<Vec<u8>> {
        let before = self.batches.fetch_add(1, SeqCst);
        match *behaviour {
            Behaviour::Slow(time) => thread::sleep(time),
            Behaviour::LostAfter(batches) if before >= batches => return None,
            Behaviour::Status(status, times) if before < times => {
                return Some(http(status, None, b"{\"error\": \"busy\"}"));
            }
            Behaviour::JsonOnly if json_length.is_some() => return Some(http(400, None, b"{\"error\": \"no JSON\"}")),
            Behaviour::Noise => return Some(b"\x00\x01\x02 no HTTP\r\n\r\n".to_vec()),
            Behaviour::Endless => return Some(http(200, None, &vec![b' '; 1 << 20])),
            _ => {}
        }
        let (json, mut tensors) = body.split_at(json_length.unwrap_or(body.len()));
        let request: Value = serde_json::from_slice(json).unwrap();
        let mut input = |name: &str| -> (Vec<usize>, Vec<f32>) {
            // In the order in which they are sent.
            let input = request["inputs"].as_array().unwrap().iter().find(|input| input["name"] == name).unwrap();
            let shape: Vec<_> =
                input["shape"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize).collect();
            let is_whole = name == "timestep";
            assert_eq!(input["datatype"], if is_whole { "INT64" } else { "FP32" });
            let Some(data) = input["data"].as_array() else {
                let size = input["parameters"]["binary_data_size"].as_u64().unwrap() as usize;
                let (bytes, rest) = tensors.split_at(size);
                tensors = rest;
                let whole = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().unwrap()) as f32;
                let float = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap());
                return match is_whole {
                    true => (shape, bytes.chunks_exact(8).map(whole).collect()),
                    false => (shape, bytes.chunks_exact(4).map(float).collect()),
                };
            };
            (shape, data.iter().map(|number| number.as_f64().unwrap() as f32).collect())
        };
        let ((shape, samples), (steps, timesteps), (_, observations)) =
            (input("sample"), input("timestep"), input("observation"));
        let rows = shape[0];
        self.rows.fetch_add(rows, SeqCst);
        assert_eq!(steps, if *behaviour == Behaviour::Column { vec![rows, 1] } else { vec![rows] });
        let mut prediction = Array2::zeros((rows, samples.len() / rows));
        let mut model = self.model.lock().unwrap();
        model.bind(&observations).unwrap();
        let plans: Vec<_> = (0..rows).collect();
        let batch = Batch { plans: &plans, observations: &observations, samples: &samples, timesteps: &timesteps };
        model.run(batch, prediction.view_mut()).unwrap();
        drop(model);
        match behaviour {
            Behaviour::Nan => prediction.fill(f32::NAN),
            Behaviour::Off(by) => prediction += *by,
            _ => {}
        }
        let mut shape: Vec<_> = std::iter::once(rows).chain(self.sample.iter().copied()).collect();
        if *behaviour == Behaviour::LyingShape {
            shape.swap(1, 2);
        }
        let mut bytes: Vec<u8> = prediction.iter().flat_map(|value| value.to_le_bytes()).collect();
        if *behaviour == Behaviour::LyingSize {
            bytes.truncate(bytes.len() - 4);
        }
        let version = if let Behaviour::Version(version) = behaviour { version } else { "1" };
        let name = if *behaviour == Behaviour::LyingName { "other" } else { "prediction" };
        let datatype = if *behaviour == Behaviour::LyingType { "FP64" } else { "FP32" };
        let mut output = json!({ "name": name, "shape": shape, "datatype": datatype });
        if json_length.is_none() {
            output["data"] = json!(prediction.into_raw_vec_and_offset().0);
            let answer = json!({ "model_name": "pusht", "model_version": version, "outputs": [output] });
            return Some(http(200, None, answer.to_string().as_bytes()));
        }
        output["parameters"] = json!({ "binary_data_size": bytes.len() });
        let answer = json!({ "model_name": "pusht", "model_version": version, "outputs": [output] }).to_string();
        Some(http(200, Some(answer.len()), &[answer.as_bytes(), &bytes].concat()))
    }
}

fn metadata(behaviour: &Behaviour) -> Value {
    let tensor = |name: &str, shape: &[i64]| {
        let datatype = if name == "timestep" { "INT64" } else { "FP32" };
        json!({ "name": name, "datatype": datatype, "shape": shape })
    };
    let horizon = if *behaviour == Behaviour::LyingMetadata { 8 } else { 16 };
    let timestep: &[i64] = if *behaviour == Behaviour::Column { &[-1, 1] } else { &[-1] };
    let version = if let Behaviour::Version(version) = behaviour { version } else { "1" };
    if *behaviour == Behaviour::Silent {
        return json!({ "name": "pusht", "versions": null, "platform": "", "inputs": [], "outputs": [] });
    }
    json!({
        "name": "pusht", "versions": [version], "platform": "engine",
        "inputs": [tensor("sample", &[-1, horizon, 2]), tensor("timestep", timestep), tensor("observation", &[-1, 2, 20])],
        "outputs": [tensor("prediction", &[-1, horizon, 2])],
    })
}

fn http(status: u16, json_length: Option<usize>, body: &[u8]) -> Vec<u8> {
    let header = json_length.map(|length| format!("Inference-Header-Content-Length: {length}\r\n")).unwrap_or_default();
    let head = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n{header}\r\n", body.len());
    [head.as_bytes(), body].concat()
}
