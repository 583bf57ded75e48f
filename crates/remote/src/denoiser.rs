//! A denoiser whose batches servers answer.

use std::{
    thread,
    time::{Duration, Instant},
};

use ndarray::{Array2, ArrayViewMut2, Axis};
use parapolicy_policy::{Accepted, Batch, ConditionKind, OpenDenoiser, PredictError, Signature, TimestepType};
use parapolicy_sampler::BoxError;

use crate::{
    RemoteError,
    endpoint::Endpoint,
    wire::{self, Encoding, Input, Numbers, Request},
};

/// Bytes of an answer beside its numbers, at most.
const ANSWER_JSON: u64 = 1 << 16;

/// Bytes of a number in JSON, at most.
const NUMBER_JSON: u64 = 32;

/// The pause after all servers have failed to answer, at first and at most; it doubles.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(250)];

/// How far servers' answers to the same row may be from each other, of the largest number: they may compute on other devices,
/// in other orders.
const AGREEMENT: f32 = 1e-2;

/// Names, sizes and types of what goes over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub signature: Signature,
    pub accepted: Accepted,
    /// Whether timesteps are `[batch, 1]`.
    pub timestep_column: bool,
}

/// A server, as it was opened.
#[derive(Debug)]
pub(crate) struct Server {
    pub endpoint: Endpoint,
    pub layout: Layout,
    encoding: Encoding,
    /// The version of the model that answered first, where it is said.
    version: Option<String>,
}

/// Servers that share each batch.
#[derive(Debug)]
pub(crate) struct RemoteDenoiser {
    servers: Vec<Server>,
    timeout: Duration,
}

impl RemoteDenoiser {
    /// Tries every server out on a row, binary at first, then in JSON.
    ///
    /// # Errors
    /// A server that does not answer, or answers otherwise than the first.
    pub fn open(opened: Vec<(Endpoint, Layout)>, timeout: Duration) -> Result<Self, RemoteError> {
        let mut servers = Vec::new();
        let mut first: Option<Array2<f32>> = None;
        for (endpoint, layout) in opened {
            let (server, answer) = Server::open(endpoint, layout, timeout)?;
            let agree = |first: &Array2<f32>| {
                let largest = first.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
                // Where a network has no finite numbers, nothing can be compared.
                first.iter().zip(&answer).all(|(a, b)| !a.is_finite() || (a - b).abs() <= AGREEMENT * largest)
            };
            if !first.as_ref().is_none_or(agree) {
                let [first, second] = [&servers[0], &server].map(|server: &Server| server.endpoint.url().to_owned());
                return Err(RemoteError::Disagree { first, second });
            }
            first.get_or_insert(answer);
            servers.push(server);
        }
        Ok(Self { servers, timeout })
    }

    /// Asks for a part of a batch, a server after the other from `first` on, until one answers or the time is over.
    fn ask(&self, first: usize, batch: Batch<'_>, prediction: &mut ArrayViewMut2<'_, f32>) -> Result<(), RemoteError> {
        let (started, count) = (Instant::now(), self.servers.len());
        let mut pause = PAUSES[0];
        for attempt in 0_usize.. {
            let server = &self.servers[(first + attempt) % count];
            let left = self.timeout.saturating_sub(started.elapsed());
            // A server that says nothing leaves time for those not asked yet.
            let share = left / u32::try_from(count.saturating_sub(attempt).max(1)).unwrap_or(u32::MAX);
            let error = match server.ask(batch, share, prediction) {
                Err(error) if error.may_pass() => error,
                answered => return answered,
            };
            tracing::warn!("{}", chain(&error));
            let is_last = (attempt + 1) % count == 0;
            if self.timeout.saturating_sub(started.elapsed()) <= if is_last { pause } else { Duration::ZERO } {
                let (timeout, attempts) = (self.timeout, attempt + 1);
                return Err(RemoteError::TimedOut { timeout, attempts, source: error.into() });
            }
            if is_last {
                thread::sleep(pause);
                pause = (2 * pause).min(PAUSES[1]);
            }
        }
        Ok(())
    }
}

impl Server {
    fn open(endpoint: Endpoint, layout: Layout, timeout: Duration) -> Result<(Self, Array2<f32>), RemoteError> {
        let signature = &layout.signature;
        let (samples, observations) = (vec![0.0; signature.sample_dim()], vec![0.0; signature.condition_dim()]);
        let batch = Batch { plans: &[0], observations: &observations, samples: &samples, timesteps: &[0.0] };
        let mut prediction = Array2::zeros((1, signature.sample_dim()));
        let mut server = Self { endpoint, layout: layout.clone(), encoding: Encoding::Binary, version: None };
        let refused = match server.answer(batch, timeout, &mut prediction.view_mut()) {
            Err(refused @ RemoteError::Status { .. }) if !refused.may_pass() => Some(refused),
            answered => {
                server.version = answered?;
                None
            }
        };
        if let Some(refused) = refused {
            server.encoding = Encoding::Json;
            // What was said first says more where it does not take JSON, either.
            server.version = server.answer(batch, timeout, &mut prediction.view_mut()).map_err(|_| refused)?;
            tracing::info!("{}: takes tensors in JSON alone, which are five times as long", server.endpoint.url());
        }
        Ok((server, prediction))
    }

