//! A part of an entry: some numbers of a topic's messages.

use std::fmt;

use parapolicy_policy::{Entry, ImageAxes, Layout};

use crate::config::{GivenSource, JointField, ObservedType, PoseField};
use crate::error::Refusal;
use crate::message::{Float64MultiArray, Image, JointState, Pose};
use crate::observed::Observed;

/// Some numbers of a topic's messages, and where they go.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    entry: String,
    taken: Taken,
    scale: f64,
    /// Where the numbers go in the policy's observation, and how many there are.
    at: usize,
    len: usize,
}

#[derive(Clone, Debug)]
enum Taken {
    Joints {
        names: Vec<String>,
        field: JointField,
    },
    Image(ImageAxes),
    Pose(Vec<PoseField>),
    /// From here on; of arrays that may be longer, or of those that must be as long as the entry.
    Numbers {
        from: usize,
        whole: bool,
    },
}

impl Part {
    /// The part of `entry` that a source of the map describes, whose numbers go to `at` on; `alone`: it is the whole entry.
    ///
    /// Errors are what is wrong, and with which field.
    pub fn new(entry: &Entry, source: &GivenSource, at: usize, alone: bool) -> Result<Self, (&'static str, String)> {
        refuse_others(source)?;
        let scale = source.scale.unwrap_or(1.0);
        if !scale.is_finite() {
            return Err(("scale", format!("it is {scale}, but must be finite")));
        }
        let (taken, len) = match source.kind {
            ObservedType::JointState => joints(source)?,
            ObservedType::PoseStamped => pose(source)?,
            ObservedType::Image => {
                let axes = ImageAxes::new(&entry.shape, Layout::Hwc).map_err(|error| ("type", error.to_string()))?;
                (Taken::Image(axes), entry.len())
            }
            ObservedType::Float64MultiArray => numbers(entry, source, alone)?,
        };
        Ok(Self { entry: entry.name.clone(), taken, scale, at, len })
    }

    /// Numbers that it gives.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Appends the numbers to `values`, in the entry's order.
    pub fn read(&self, message: &Observed, values: &mut Vec<f64>) -> Result<(), Refusal> {
        let first = values.len();
        match (&self.taken, message) {
            (Taken::Joints { names, field }, Observed::Joints(state)) => read_joints(names, *field, state, values)?,
            (Taken::Image(axes), Observed::Image(image)) => read_image(axes, image, values)?,
            (Taken::Pose(fields), Observed::Pose(pose)) => {
                values.extend(fields.iter().map(|field| of_pose(&pose.pose, *field)));
            }
            (Taken::Numbers { from, whole }, Observed::Numbers(array)) => {
                read_numbers(*from, self.len, *whole, array, values)?;
            }
            // A topic has one type, and its parts have that.
            _ => {}
        }
        let taken = &mut values[first..];
        taken.iter_mut().for_each(|value| *value *= self.scale);
        match taken.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(Refusal::NotFinite { field: self.field(), value: *value }),
            None => Ok(()),
        }
    }

    /// Writes its numbers, the next of `values`, where they go.
    pub fn write(&self, values: &mut impl Iterator<Item = f64>, row: &mut [f64]) {
        row[self.at..self.at + self.len].iter_mut().zip(values).for_each(|(number, value)| *number = value);
    }

    fn field(&self) -> &'static str {
        match &self.taken {
            Taken::Joints { field, .. } => field.name(),
            Taken::Image(_) | Taken::Numbers { .. } => "data",
            Taken::Pose(_) => "pose",
        }
    }
}

/// Refuses fields that messages of the type do not have.
fn refuse_others(source: &GivenSource) -> Result<(), (&'static str, String)> {
    let is_joints = source.kind == ObservedType::JointState;
    let is_numbers = source.kind == ObservedType::Float64MultiArray;
    let given = [
        ("joints", source.joints.is_some(), is_joints),
        ("field", source.field.is_some(), is_joints),
        ("fields", source.fields.is_some(), source.kind == ObservedType::PoseStamped),
        ("from", source.from.is_some(), is_numbers),
        ("to", source.to.is_some(), is_numbers),
    ];
    match given.into_iter().find(|(_, given, allowed)| *given && !allowed) {
        Some((name, ..)) => Err((name, "messages of this type have no such thing; leave it out".to_owned())),
        None => Ok(()),
    }
}

fn joints(source: &GivenSource) -> Result<(Taken, usize), (&'static str, String)> {
    let names = source.joints.clone().unwrap_or_default();
    if names.is_empty() {
        return Err(("joints", "name the joints, in the entry's order".to_owned()));
    }
    let len = names.len();
    Ok((Taken::Joints { names, field: source.field.unwrap_or_default() }, len))
}

fn pose(source: &GivenSource) -> Result<(Taken, usize), (&'static str, String)> {
    let fields = source.fields.clone().unwrap_or_default();
    if fields.is_empty() {
        return Err((
            "fields",
            "name the numbers of the pose, in the entry's order: x, y, z, qx, qy, qz, qw".to_owned(),
        ));
    }
    let len = fields.len();
    Ok((Taken::Pose(fields), len))
}

