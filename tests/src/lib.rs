//! Workspace tests: conformance against outside references, and the closed loop end to end.
