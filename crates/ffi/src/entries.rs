//! What a policy's numbers are called, and observations put together by these names.

use std::ffi::{CString, c_char};
use std::mem::offset_of;
use std::path::Path;
use std::ptr;

use parapolicy_policy::{Entry, Kind, Manifest, Pixels};

use crate::border;
use crate::failure::{Failure, ParapolicyStatus, guard};
use crate::versioned::{self, Versioned};

/// Axes of an entry that are told, at most; one of more has a `rank` of more, and its `len`.
const AXES: usize = 8;

/// The entries of a policy's observations and actions.
pub struct ParapolicyEntries {
    manifest: Manifest,
    observations: Vec<Words>,
    actions: Vec<Words>,
}

/// Texts of an entry as C reads them.
struct Words {
    name: CString,
    unit: Option<CString>,
}

impl Words {
    fn of(entries: &[Entry]) -> Vec<Self> {
        // A zero in a name would end it for C.
        let text = |text: &str| CString::new(text.replace('\0', "?")).unwrap_or_default();
        let words = |entry: &Entry| Self { name: text(&entry.name), unit: entry.unit.as_deref().map(text) };
        entries.iter().map(words).collect()
    }
}

/// What the numbers of an entry of an action are.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParapolicyKind {
    /// Numbers that a line leads between: positions, angles of joints, velocities.
    Position = 0,
    /// What is held until the next action and never interpolated: a gripper that is open or closed.
    Gripper = 1,
    /// A rotation as four numbers of norm 1, in either order; the other sign is the same rotation.
    Quaternion = 2,
    /// A rotation as two columns, or two rows, of its matrix.
    Rotation6d = 3,
    /// One of a later version of this library.
    Other = 4,
}

/// A part of an observation or of an action. It may grow at its end: `size` says what the caller knows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ParapolicyEntry {
    /// Size of this struct as the caller knows it.
    pub size: usize,
    /// Its name, UTF-8; lives as long as the entries.
    pub name: *const c_char,
    /// The unit of its numbers, likewise; null: nobody said.
    pub unit: *const c_char,
    /// Where its numbers begin in the flat observation or action.
    pub offset: usize,
    /// How many they are.
    pub len: usize,
    /// Axes of its shape.
    pub rank: usize,
    /// The first eight of them, row by row; the others are 0.
    pub shape: [usize; 8],
    /// One of `parapolicy_kind`; of an observation they are positions.
    pub kind: u32,
}

// SAFETY: `repr(C)`, the size comes first, and numbers and raw pointers may have any bytes.
unsafe impl Versioned for ParapolicyEntry {
    const NAME: &'static str = "entry";
    const FIRST: usize = offset_of!(Self, kind);

    fn default_of(size: usize) -> Self {
        Self { size, name: ptr::null(), unit: ptr::null(), offset: 0, len: 0, rank: 0, shape: [0; AXES], kind: 0 }
    }
}

/// Reads the entries of the policy in `directory` and writes a handle to `entries`; null in case of failure. The network is not
/// loaded. Freed by `parapolicy_entries_free`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_entries_load(
    directory: *const c_char,
    entries: *mut *mut ParapolicyEntries,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let (mut handle, directory) =
            unsafe { (border::out("entries", entries)?, border::text("directory", directory)) };
        handle.write(ptr::null_mut());
        let manifest = Manifest::load(Path::new(directory?.ok_or(Failure::Null("directory"))?))?;
        let (observations, actions) = (Words::of(&manifest.observations), Words::of(&manifest.actions));
        handle.hand_out(ParapolicyEntries { manifest, observations, actions });
        Ok(())
    })
}

/// Writes the `index`th entry of an observation to `entry`; `size` is `sizeof *entry`. Beyond the last one, its `name` is null.
/// Any thread; wait-free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_entries_observation(
    entries: *const ParapolicyEntries,
    index: usize,
    entry: *mut ParapolicyEntry,
    size: usize,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let entries = unsafe { border::shared("entries", entries) }?;
        let told = told(size, entries.observations.get(index), entries.manifest.observation_entries().nth(index));
        // SAFETY: as above.
        unsafe { versioned::write(entry, size, told) }
    })
}

/// The same, of an action.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_entries_action(
    entries: *const ParapolicyEntries,
    index: usize,
    entry: *mut ParapolicyEntry,
    size: usize,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let entries = unsafe { border::shared("entries", entries) }?;
        let told = told(size, entries.actions.get(index), entries.manifest.action_entries().nth(index));
        // SAFETY: as above.
        unsafe { versioned::write(entry, size, told) }
    })
}

