//! Denoises when it is told to: a part of `transformer.py`, which compares it with ONNX Runtime.
//!
//! `cargo bench -p parapolicy-engine --bench transformer -- FILE THREADS`, then rows and evaluations a line; it answers when
//! they are done. Inputs are `FILE.sample.f32`, `FILE.timestep.f32` and `FILE.observation.f32`; the last prediction goes to
//! `FILE.prediction.f32`.

use std::{error::Error, io::BufRead as _};

use parapolicy_engine::{Engine, Graph, Names, Precision, kernel::Kernel};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (Some(file), Some(threads)) = (arguments.next(), arguments.next()) else { return Ok(()) };
    let names = Names { sample: "sample", timestep: "timestep", observation: "observation", prediction: "prediction" };
    let graph = Graph::read(std::fs::read(&file)?)?;
    let mut engine = Engine::on(graph, &names, Kernel::fastest(Precision::F32), threads.parse::<usize>()?)?;
    let numbers = |name: &str| -> std::io::Result<Vec<f32>> {
        let bytes = std::fs::read(format!("{file}.{name}.f32"))?;
        Ok(bytes.as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).collect())
    };
    let (samples, timesteps) = (numbers("sample")?, numbers("timestep")?);
    engine.bind(&numbers("observation")?)?;
    let plans: Vec<_> = (0..timesteps.len()).collect();
    let dim = engine.sample_dim();
    let mut prediction = vec![];
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (rows, evaluations) = line.split_once(' ').ok_or("rows and evaluations")?;
        let rows: usize = rows.parse()?;
        prediction.resize(rows * dim, 0.0);
        for _ in 0..evaluations.parse()? {
            engine.run(&plans[..rows], &samples[..rows * dim], &timesteps[..rows], &mut prediction)?;
        }
        let bytes: Vec<u8> = prediction.iter().flat_map(|number| number.to_le_bytes()).collect();
        std::fs::write(format!("{file}.prediction.f32"), bytes)?;
        println!("done");
    }
    Ok(())
}
