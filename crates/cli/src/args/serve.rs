//! Arguments of `parapolicy serve`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use parapolicy_serve::{Limits, Preset};

use super::{BudgetArguments, RuntimeArguments, SamplingArguments};
use crate::auto_sampler::SamplerName;
use crate::built_in::{self, BuiltInError};

/// A policy's folder, and its path on the server.
#[derive(Clone, Debug)]
pub struct NamedModel {
    /// `None`: the name in its manifest.
    pub name: Option<String>,
    /// The folder.
    pub folder: PathBuf,
}

impl FromStr for NamedModel {
    type Err = BuiltInError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = |name: &str| !name.is_empty() && !name.contains(['/', '\\', '.']);
        let (name, folder) = match text.split_once('=').filter(|(name, _)| is_name(name)) {
            Some((name, folder)) => (Some(name.to_owned()), folder),
            None => (None, text),
        };
        Ok(Self { name, folder: built_in::folder(folder.into())? })
    }
}

/// `parapolicy serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Folders with `policy.json` and the graph. Each is served at `ws://HOST:PORT/NAME`, the first at `/`, too; without NAME
    /// it is the name in the manifest. Several: give the option again.
    #[arg(long = "model", value_name = "[NAME=]FOLDER", default_value = "models/pusht")]
    pub models: Vec<NamedModel>,
    #[command(flatten)]
    pub runtime: RuntimeArguments,
    #[command(flatten)]
    pub sampling: SamplingArguments,
    /// Sampler to draw with; `auto` is the fastest on this machine for one plan [default: sequential up to 10 steps, unless a budget may cut a plan short; else picard]
    #[arg(long)]
    pub sampler: Option<SamplerName>,
    #[command(flatten)]
    pub budget: BudgetArguments,
    /// Port to listen on; 0 takes any.
    #[arg(long, default_value_t = 8000)]
    pub port: u16,
    /// Address to listen on. One that other machines reach takes `--token-file` or `--open`.
    #[arg(long, default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// File with the token that clients must send, 16 characters at least: `Authorization: Api-Key TOKEN`.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The token itself. Whoever sees this machine's processes sees it, too.
    #[arg(long, conflicts_with = "token_file")]
    pub token: Option<String>,
    /// Let everybody in who reaches the address.
    #[arg(long, conflicts_with_all = ["token", "token_file"])]
    pub open: bool,
    /// Certificate, and those that vouch for it, in PEM: `wss://` in place of `ws://`.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Keys that clients send by habit: `libero`, `droid`, `aloha`, `lerobot`. Without it, keys are the names of the policy's
    /// entries.
    #[arg(long, conflicts_with = "map", value_name = "NAME")]
    pub preset: Option<Preset>,
    /// Keys that clients send, for each entry of the policy (TOML); all policies have the same.
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// Print which keys are which entries, and serve nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Clients that are served at once.
    #[arg(long, default_value_t = Limits::default().connections)]
    pub connections: usize,
    /// Plans of one policy that are drawn at once, in shared batches.
    #[arg(long, default_value_t = Limits::default().plans)]
    pub plans: usize,
    /// Bytes of a message; without it a mebibyte, and four times the policy's observations.
    #[arg(long, value_name = "BYTES")]
    pub message_bytes: Option<usize>,
    /// Requests a second of one client.
    #[arg(long, value_name = "REQUESTS", default_value_t = Limits::default().requests_per_second)]
    pub rate: u32,
    /// How long a client may give no sign of life.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration)]
    pub silence: Duration,
    /// Seed of the first episode that names none; those of the following are one more each.
    #[arg(long, default_value_t = 0)]
    pub seed: u32,
}