fn told(size: usize, words: Option<&Words>, entry: Option<(&Entry, std::ops::Range<usize>)>) -> ParapolicyEntry {
    let nothing = ParapolicyEntry::default_of(size);
    let (Some(words), Some((entry, place))) = (words, entry) else { return nothing };
    let mut shape = [0; AXES];
    shape.iter_mut().zip(&entry.shape).for_each(|(to, from)| *to = *from);
    ParapolicyEntry {
        name: words.name.as_ptr(),
        unit: words.unit.as_ref().map_or(ptr::null(), |unit| unit.as_ptr()),
        offset: place.start,
        len: place.len(),
        rank: entry.shape.len(),
        shape,
        kind: kind(entry.kind) as u32,
        ..nothing
    }
}

fn kind(kind: Kind) -> ParapolicyKind {
    match kind {
        Kind::Position => ParapolicyKind::Position,
        Kind::Gripper => ParapolicyKind::Gripper,
        Kind::Quaternion => ParapolicyKind::Quaternion,
        Kind::Rotation6d => ParapolicyKind::Rotation6d,
        _ => ParapolicyKind::Other,
    }
}

/// Puts the `len` numbers of the entry `name` where they belong in `observation`, which has room for `observation_len`, the
/// policy's `observation_dim`. The rest of it stays as it is: who fills it with NaN first is told by `observe` of an entry that
/// was left out.
///
/// Any thread; wait-free, without allocation unless it fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_entries_set(
    entries: *const ParapolicyEntries,
    name: *const c_char,
    values: *const f64,
    len: usize,
    observation: *mut f64,
    observation_len: usize,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let (entry, mut room) = unsafe { place(entries, name, observation, observation_len) }?;
        entry.check_len(len)?;
        // SAFETY: as above.
        let values = unsafe { border::numbers("values", values, len, len) }?;
        room.fill(values);
        Ok(())
    })
}

/// An image of bytes, as a camera hands it over. Its size is the entry's.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ParapolicyImage {
    /// The first channel of the first pixel of the first row.
    pub bytes: *const u8,
    /// Bytes that may be read from there on.
    pub len: usize,
    /// Bytes from one row to the next: of an image without gaps, `width * channels` where the channels of a pixel lie together,
    /// `width` where those of an image do.
    pub row_stride: usize,
    /// Bytes from one pixel of a row to the next: `channels`, or 1.
    pub column_stride: usize,
    /// Bytes from one channel of a pixel to the next: 1, or `width * height`.
    pub channel_stride: usize,
    /// What a byte is multiplied by to be in the policy's raw unit: 1, or 1.0/255 where the policy was trained on 0 to 1.
    pub scale: f64,
}

/// Puts an image where the entry `name` belongs, as `parapolicy_entries_set` does numbers: one copy, in the order of axes that the
/// policy has.
///
/// Any thread; wait-free, without allocation unless it fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_entries_set_image(
    entries: *const ParapolicyEntries,
    name: *const c_char,
    image: *const ParapolicyImage,
    observation: *mut f64,
    observation_len: usize,
) -> ParapolicyStatus {
    guard(|| {
        // SAFETY: the caller's promise.
        let (entry, mut room) = unsafe { place(entries, name, observation, observation_len) }?;
        // SAFETY: as above.
        room.put(entry.pixels(&unsafe { pixels(image) }?)?);
        Ok(())
    })
}

/// An image where it lies.
///
/// # Safety
/// If it is not null, `image` is aligned and points to an image whose bytes are as many as it says; nothing of it is written to while
/// `'a` lasts.
pub(crate) unsafe fn pixels<'a>(image: *const ParapolicyImage) -> Result<Pixels<'a>, Failure> {
    // SAFETY: the caller's promise.
    let image = unsafe { border::shared("image", image) }?;
    // SAFETY: as above.
    let bytes = unsafe { border::bytes("image.bytes", image.bytes, image.len) }?;
    if !image.scale.is_finite() {
        return Err(Failure::Scale);
    }
    let strides = [image.row_stride, image.column_stride, image.channel_stride];
    Ok(Pixels { bytes, strides, scale: image.scale })
}

/// The entry of this name, and its room in an observation.
///
/// # Safety
/// As for the functions that call it.
unsafe fn place<'a>(
    entries: *const ParapolicyEntries,
    name: *const c_char,
    observation: *mut f64,
    observation_len: usize,
) -> Result<(&'a Entry, border::Room<'a>), Failure> {
    // SAFETY: the caller's promise.
    let (entries, name) = unsafe { (border::shared("entries", entries)?, border::text("name", name)?) };
    let (entry, place) = entries.manifest.observation_entry(name.ok_or(Failure::Null("name"))?)?;
    let expected = entries.manifest.observation_dim();
    // SAFETY: as above.
    let room = unsafe { border::room("observation", observation, observation_len, expected) }?;
    Ok((entry, room.part(place)))
}

/// Frees the entries; null is nothing. No other call may be using them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn parapolicy_entries_free(entries: *mut ParapolicyEntries) {
    guard(|| {
        // SAFETY: the caller's promise.
        drop(unsafe { border::take(entries) });
        Ok(())
    });
}
