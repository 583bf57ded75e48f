//! Runs diffusion policies exported to ONNX.
