//! Encodes frames when it is told to: a part of `encoder.py`, which compares it with others.
//!
//! `cargo bench -p parapolicy-engine --bench encoder -- FILE THREADS`, then a number of frames a line; answers are microseconds.
//! Frames are those of the file beside it, `FILE.f32`, in turn; the features of the last go to `FILE.features.f32`.

use std::{error::Error, io::BufRead as _, time::Instant};

use parapolicy_engine::{Encoder, EncoderNames, Graph, Precision, kernel::Kernel};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (Some(file), Some(threads)) = (arguments.next(), arguments.next()) else { return Ok(()) };
    let names = EncoderNames { observation: "observation", features: "features" };
    let graph = Graph::read(std::fs::read(&file)?)?;
    let mut encoder = Encoder::new(graph, &names, Kernel::fastest(Precision::F32), threads.parse::<usize>()?)?;
    let bytes = std::fs::read(format!("{file}.f32"))?;
    let numbers: Vec<f32> = bytes.as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect();
    let dim = encoder.frame_dim();
    let mut features = vec![];
    for line in std::io::stdin().lock().lines() {
        let frames: usize = line?.trim().parse()?;
        let frames = &numbers[..frames * dim];
        features.resize(frames.len() / dim * encoder.size(), 0.0);
        let began = Instant::now();
        encoder.run(frames, &mut features)?;
        println!("{}", began.elapsed().as_nanos() as f64 / 1e3);
        let bytes: Vec<u8> = features.iter().flat_map(|number| number.to_le_bytes()).collect();
        std::fs::write(format!("{file}.features.f32"), bytes)?;
    }
    Ok(())
}
