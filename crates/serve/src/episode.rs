//! A connection: one client, one policy, one episode after the other, and the observations so far.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use ndarray::{Array2, ArrayView1};
use parapolicy_control::noise_seed;
use parapolicy_policy::ObservationHistory;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};
use tracing::{debug, info};
use tungstenite::error::CapacityError;

use crate::limits::{Limits, Rate};
use crate::planner::{Job, Planned};
use crate::refusal::Refusal;
use crate::served::Served;
use crate::wire::{Array, Options, Reply, metadata};

/// How long a client may take to read what it is sent.
const SENDING: Duration = Duration::from_secs(10);

/// A connection being served.
pub struct Episode {
    served: Arc<Served>,
    limits: Limits,
    /// Whether the server ends.
    ends: watch::Receiver<bool>,
    history: ObservationHistory,
    seed: u64,
    /// Plans so far in this episode.
    plans: u64,
    rate: Rate,
    /// A request that came before the one before it was answered.
    ahead: Option<Bytes>,
    /// Numbers of the observations in a request.
    rows: Vec<f64>,
    /// When the client was last heard.
    heard: Instant,
    /// From the arrival of the last request to its reply sent.
    previous: Option<Duration>,
}

/// Why a connection ends.
enum End {
    /// The client has left, or cannot be reached any more.
    Left,
    Refused(Refusal),
}

impl<E: Into<Refusal>> From<E> for End {
    fn from(refusal: E) -> Self {
        Self::Refused(refusal.into())
    }
}

impl Episode {
    /// The first episode of a connection; `seed` is that of its noise.
    pub fn new(served: Arc<Served>, limits: Limits, ends: watch::Receiver<bool>, seed: u64) -> Self {
        let manifest = &served.manifest;
        let history = ObservationHistory::new(manifest.n_obs_steps, manifest.observation_dim());
        let rate = Rate::new(limits.requests_per_second);
        let (plans, ahead, rows, heard, previous) = (0, None, Vec::new(), Instant::now(), None);
        Self { served, limits, ends, history, seed, plans, rate, ahead, rows, heard, previous }
    }

    /// Serves the client until it leaves, or is refused.
    pub async fn serve(mut self, mut socket: WebSocket) {
        let Err(end) = self.answer_all(&mut socket).await else { return };
        let End::Refused(refusal) = end else { return };
        info!(policy = self.served.name, "refused: {refusal}");
        self.served.metrics.refuse(refusal.code());
        let close = CloseFrame { code: refusal.close_code(), reason: refusal.code().into() };
        let told = async {
            socket.send(Message::text(refusal.to_string())).await?;
            socket.send(Message::Close(Some(close))).await?;
            // The client's own closing frame; without it what was sent may be lost.
            while let Some(Ok(_)) = socket.recv().await {}
            Ok::<_, axum::Error>(())
        };
        let _untold = timeout(SENDING.min(self.limits.grace), told).await;
    }

    async fn answer_all(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        let Served { manifest, map, .. } = &*self.served;
        send(socket, metadata(manifest, map.keys(), self.seed)).await?;
        while let Some(message) = self.receive(socket).await? {
            let arrived = Instant::now();
            if !self.rate.take(arrived) {
                return Err(Refusal::TooFast { most: self.limits.requests_per_second }.into());
            }
            let reply = self.answer(socket, &message, arrived).await?;
            send(socket, reply.pack()).await?;
            // While its plan was drawn, the client was not asked for a sign of life.
            (self.previous, self.heard) = (Some(arrived.elapsed()), Instant::now());
        }
        Ok(())
    }

    /// The next request; none if the client has left.
    async fn receive(&mut self, socket: &mut WebSocket) -> Result<Option<Bytes>, End> {
        if *self.ends.borrow() {
            return Err(Refusal::GoingAway.into());
        }
        if let Some(message) = self.ahead.take() {
            return Ok(Some(message));
        }
        let (silence, mut ends) = (self.limits.silence, self.ends.clone());
        loop {
            tokio::select! {
                biased;
                () = async { _ = ends.wait_for(|ends| *ends).await } => return Err(Refusal::GoingAway.into()),
                found = socket.recv() => match self.take(found)? {
                    Took::Message(message) => return Ok(Some(message)),
                    Took::Sign => {}
                    Took::Nothing => return Ok(None),
                },
                () = sleep(silence / 3) => {
                    if self.heard.elapsed() >= silence {
                        return Err(Refusal::TimedOut(silence.as_secs()).into());
                    }
                    let ping = timeout(SENDING, socket.send(Message::Ping(Bytes::new()))).await;
                    ping.map_err(|_| End::Left)?.map_err(|_| End::Left)?;
                }
            }
        }
    }

