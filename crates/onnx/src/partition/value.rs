//! What is known of a value of the conditioning graph.

/// What a value depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// On the timestep alone.
    Timestep,
    /// On the observation alone.
    Observation,
}

impl Side {
    pub const BOTH: [Self; 2] = [Self::Timestep, Self::Observation];

    pub fn index(self) -> usize {
        usize::from(self == Self::Observation)
    }
}

/// Size of an axis, or an integer computed from sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// The number of rows in a batch.
    Batch,
    /// Known when the graph is read.
    Known(i64),
}

/// A value whose rows were proven independent of each other, with its shape.
#[derive(Clone, Debug)]
pub struct Value {
    /// Sizes of the axes. The batch, if there is one, is the first, and row `i` depends on row `i` of the inputs alone.
    pub shape: Vec<Size>,
    /// The integers themselves, of a list or a single one, where they are known.
    pub integers: Option<Vec<Size>>,
    pub content: Content,
}

/// What a value is made of. Names are those of values in the graphs of the two sides.
#[derive(Clone, Debug)]
pub enum Content {
    /// It depends on nothing, and has its own name in both graphs.
    Constant,
    /// Integers that are known only as [`Value::integers`].
    Integers,
    /// It depends on one side.
    Part(Side, String),
    /// It is the sum of a value of each side, by [`Side::index`], of the same shape.
    Sum([String; 2], Origin),
    /// Values of one side or the other, one after the other along an axis.
    Joined(usize, Vec<Segment>),
}

/// What makes a value a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The graph adds the two numbers. Whatever follows must see them added.
    Addition,
    /// A product with a matrix, whose terms may be added in any order.
    Product,
}

/// A part of a joined value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub side: Side,
    pub name: String,
    /// Its size along the axis.
    pub len: i64,
}

impl Value {
    pub fn constant(shape: Vec<Size>, integers: Option<Vec<Size>>) -> Self {
        Self { shape, integers, content: Content::Constant }
    }

    pub fn part(side: Side, name: &str, shape: Vec<Size>) -> Self {
        Self { shape, integers: None, content: Content::Part(side, name.into()) }
    }

    /// Whether its first axis is the batch.
    pub fn is_batch(&self) -> bool {
        self.shape.first() == Some(&Size::Batch)
    }

    pub fn is_constant(&self) -> bool {
        matches!(self.content, Content::Constant)
    }

    /// The integers, if the batch is not among them.
    pub fn known_integers(&self) -> Option<Vec<i64>> {
        self.integers.as_ref()?.iter().map(|size| size.known()).collect()
    }
}

impl Size {
    pub fn known(self) -> Option<i64> {
        if let Self::Known(size) = self { Some(size) } else { None }
    }
}
