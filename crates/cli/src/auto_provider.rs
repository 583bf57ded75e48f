//! `--provider auto`: whichever provider runs the model fastest on this machine, of those that need no installation.

use std::env;
use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr;

use anyhow::{Context as _, anyhow};
use parapolicy_eval::Calibration;
use parapolicy_policy::{BackendName, Inference, InferenceError, Manifest};

use crate::backends::backends;
use crate::failure::{Failure, InputError as _};
use crate::say::tell;

/// Its name.
const AUTO: &str = "auto";

/// A provider, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ProviderArgument {
    /// The fastest.
    Auto,
    /// This one.
    Named(BackendName),
}

impl FromStr for ProviderArgument {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name == AUTO {
            return Ok(Self::Auto);
        }
        backends().parse(name).map(Self::Named).map_err(|error: InferenceError| format!("{error}, {AUTO}"))
    }
}

/// A provider with the threads that are fastest, and the time of a batch by it, in ms.
struct Timed(Inference, f64);

impl fmt::Display for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:.2} ms", self.0.provider, self.1)
    }
}

/// Chooses a provider in place of that of `inference`, and says why. What was not calibrated is calibrated now, and
/// kept.
pub fn choose(model: &Path, inference: &Inference) -> Result<Inference, Failure> {
    ensure_unnamed(inference)?;
    let manifest = Manifest::load(model).input()?;
    let mut timed = Vec::new();
    for provider in backends().iter() {
        let inference = Inference { provider, ..inference.clone() };
        let fits = provider.backend().precisions().contains(&inference.precision);
        if fits && provider.backend().installed_version().is_some() {
            timed.extend(time(model, &manifest, &inference)?);
        }
    }
    timed.sort_by(|a, b| a.1.total_cmp(&b.1));
    let Timed(fastest, _) = timed.first().context("auto: no provider runs the model; name one to hear why").input()?;
    let times: Vec<_> = timed.iter().map(ToString::to_string).collect();
    let (provider, rows) = (fastest.provider, Calibration::ROWS);
    tell!("auto: provider {provider}; a batch of {rows} rows takes {}", times.join(", "));
    Ok(fastest.clone())
}

/// It compares what is installed; a library that is named has one version for all.
fn ensure_unnamed(inference: &Inference) -> Result<(), Failure> {
    let named = match env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()) {
        _ if !inference.endpoints.urls.is_empty() => {
            return Err(anyhow!(
                "endpoint: the provider auto compares what runs on this machine; leave one of both out"
            ))
            .input();
        }
        _ if inference.library.is_some() => "ort-lib",
        Some(_) => "ORT_DYLIB_PATH",
        None => return Ok(()),
    };
    Err(anyhow!(
        "{named}: the provider auto compares the libraries that are installed; name the provider, or no library"
    ))
    .input()
}

/// The time of a batch by a provider, calibrated first if it was not; none if it does not run the model.
fn time(model: &Path, manifest: &Manifest, inference: &Inference) -> Result<Option<Timed>, Failure> {
    // A damaged calibration is measured again.
    let mut known = Calibration::fastest_for(manifest, inference).ok().flatten();
    if known.is_none() {
        calibrate(model, inference)?;
        known = Calibration::fastest_for(manifest, inference)?;
    }
    Ok(known.map(|(fastest, calibration)| Timed(fastest, calibration.compared())))
}

/// Calibrates in a child process, because a process can load only one library of ONNX Runtime.
fn calibrate(model: &Path, inference: &Inference) -> Result<(), Failure> {
    let Inference { provider, precision, threads, pinned, devices, .. } = inference;
    tell!("auto: calibrating {provider}");
    let mut command = Command::new(env::current_exe().context("this program's own file")?);
    // There is nobody to ask when to come back; `auto` warns of times that differ widely.
    command.arg("calibrate").arg("--force").arg("--model").arg(model).args([
        format!("--provider={provider}"),
        format!("--precision={precision}"),
        format!("--threads={threads}"),
    ]);
    command.args(pinned.then_some("--pin"));
    command.args(devices.iter().map(|device| format!("--devices={device}")));
    let output = command.stdin(Stdio::null()).output().context("this program, to calibrate")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        tell!("{}", said.trim_end());
    } else {
        tell!("auto: {provider} is left out ({})", said.trim_end().trim_start_matches("error: "));
    }
    Ok(())
}
