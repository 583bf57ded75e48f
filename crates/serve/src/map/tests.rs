//! Maps, of presets and files.

use parapolicy_policy::Manifest;

use super::{KeyMap, MapConfig, Preset};
use crate::client::Observation;

/// A manifest with other entries than the shipped one.
fn manifest(entries: &[(&str, &[usize])]) -> Manifest {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht");
    let mut manifest = Manifest::load(directory.as_ref()).unwrap();
    let first = manifest.observations[0].clone();
    manifest.observations.clear();
    for (name, shape) in entries {
        let mut entry = first.clone();
        (entry.name, entry.shape) = ((*name).to_owned(), shape.to_vec());
        manifest.observations.push(entry);
    }
    manifest
}

fn file(text: &str) -> MapConfig {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.toml");
    std::fs::write(&path, text).unwrap();
    MapConfig::load(&path).unwrap()
}

#[test]
fn presets_know_the_keys_of_robots() {
    let show = |preset, entries: &[(&str, &[usize])]| {
        KeyMap::new(&manifest(entries), &MapConfig::preset(preset))
            .map_err(|error| error.to_string())
            .map(|map| map.to_string())
    };
    let libero: &[(&str, &[usize])] = &[("observation.state", &[8]), ("observation.images.image", &[3, 224, 200])];
    assert_eq!(
        show(Preset::Libero, libero).unwrap(),
        "observation/state [8] -> observation.state\n\
         observation/image [224, 200, 3] -> observation.images.image, channels moved to the front, bytes times 0.00392156862745098"
    );
    assert_eq!(
        show(Preset::Droid, &[("state", &[8])]).unwrap(),
        "observation/joint_position [7] -> state\nobservation/gripper_position [1] -> state"
    );
    assert_eq!(
        show(Preset::Aloha, &[("state", &[14]), ("observation.images.cam_high", &[3, 48, 64])]).unwrap(),
        "state [14] -> state\nimages/cam_high [3, 48, 64] -> observation.images.cam_high, bytes times 0.00392156862745098"
    );
    assert_eq!(
        show(Preset::LeRobot, &[("observation.state", &[2])]).unwrap(),
        "observation.state [2] -> observation.state"
    );
    assert_eq!(
        show(Preset::Libero, &[("torque", &[7])]).unwrap_err(),
        "the preset libero has no key for the policy's entry `torque`; write under [observations] of the map: \"torque\" = \"KEY\""
    );
}

#[test]
fn what_comes_goes_where_the_map_says() {
    let manifest = manifest(&[("pose", &[3]), ("image", &[2, 5, 6])]);
    let map = KeyMap::new(
        &manifest,
        &file(
            "[observations]\n\
             pose = [{ key = \"joints\", from = 1, to = 3 }, { key = \"gripper\", from = 0, to = 1 }]\n\
             image = { key = \"camera/front\", layout = \"hwc\", scale = 0.5 }",
        ),
    )
    .unwrap();
    assert_eq!(map.keys().collect::<Vec<_>>(), ["camera/front", "gripper", "joints"]);
    let image = ndarray::Array3::from_shape_fn((5, 6, 2), |(y, x, channel)| (100 * channel + 10 * y + x) as f64);
    let mut observation = Observation::new();
    observation.insert("joints", ndarray::aview1(&[1.0, 2.0, 3.0, 4.0]));
    observation.insert("gripper", ndarray::aview0(&7.0));
    observation.insert("camera/front", image.view());
    let mut rows = Vec::new();
    map.read(&observation.pack(false), &mut rows).unwrap();
    let expected = image.permuted_axes([2, 0, 1]);
    assert_eq!(rows[..3], [2.0, 3.0, 7.0]);
    assert!(rows[3..].iter().zip(expected.iter()).all(|(found, expected)| *found == 0.5 * expected));
    assert_eq!(rows.len(), 3 + 60);
}

#[test]
fn maps_that_do_not_fit_are_refused_by_entry() {
    let manifest = manifest(&[("pose", &[3]), ("agent", &[2])]);
    let refused = |text: &str| KeyMap::new(&manifest, &file(text)).unwrap_err().to_string();
    assert_eq!(
        refused("[observations]\nposes = \"a\""),
        "observations.poses: the policy has no such entry; it has pose, agent"
    );
    assert_eq!(
        refused("[observations]\npose = [{ key = \"a\", from = 0, to = 2 }]"),
        "observations.pose: its keys give 2 numbers, but the entry has 3"
    );
    assert_eq!(
        refused("[observations]\npose = { key = \"a\", from = 2, to = 2 }"),
        "observations.pose: from is 2 and to 2, but to must be more"
    );
    assert_eq!(
        refused("[observations]\npose = { key = \"a\", layout = \"hwc\" }"),
        "observations.pose: the entry has shape [3], but an image has three axes"
    );
    assert_eq!(
        refused("[observations]\npose = [{ key = \"a\" }, { key = \"b\" }]"),
        "observations.pose: `a` is one of several keys: write its range, from and to"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.toml");
    for text in ["preset = \"r2d2\"", "observation = 1", "[observations]\npose = { keys = \"a\" }"] {
        std::fs::write(&path, text).unwrap();
        assert!(MapConfig::load(&path).unwrap_err().to_string().contains("map.toml: "));
    }
}
