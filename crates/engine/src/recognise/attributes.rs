//! What a node may say: every attribute, input and output that an operator has must be one that is read here, or one that
//! changes nothing. Anything else would be ignored without a word.

use parapolicy_onnx::message::Node;

/// For each operator its attributes, and the most inputs that it may have.
fn known(operator: &str) -> Option<(&'static [&'static str], usize)> {
    const ANY: usize = usize::MAX;
    Some(match operator {
        "Constant" => (&["value"], 0),
        "ConstantOfShape" => (&["value"], 1),
        "Identity" => (&[], 1),
        // The last two are about 8-bit numbers.
        "Cast" => (&["to", "saturate", "round_mode"], 1),
        "Shape" => (&["start", "end"], 1),
        "Reshape" => (&["allowzero"], 2),
        "Flatten" => (&["axis"], 1),
        "Squeeze" | "Unsqueeze" => (&["axes"], 2),
        "Expand" => (&[], 2),
        "Transpose" => (&["perm"], 1),
        "Concat" => (&["axis"], ANY),
        "Split" => (&["axis", "split", "num_outputs"], 2),
        "Slice" => (&["starts", "ends", "axes"], 5),
        "Gather" => (&["axis"], 2),
        "Where" => (&[], 3),
        "Clip" => (&[], 3),
        "ReduceMean" | "ReduceSum" | "ReduceL2" => (&["axes", "keepdims", "noop_with_empty_axes"], 2),
        "Relu" | "GlobalAveragePool" => (&[], 1),
        "MaxPool" => (&["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"], 1),
        // Those that are not read say how to interpolate between pixels, which is refused.
        "Resize" => (
            &[
                "antialias",
                "coordinate_transformation_mode",
                "cubic_coeff_a",
                "exclude_outside",
                "extrapolation_value",
                "keep_aspect_ratio_policy",
                "mode",
                "nearest_mode",
            ],
            4,
        ),
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Equal" | "MatMul" => (&[], 2),
        "Neg" | "Sigmoid" | "Softplus" | "Log" | "Tanh" | "Erf" | "Mish" | "Sin" | "Cos" => (&[], 1),
        // Whose sign a rest has.
        "Mod" => (&["fmod"], 2),
        "Gelu" => (&["approximate"], 1),
        "Gemm" => (&["alpha", "beta", "transA", "transB"], 3),
        "Conv" => (&["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"], 3),
        "ConvTranspose" => (
            &["auto_pad", "dilations", "group", "kernel_shape", "output_padding", "output_shape", "pads", "strides"],
            3,
        ),
        "InstanceNormalization" => (&["epsilon"], 3),
        "GroupNormalization" => (&["epsilon", "num_groups", "stash_type"], 3),
        // Running means are kept in training alone.
        "BatchNormalization" => (&["epsilon", "momentum", "training_mode"], 5),
        "LayerNormalization" => (&["axis", "epsilon", "stash_type"], 3),
        "Softmax" => (&["axis"], 1),
        _ => return None,
    })
}

/// Refuses what a node says and nobody reads. Operators that are not listed are refused elsewhere.
pub fn check(node: &Node) -> Result<(), String> {
    let Some((attributes, inputs)) = known(&node.operator()) else { return Ok(()) };
    for (at, attribute) in node.attributes.iter().enumerate() {
        let name = attribute.name.as_str();
        if !attributes.contains(&name) {
            return Err(format!("has the attribute `{name}`, which the engine does not know"));
        }
        if node.attributes[..at].iter().any(|other| other.name == name) {
            return Err(format!("has the attribute `{name}` twice"));
        }
    }
    let read = node.inputs.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
    if read > inputs {
        return Err(format!("has {read} inputs, but must have {inputs} at most"));
    }
    let written = node.outputs.iter().filter(|name| !name.is_empty()).count();
    if written != 1 && node.operator() != "Split" {
        return Err(format!("has {written} outputs, but must have one"));
    }
    // 1 is float32.
    if node.int("stash_type", 1) != 1 {
        return Err("normalises in another type than float32".into());
    }
    Ok(())
}
