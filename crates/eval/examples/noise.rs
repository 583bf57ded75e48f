//! Writes the noise of every plan of some episodes, for other programs to sample with:
//! `cargo run --release -p parapolicy-eval --example noise -- OUT.npz FIRST_SEED EPISODES PLANS STEPS DIM`.
//!
//! `models/training/evaluate.py --noise OUT.npz` plays gym-pusht with it.

use std::fs::File;

use ndarray::{Array3, Array4, s};
use ndarray_npy::NpzWriter;
use parapolicy_control::{BoxError, noise_seed};
use parapolicy_sampler::Noise;

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, numbers @ ..] = &arguments[..] else { return Err("name the file to write".into()) };
    let numbers = numbers.iter().map(|number| number.parse()).collect::<Result<Vec<usize>, _>>()?;
    let [first, episodes, plans, steps, dim] = numbers[..] else { return Err("five numbers are wanted".into()) };

    let mut initial = Array3::<f32>::zeros((episodes, plans, dim));
    let mut every_step = Array4::<f32>::zeros((episodes, plans, steps, dim));
    for episode in 0..episodes {
        for plan in 0..plans {
            let noise = Noise::draw(noise_seed((first + episode) as u64, plan as u64), steps, dim);
            initial.slice_mut(s![episode, plan, ..]).assign(&noise.initial());
            every_step.slice_mut(s![episode, plan, .., ..]).assign(&noise.steps());
        }
    }
    let mut npz = NpzWriter::new(File::create(out)?);
    npz.add_array("initial", &initial)?;
    npz.add_array("steps", &every_step)?;
    npz.finish()?;
    Ok(())
}
