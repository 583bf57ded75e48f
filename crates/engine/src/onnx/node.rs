//! Nodes: their attributes by name, and what to call them.

use super::message::{Attribute, Node, Tensor};
use crate::EngineError;

impl Node {
    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |attribute| attribute.int)
    }

    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|attribute| attribute.ints.as_slice())
    }

    pub fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |attribute| attribute.float)
    }

    pub fn string(&self, name: &str) -> &[u8] {
        self.attribute(name).map_or(&[], |attribute| &attribute.string)
    }

    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.attribute(name)?.tensor.as_ref()
    }

    pub fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// The operator, with its domain where that is not ONNX's own.
    pub fn operator(&self) -> String {
        match self.domain.as_str() {
            "" | "ai.onnx" => self.operator.clone(),
            domain => format!("{domain}::{}", self.operator),
        }
    }

    /// Its name, or that of its first output.
    pub fn label(&self) -> &str {
        if self.name.is_empty() { self.outputs.first().map_or("", String::as_str) } else { &self.name }
    }

    pub fn refused(&self, problem: impl Into<String>) -> EngineError {
        EngineError::Refused { operator: self.operator(), node: self.label().into(), problem: problem.into() }
    }

    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}
