//! Noise schedules, solvers, sequential and parallel-in-time samplers.