fn numbers(entry: &Entry, source: &GivenSource, alone: bool) -> Result<(Taken, usize), (&'static str, String)> {
    match (source.from, source.to) {
        (None, None) if alone => Ok((Taken::Numbers { from: 0, whole: true }, entry.len())),
        (from, Some(to)) if from.unwrap_or(0) < to => {
            let from = from.unwrap_or(0);
            Ok((Taken::Numbers { from, whole: false }, to - from))
        }
        (_, Some(to)) => Err(("to", format!("it is {to}, but must be more than from, {}", source.from.unwrap_or(0)))),
        (_, None) => Err(("to", "say which numbers are taken, from and to: the entry has other parts, too".to_owned())),
    }
}

fn read_joints(names: &[String], field: JointField, state: &JointState, values: &mut Vec<f64>) -> Result<(), Refusal> {
    let numbers = match field {
        JointField::Position => &state.position,
        JointField::Velocity => &state.velocity,
        JointField::Effort => &state.effort,
    };
    if numbers.len() != state.name.len() {
        let expected = format!("{}, one a name", state.name.len());
        return Err(Refusal::Length { field: field.name(), found: numbers.len(), expected });
    }
    for name in names {
        let index = state.name.iter().position(|other| other == name);
        let missing = || Refusal::Joint { joint: name.clone(), found: listed(&state.name) };
        values.push(numbers[index.ok_or_else(missing)?]);
    }
    Ok(())
}

/// Names of a stranger, few enough to be printed.
fn listed(names: &[String]) -> String {
    const MOST: usize = 20;
    let shown = names.iter().take(MOST).map(|name| name.chars().take(MOST).collect::<String>());
    shown.collect::<Vec<_>>().join(", ") + if names.len() > MOST { ", ..." } else { "" }
}

fn read_numbers(
    from: usize,
    len: usize,
    whole: bool,
    array: &Float64MultiArray,
    values: &mut Vec<f64>,
) -> Result<(), Refusal> {
    let offset = array.layout.data_offset as usize;
    let found = array.data.get(offset..).unwrap_or_default();
    let taken = found.get(from..from + len).filter(|_| !whole || found.len() == len);
    let expected = if whole { len.to_string() } else { format!("{} at least", from + len) };
    values.extend(taken.ok_or(Refusal::Length { field: "data", found: found.len(), expected })?);
    Ok(())
}

fn of_pose(pose: &Pose, field: PoseField) -> f64 {
    let Pose { position: [x, y, z], orientation: [qx, qy, qz, qw] } = *pose;
    match field {
        PoseField::X => x,
        PoseField::Y => y,
        PoseField::Z => z,
        PoseField::Qx => qx,
        PoseField::Qy => qy,
        PoseField::Qz => qz,
        PoseField::Qw => qw,
    }
}

/// Rows of pixels, each `step` bytes after the other. Bytes as they are: a scale makes of them what the policy knows.
fn read_image(axes: &ImageAxes, image: &Image, values: &mut Vec<f64>) -> Result<(), Refusal> {
    let [height, width, channels] = axes.shape();
    let (is_swapped, expected) = match (image.encoding.as_str(), channels) {
        ("mono8" | "8UC1", 1) | ("rgb8" | "8UC3", 3) | ("rgba8" | "8UC4", 4) => (false, ""),
        ("bgr8", 3) | ("bgra8", 4) => (true, ""),
        (_, 1) => (false, "mono8"),
        (_, 3) => (false, "rgb8 or bgr8"),
        _ => (false, "rgba8 or bgra8"),
    };
    if !expected.is_empty() {
        let found = image.encoding.chars().take(40).collect();
        return Err(Refusal::Encoding { found, expected });
    }
    let (found, step, line) = ([image.height as usize, image.width as usize], image.step as usize, width * channels);
    if found != [height, width] {
        return Err(Refusal::Size { found, expected: [height, width] });
    }
    if step < line {
        return Err(Refusal::Length { field: "step", found: step, expected: format!("{line} at least") });
    }
    let needed = step.saturating_mul(height.saturating_sub(1)).saturating_add(line);
    if image.data.len() < needed {
        let expected = format!("{needed} at least");
        return Err(Refusal::Length { field: "data", found: image.data.len(), expected });
    }
    let first = values.len();
    values.resize(first + height * line, 0.0);
    let bytes = image.data.chunks(step).take(height).flat_map(|row| &row[..line]);
    for (index, byte) in bytes.enumerate() {
        let channel = index % channels;
        // Blue, green, red: the first and the third change places.
        let index = if is_swapped && channel < 3 { index + 2 - 2 * channel } else { index };
        values[first + axes.place(index)] = f64::from(*byte);
    }
    Ok(())
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.taken {
            Taken::Joints { names, field } => write!(f, "{} of {}", field.name(), names.join(", "))?,
            Taken::Image(axes) => write!(f, "image {:?}{axes}", axes.shape())?,
            Taken::Pose(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
                write!(f, "{}", names.join(", "))?;
            }
            Taken::Numbers { from, .. } => write!(f, "numbers {from}..{}", from + self.len)?,
        }
        if self.scale != 1.0 {
            write!(f, ", times {}", self.scale)?;
        }
        write!(f, " -> {}", self.entry)
    }
}

impl JointField {
    fn name(self) -> &'static str {
        match self {
            Self::Position => "position",
            Self::Velocity => "velocity",
            Self::Effort => "effort",
        }
    }
}

impl PoseField {
    fn name(self) -> &'static str {
        match self {
            Self::X => "x",
            Self::Y => "y",
            Self::Z => "z",
            Self::Qx => "qx",
            Self::Qy => "qy",
            Self::Qz => "qz",
            Self::Qw => "qw",
        }
    }
}
