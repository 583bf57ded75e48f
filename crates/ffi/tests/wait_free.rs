//! What the control thread calls does not allocate, in case of failure neither.

#![allow(unsafe_code, clippy::unwrap_used, reason = "a test calls the library as C does")]

use std::ffi::CString;
use std::mem::{MaybeUninit, size_of};
use std::path::Path;
use std::ptr;

use parapolicy::command::parapolicy_controller_command;
use parapolicy::config::{ParapolicyConfig, parapolicy_config_default};
use parapolicy::controller::{parapolicy_controller_free, parapolicy_controller_start, parapolicy_controller_stop};
use parapolicy::failure::ParapolicyStatus as Status;
use parapolicy::options::{ParapolicyOptions, parapolicy_options_default};

#[test]
fn commands_do_not_allocate() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/point");
    let directory = CString::new(directory.to_str().unwrap()).unwrap();
    let still = [0.0; 2];
    let mut config = MaybeUninit::<ParapolicyConfig>::uninit();
    let mut handle = ptr::null_mut();
    // SAFETY: every pointer is to something here, and a call that succeeds fills the configuration.
    unsafe {
        assert_eq!(parapolicy_config_default(config.as_mut_ptr(), size_of::<ParapolicyConfig>()), Status::Ok);
        let mut config = config.assume_init();
        (config.action_dim, config.initial) = (still.len(), still.as_ptr());
        let mut options = MaybeUninit::<ParapolicyOptions>::uninit();
        assert_eq!(parapolicy_options_default(options.as_mut_ptr(), size_of::<ParapolicyOptions>()), Status::Ok);
        let mut options = options.assume_init();
        options.provider = c"cpu".as_ptr();
        let started =
            parapolicy_controller_start(directory.as_ptr(), &raw const options, &raw const config, &raw mut handle);
        assert_eq!(started, Status::Ok);
    }
    let mut action = [0.0; 2];
    let mut command = |len| {
        // SAFETY: the handle lives, and a wrong length is refused.
        unsafe { parapolicy_controller_command(handle, 0, action.as_mut_ptr(), len, ptr::null_mut()) }
    };
    let mut found = [Status::Ok; 2];
    let allocations = allocation_counter::measure(|| found = [command(2), command(3)]);
    assert_eq!(found, [Status::Ok, Status::Length]);
    assert_eq!(allocations.count_total, 0);
    // SAFETY: the handle lives, and nobody uses it afterwards.
    unsafe {
        assert_eq!(parapolicy_controller_stop(handle, 1_000_000_000), Status::Ok);
        parapolicy_controller_free(handle);
    }
}
