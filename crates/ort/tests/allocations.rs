//! A round of a plan allocates next to nothing.

#[path = "../../policy/tests/common/rounds.rs"]
mod rounds;

use parapolicy_ort::CPU;
use parapolicy_policy::Inference;

/// What remains is `ort`'s handle of the output, which it makes anew when a call returns.
#[test]
fn onnx_runtime_costs_a_handle() {
    let allocations = rounds::allocations(&Inference { provider: CPU, threads: 1, ..Inference::default() });
    println!("{allocations} allocations a round");
    assert!(allocations <= 2, "{allocations}");
}
