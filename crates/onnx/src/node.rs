//! Nodes: attributes by name, and what to call a node in messages.

use crate::message::{Attribute, Node, Tensor};

impl Node {
    /// An integer attribute, or `default` if the node does not have it.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |attribute| attribute.int)
    }

    /// An attribute of several integers.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|attribute| attribute.ints.as_slice())
    }

    /// A floating-point attribute, or `default` if the node does not have it.
    pub fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |attribute| attribute.float)
    }

    /// A string attribute; empty if the node does not have it.
    pub fn string(&self, name: &str) -> &[u8] {
        self.attribute(name).map_or(&[], |attribute| &attribute.string)
    }

    /// A tensor attribute.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.attribute(name)?.tensor.as_ref()
    }

    /// Whether the node has an attribute of this name.
    pub fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// Whether a graph is nested in the node.
    pub fn has_graph(&self) -> bool {
        self.attributes.iter().any(|attribute| attribute.graph.is_some() || !attribute.graphs.is_empty())
    }

    /// The operator, with its domain unless that is ONNX's own.
    pub fn operator(&self) -> String {
        match self.domain.as_str() {
            "" | "ai.onnx" => self.operator.clone(),
            domain => format!("{domain}::{}", self.operator),
        }
    }

    /// The node's name, or the name of its first output if it has none.
    pub fn label(&self) -> &str {
        if self.name.is_empty() { self.outputs.first().map_or("", String::as_str) } else { &self.name }
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}
