//! Loops compiled for the vectors that the processor has. Nothing is fused or summed in another order, so the bytes are the same on all.

#![allow(unsafe_code, reason = "what is compiled for a processor's vectors is called once it is known to have them")]

/// Work whose loops are vectorised. [`run`](Task::run) is to be `#[inline(always)]`, and so is what it calls: only what is inlined is compiled for
/// wider vectors.
pub(crate) trait Task {
    fn run(self);
}

/// Runs a task with vectors of four numbers where the processor has them, and of two otherwise.
pub(crate) fn run(task: impl Task) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        unsafe { with_avx2(task) };
        return;
    }
    task.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2(task: impl Task) {
    task.run();
}
