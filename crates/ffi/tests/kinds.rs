//! What the numbers of an action are, as C is told.

#![allow(unsafe_code, clippy::unwrap_used, reason = "a test calls the library as C does")]

use std::ffi::CString;
use std::mem::{MaybeUninit, offset_of, size_of};
use std::path::Path;
use std::ptr;

use parapolicy::entries::{
    ParapolicyEntry, ParapolicyKind, parapolicy_entries_action, parapolicy_entries_free, parapolicy_entries_load,
    parapolicy_entries_observation,
};
use parapolicy::failure::ParapolicyStatus as Status;

fn entry((len, kind): (usize, &str)) -> String {
    format!(r#"{{"name": "{kind}", "shape": [{len}], "kind": "{kind}", "normalization": {{"mode": "identity"}}}}"#)
}

#[test]
fn kinds_are_told_with_the_entries_and_not_to_earlier_headers() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/point/policy.json");
    let manifest =
        std::fs::read_to_string(manifest).unwrap().replace(r#""schema_version": 1"#, r#""schema_version": 5"#);
    let actions = [(3, "position"), (1, "gripper"), (4, "quaternion"), (6, "rotation_6d")].map(entry).join(", ");
    let (before, rest) = manifest.split_once(r#""actions""#).unwrap();
    let (_, after) = rest.split_once(r#""scheduler""#).unwrap();
    let manifest = format!(r#"{before}"actions": [{actions}], "scheduler"{after}"#);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.json"), manifest).unwrap();
    let directory = CString::new(folder.path().to_str().unwrap()).unwrap();
    let mut handle = ptr::null_mut();
    // SAFETY: every pointer is to something here; a call that succeeds fills what it is said to know of the entry.
    unsafe {
        assert_eq!(parapolicy_entries_load(directory.as_ptr(), &raw mut handle), Status::Ok);
        let (mut entry, size) = (MaybeUninit::<ParapolicyEntry>::uninit(), size_of::<ParapolicyEntry>());
        let expected =
            [ParapolicyKind::Position, ParapolicyKind::Gripper, ParapolicyKind::Quaternion, ParapolicyKind::Rotation6d];
        for (index, kind) in expected.into_iter().enumerate() {
            assert_eq!(parapolicy_entries_action(handle, index, entry.as_mut_ptr(), size), Status::Ok);
            assert_eq!(entry.assume_init().kind, kind as u32);
        }
        assert_eq!(parapolicy_entries_observation(handle, 0, entry.as_mut_ptr(), size), Status::Ok);
        assert_eq!(entry.assume_init().kind, ParapolicyKind::Position as u32);
        let mut known = entry.assume_init();
        (known.kind, known.len) = (77, 0);
        let earlier = offset_of!(ParapolicyEntry, kind);
        assert_eq!(parapolicy_entries_action(handle, 3, &raw mut known, earlier), Status::Ok);
        assert_eq!((known.len, known.kind), (6, 77), "what the caller does not know is not written");
        parapolicy_entries_free(handle);
    }
}
