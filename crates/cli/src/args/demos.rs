//! Arguments of `parapolicy demos`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What can be done with demonstrations.
#[derive(Debug, Subcommand)]
pub enum Demos {
    /// List demonstrations: seeds, control steps, rewards.
    List(DemosListArguments),
    /// Check that files can be trained on, and that the simulator replays what is in them.
    Check(DemosCheckArguments),
    /// Write the demonstrations of several files to one that training reads.
    Merge(DemosMergeArguments),
    /// Write demonstrations as other programs read them.
    Export(DemosExportArguments),
}

/// `parapolicy demos list`.
#[derive(Debug, Args)]
pub struct DemosListArguments {
    /// Files (`.npz`), or folders of them.
    #[arg(default_value = "demos")]
    pub paths: Vec<PathBuf>,
    /// Print JSON, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `parapolicy demos check`.
#[derive(Debug, Args)]
pub struct DemosCheckArguments {
    /// Files (`.npz`), or folders of them.
    #[arg(default_value = "demos")]
    pub paths: Vec<PathBuf>,
}

/// `parapolicy demos merge`.
#[derive(Debug, Args)]
pub struct DemosMergeArguments {
    /// Files (`.npz`), or folders of them, in this order.
    #[arg(default_value = "demos")]
    pub paths: Vec<PathBuf>,
    /// File to write; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Leave out demonstrations whose best reward is below this, or not known.
    #[arg(long, value_name = "REWARD")]
    pub min_reward: Option<f64>,
}

/// `parapolicy demos export`.
#[derive(Debug, Args)]
pub struct DemosExportArguments {
    /// What to write.
    #[arg(long, value_enum)]
    pub format: DemosFormat,
    /// Folder to write; it must not be there yet.
    pub out: PathBuf,
    /// Files (`.npz`), or folders of them, in this order.
    #[arg(default_value = "demos")]
    pub paths: Vec<PathBuf>,
    /// Draw the table at every control step too, 96 by 96 px, as PNG files within the dataset's tables.
    #[arg(long)]
    pub images: bool,
}

/// What demonstrations can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DemosFormat {
    /// A dataset of LeRobot, version 3.
    #[value(name = "lerobot")]
    LeRobot,
}
