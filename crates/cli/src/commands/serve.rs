//! `parapolicy serve`: serves policies over a WebSocket.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use parapolicy_control::Recipe;
use parapolicy_policy::{Manifest, Network};
use parapolicy_serve::{KeyMap, Limits, MapConfig, ServeError, ServeOptions, ServedPolicy, Server, TlsFiles, Token};
use tokio::runtime::Builder;

use crate::args::{NamedModel, SamplingArguments, ServeArguments};
use crate::auto_sampler::SamplerName;
use crate::failure::{Failure, InputError as _};
use crate::say::{say, tell};
use crate::stop::Stop;

/// Bytes that a file with a token may have.
const TOKEN_BYTES: u64 = 4096;

/// Serves until Ctrl-C or SIGTERM.
pub fn serve(arguments: &ServeArguments) -> Result<(), Failure> {
    let map = match (&arguments.map, arguments.preset) {
        (Some(file), _) => MapConfig::load(file).input()?,
        (None, Some(preset)) => MapConfig::preset(preset),
        (None, None) => MapConfig::default(),
    };
    if arguments.dry_run {
        return arguments.models.iter().try_for_each(|model| show(model, &map));
    }
    let options = arguments.options()?;
    let stop = Stop::listen()?;
    let policies = arguments.models.iter().map(|model| arguments.policy(model, &map)).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<String> = policies.iter().map(|policy| policy.name.clone()).collect();

    // The plans are drawn in threads of their own; these only read, write and wait.
    let runtime =
        Builder::new_multi_thread().worker_threads(2).enable_all().build().context("no threads to serve with")?;
    runtime.block_on(async {
        let server = Server::bind(&options, policies).await.map_err(|error| match error {
            ServeError::Listen { .. } | ServeError::Thread(_) => Failure::Other(error.into()),
            error => Failure::Input(error.into()),
        })?;
        let address = server.address().context("the address is not known")?;
        let scheme = if options.tls.is_some() { "wss" } else { "ws" };
        names.iter().for_each(|name| tell!("serves {scheme}://{address}/{name}"));
        server.run(asked(&stop)).await;
        Ok::<_, Failure>(())
    })?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    tell!("serve: ended");
    Ok(())
}

/// Waits until the program is asked to stop.
async fn asked(stop: &Stop) {
    while !stop.is_asked() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn show(model: &NamedModel, map: &MapConfig) -> Result<(), Failure> {
    let manifest = Manifest::load(&model.folder).input()?;
    let name = model.name.as_ref().unwrap_or(&manifest.name);
    let keys = KeyMap::new(&manifest, map).context(name.clone()).input()?;
    say(format_args!("{name}:\n{keys}\nkeys beside these are passed over"))
}

impl ServeArguments {
    fn options(&self) -> Result<ServeOptions, Failure> {
        let token = match &self.token_file {
            Some(file) => Some(read_token(file)?),
            None => self.token.as_deref().map(Token::new).transpose().input()?,
        };
        let tls = self.tls_cert.clone().zip(self.tls_key.clone());
        let limits = Limits {
            connections: self.connections,
            plans: self.plans,
            message_bytes: self.message_bytes,
            requests_per_second: self.rate,
            silence: self.silence,
            ..Limits::default()
        };
        limits.validate().input()?;
        Ok(ServeOptions {
            address: SocketAddr::new(self.host, self.port),
            token,
            open: self.open,
            tls: tls.map(|(certificate, key)| TlsFiles { certificate, key }),
            limits,
            seed: self.seed,
        })
    }

    /// A policy, loaded.
    fn policy(&self, model: &NamedModel, map: &MapConfig) -> Result<ServedPolicy, Failure> {
        let provider = self.runtime.provider(&model.folder)?;
        let mut network = Network::load(&model.folder, &provider).input()?;
        let SamplingArguments { solver, steps, window } = &self.sampling;
        let name = self.sampler.unwrap_or(SamplerName::usual(*steps, self.budget.budget()?));
        let settled = window.settle(name, &mut network, *solver, *steps, |_| Ok(Vec::new()))?;
        let recipe = Recipe {
            strategy: settled.strategy,
            solver: *solver,
            steps: *steps,
            budget: self.budget.budget()?,
            inference: provider.inference().clone(),
        };
        let sampler = recipe.sampler(network.manifest()).input()?;
        network.check_timesteps(sampler.table().timesteps()).input()?;
        let name = model.name.clone().unwrap_or_else(|| network.manifest().name.clone());
        Ok(ServedPolicy { name, network, recipe, map: map.clone() })
    }
}

fn read_token(file: &Path) -> Result<Token, Failure> {
    let text = parapolicy_files::read_text(file, TOKEN_BYTES).with_context(|| file.display().to_string()).input()?;
    Token::new(text.trim()).with_context(|| file.display().to_string()).input()
}
