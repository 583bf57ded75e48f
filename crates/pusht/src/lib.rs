//! The PushT task: simulator, observations, reward, resets, frames.
