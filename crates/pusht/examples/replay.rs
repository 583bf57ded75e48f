//! Replays a trace and prints the report as JSON:
//! `cargo run --release -p parapolicy-pusht --example replay -- T.npz [--resync]`.

use std::env;
use std::error::Error;
use std::path::Path;

use parapolicy_pusht::{Trace, replay};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("give the path of a trace")?;
    let resync = env::args().any(|argument| argument == "--resync");
    let report = replay(&Trace::load(Path::new(&path))?, resync)?;
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