    /// What came over the socket.
    fn take(&mut self, found: Option<Result<Message, axum::Error>>) -> Result<Took, End> {
        let message = match found {
            None | Some(Ok(Message::Close(_))) => return Ok(Took::Nothing),
            Some(Err(error)) => return Err(self.broken(error)),
            Some(Ok(message)) => message,
        };
        self.heard = Instant::now();
        match message {
            Message::Binary(message) => Ok(Took::Message(message)),
            Message::Text(_) => Err(Refusal::BadRequest("a request is a binary message, not a text".to_owned()).into()),
            _ => Ok(Took::Sign),
        }
    }

    fn broken(&self, error: axum::Error) -> End {
        debug!("a connection has failed: {error}");
        let most = self.limits.message_bytes(&self.served.manifest);
        match error.into_inner().downcast_ref::<tungstenite::Error>() {
            Some(tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. })) => {
                Refusal::TooLarge { most }.into()
            }
            Some(tungstenite::Error::Protocol(error)) => Refusal::BadRequest(error.to_string()).into(),
            Some(tungstenite::Error::Utf8(_)) => Refusal::BadRequest("a text is not UTF-8".to_owned()).into(),
            _ => End::Left,
        }
    }

    async fn answer(&mut self, socket: &mut WebSocket, message: &Bytes, arrived: Instant) -> Result<Reply, End> {
        let served = Arc::clone(&self.served);
        let options = served.map.read(message, &mut self.rows).map_err(Refusal::from)?;
        if options.reset || options.seed.is_some() {
            self.begin(options.seed);
        }
        let observations = self.rows.chunks_exact(served.manifest.observation_dim());
        observations.for_each(|row| self.history.push(ArrayView1::from(row)));
        let number = self.plans;
        let mut reply = Reply {
            actions: None,
            seed: self.seed,
            plan: number,
            rounds: 0,
            evaluations: 0,
            residual: None,
            latency: arrived.elapsed(),
            previous: self.previous,
        };
        if options.observe {
            return Ok(reply);
        }
        let Planned { actions, rounds, evaluations, residual } = self.plan(socket, &options, arrived).await?;
        self.plans += 1;
        reply.latency = arrived.elapsed();
        served.metrics.plan(reply.latency, residual.is_some());
        Ok(Reply { actions: Some(actions), rounds, evaluations, residual, ..reply })
    }

    /// Begins an episode.
    fn begin(&mut self, seed: Option<u64>) {
        self.history.reset();
        self.plans = 0;
        self.seed = seed.unwrap_or_else(|| self.served.next_seed());
    }

    /// Waits for the plan, and for the client to leave.
    async fn plan(&mut self, socket: &mut WebSocket, options: &Options<'_>, arrived: Instant) -> Result<Planned, End> {
        let (reply, mut planned) = oneshot::channel();
        let asked = options.deadline_ms.map(|milliseconds| Duration::from_secs_f64(1e-3 * milliseconds));
        let job = Job {
            observation: self.history.view().to_owned(),
            seed: noise_seed(self.seed, self.plans),
            committed: options.committed.map(|actions| self.committed(&actions)).transpose()?,
            deadline: asked.into_iter().chain(self.served.deadline).min().map(|deadline| arrived + deadline),
            reply,
        };
        let planner = self.served.planner.clone();
        let mut asking = std::pin::pin!(planner.ask(job));
        let mut is_asked = false;
        loop {
            tokio::select! {
                asked = &mut asking, if !is_asked => {
                    asked?;
                    is_asked = true;
                }
                planned = &mut planned => return Ok(planned.map_err(|_| Refusal::Failed)??),
                found = socket.recv(), if self.ahead.is_none() => match self.take(found)? {
                    Took::Message(message) => self.ahead = Some(message),
                    Took::Sign => {}
                    Took::Nothing => return Err(End::Left),
                },
            }
        }
    }

    /// Actions that the client has committed itself to.
    fn committed(&self, actions: &Array<'_>) -> Result<Array2<f64>, Refusal> {
        let expected = self.served.manifest.action_dim();
        let wrong = |problem: String| Refusal::BadRequest(format!("`parapolicy/committed` {problem}"));
        let &[rows, columns] = actions.shape() else {
            return Err(wrong(format!("has shape {:?}, but must have [n, {expected}]", actions.shape())));
        };
        if columns != expected {
            return Err(wrong(format!("has shape {:?}, but must have [n, {expected}]", actions.shape())));
        }
        // What goes beyond the plan is committed to nothing.
        let rows = rows.min(self.served.manifest.horizon);
        let numbers: Vec<f64> = actions.numbers().take(rows * columns).collect();
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(wrong("holds a number that is not finite".to_owned()));
        }
        Array2::from_shape_vec((rows, columns), numbers).map_err(|error| wrong(error.to_string()))
    }
}

/// What came over a socket.
enum Took {
    Message(Bytes),
    /// A sign of life.
    Sign,
    /// The client has left.
    Nothing,
}

async fn send(socket: &mut WebSocket, message: Vec<u8>) -> Result<(), End> {
    let sent = timeout(SENDING, socket.send(Message::binary(message))).await;
    sent.map_err(|_| Refusal::TimedOut(SENDING.as_secs()))?.map_err(|_| End::Left)
}
