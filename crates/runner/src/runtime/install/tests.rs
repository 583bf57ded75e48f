//! Hermetic