    /// Asks for a batch, and checks which version of the model answers.
    fn ask(
        &self,
        batch: Batch<'_>,
        timeout: Duration,
        prediction: &mut ArrayViewMut2<'_, f32>,
    ) -> Result<(), RemoteError> {
        let version = self.answer(batch, timeout, prediction)?;
        match (version, &self.version) {
            (Some(found), Some(opened)) if found != *opened => {
                Err(RemoteError::Version { url: self.endpoint.url().into(), found, opened: opened.clone() })
            }
            _ => Ok(()),
        }
    }

    fn answer(
        &self,
        batch: Batch<'_>,
        timeout: Duration,
        prediction: &mut ArrayViewMut2<'_, f32>,
    ) -> Result<Option<String>, RemoteError> {
        let Self { endpoint, layout, encoding, .. } = self;
        let signature = &layout.signature;
        let output = &signature.graph.prediction;
        let Request { body, json_length } = Request::new(&layout.inputs(batch), output, *encoding);
        let longest = ANSWER_JSON + NUMBER_JSON * prediction.len() as u64;
        let answer = endpoint.infer(&body, json_length, *encoding, longest, timeout)?;
        wire::read(&answer.body, answer.header.as_deref(), output, &signature.sample, prediction)
            .map_err(|problem| endpoint.wrong(problem))
    }
}

impl Layout {
    /// The inputs of a batch, each row with its observation.
    fn inputs(&self, batch: Batch<'_>) -> Vec<Input> {
        let Self { signature, accepted, timestep_column } = self;
        let rows = batch.timesteps.len();
        let shape = |sizes: &[usize]| std::iter::once(rows).chain(sizes.iter().copied()).collect::<Vec<_>>();
        let numbers = |values: &[f32], whole| Numbers::of(values.iter().copied(), whole);
        let column: &[usize] = if *timestep_column { &[1] } else { &[] };
        let mut inputs = vec![
            Input {
                name: signature.graph.sample.clone(),
                shape: shape(&signature.sample),
                numbers: numbers(batch.samples, false),
            },
            Input {
                name: signature.graph.timestep.clone(),
                shape: shape(column),
                numbers: numbers(batch.timesteps, accepted.timestep == TimestepType::Int64),
            },
        ];
        if let Some(condition) = &signature.condition {
            let seen = signature.condition_dim();
            let of_rows = batch.plans.iter().flat_map(|plan| &batch.observations[plan * seen..][..seen]).copied();
            let is_label = matches!(condition.kind, ConditionKind::Label { .. });
            inputs.push(Input {
                name: condition.input.clone(),
                shape: shape(&accepted.seen),
                numbers: Numbers::of(of_rows, is_label),
            });
        }
        inputs
    }
}

impl OpenDenoiser for RemoteDenoiser {
    /// Every batch brings its observations: servers keep nothing.
    fn bind(&mut self, _observations: &[f32]) -> Result<(), BoxError> {
        Ok(())
    }

    fn timestep_type(&self) -> TimestepType {
        // They agree, as the graph does: it was checked.
        self.servers.first().map_or(TimestepType::Float32, |server| server.layout.accepted.timestep)
    }

    /// Every server is asked for as many rows as the others, at once.
    fn run(&mut self, batch: Batch<'_>, mut prediction: ArrayViewMut2<'_, f32>) -> Result<(), PredictError> {
        let rows = batch.timesteps.len();
        let each = rows.div_ceil(self.servers.len()).max(1);
        let mut parts = prediction.axis_chunks_iter_mut(Axis(0), each).enumerate().map(|(part, prediction)| {
            let rows = part * each..rows.min((part + 1) * each);
            (part, batch.part(rows), prediction)
        });
        let Some((first, own, mut answer)) = parts.next() else { return Ok(()) };
        let this = &*self;
        let answered = thread::scope(|scope| {
            let others: Vec<_> = parts
                .map(|(part, batch, mut prediction)| scope.spawn(move || this.ask(part, batch, &mut prediction)))
                .collect();
            let own = this.ask(first, own, &mut answer);
            others
                .into_iter()
                .fold(own, |all, other| all.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))))
        });
        Ok(answered?)
    }
}

/// An error and its causes.
fn chain(error: &RemoteError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
