//! Numbers of a tensor in another shape and order, where they lie.

/// Numbers of a tensor: where the first is, the sizes of the axes, and how far apart their entries are. Slices, transpositions and
/// repetitions are views of what they are taken of; nothing is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// Which tensor.
    pub tensor: usize,
    /// Index of the first number.
    pub first: usize,
    /// No axis is empty.
    pub dims: Vec<usize>,
    pub strides: Vec<usize>,
}

impl View {
    /// All of a tensor, row-major.
    pub fn whole(tensor: usize, dims: Vec<usize>) -> Self {
        let strides = row_major(&dims);
        Self { tensor, first: 0, dims, strides }
    }

    /// How many numbers it shows.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Axis `i` is axis `axes[i]` of this view.
    pub fn permuted(&self, axes: &[usize]) -> Self {
        let of = |list: &[usize]| axes.iter().map(|&axis| list[axis]).collect();
        Self { dims: of(&self.dims), strides: of(&self.strides), ..*self }
    }

    /// `len` entries of an axis, from `start`.
    pub fn narrowed(&self, axis: usize, start: usize, len: usize) -> Self {
        let mut view = self.clone();
        view.first += start * view.strides[axis];
        view.dims[axis] = len;
        view
    }

    /// The same numbers, repeated along axes of one entry, and along new ones in front after the first.
    pub fn broadcast(&self, dims: &[usize]) -> Option<Self> {
        let (&first, own) = self.dims.split_first()?;
        let missing = dims.len().checked_sub(self.dims.len())?;
        let fits = |(&own, &dim): (&usize, &usize)| own == dim || own == 1;
        if !fits((&first, dims.first()?)) || !own.iter().zip(&dims[1 + missing..]).all(fits) {
            return None;
        }
        let step = |axis: usize| match axis.checked_sub(missing + 1) {
            None if axis == 0 => (first, self.strides[0]),
            None => (1, 0),
            Some(axis) => (own[axis], self.strides[1 + axis]),
        };
        let strides = (0..dims.len()).map(|axis| if step(axis).0 == dims[axis] { step(axis).1 } else { 0 }).collect();
        Some(Self { dims: dims.to_vec(), strides, ..*self })
    }

    /// The numbers in another shape of as many, if each axis of it can be a walk through these.
    pub fn reshaped(&self, dims: &[usize]) -> Option<Self> {
        let old: Vec<_> =
            self.dims.iter().copied().zip(self.strides.iter().copied()).filter(|axis| axis.0 > 1).collect();
        let mut strides = vec![0; dims.len()];
        let (mut from, mut to) = (0, 0);
        while from < old.len() {
            let (first, begin) = (from, to);
            let (mut there, mut here) = (old[from].0, 1);
            from += 1;
            while there != here {
                if here < there {
                    here *= dims.get(to)?;
                    to += 1;
                } else {
                    there *= old.get(from)?.0;
                    from += 1;
                }
            }
            if old[first..from].windows(2).any(|pair| pair[0].1 != pair[1].0 * pair[1].1) {
                return None;
            }
            let mut stride = old[from - 1].1;
            for axis in (begin..to).rev() {
                strides[axis] = stride;
                stride *= dims[axis];
            }
        }
        (self.len() == dims.iter().product()).then(|| Self { dims: dims.to_vec(), strides, ..*self })
    }
}

/// How far apart the entries of the axes are, in a tensor of these sizes.
fn row_major(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    strides
}

/// Calls `each` with the indices that several tensors have at each entry of the axes `dims`, in row-major order.
pub(crate) fn walk<const N: usize>(
    dims: &[usize],
    strides: [&[usize]; N],
    mut at: [usize; N],
    each: &mut impl FnMut([usize; N]),
) {
    let Some((&dim, rest)) = dims.split_first() else { return each(at) };
    for _ in 0..dim {
        walk(rest, strides.map(|strides| &strides[1..]), at, each);
        at.iter_mut().zip(strides).for_each(|(at, strides)| *at += strides[0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(view: &View) -> Vec<usize> {
        let mut found = vec![];
        walk(&view.dims, [&view.strides], [view.first], &mut |[at]| found.push(at));
        found
    }

    #[test]
    fn a_reshaped_view_has_the_numbers_in_the_same_order() {
        let whole = View::whole(0, vec![2, 3, 4]);
        let turned = whole.permuted(&[2, 0, 1]);
        assert_eq!(numbers(&turned)[..4], [0, 4, 8, 12]);
        for view in [whole.clone(), turned.clone(), whole.narrowed(1, 1, 2), whole.permuted(&[1, 0, 2])] {
            let all = view.len();
            for dims in [vec![all], vec![1, all, 1], vec![4, all / 4], vec![2, all / 2], vec![all / 4, 2, 1, 2]] {
                if let Some(reshaped) = view.reshaped(&dims) {
                    assert_eq!(numbers(&reshaped), numbers(&view), "{view:?} {dims:?}");
                }
            }
        }
        // Axes that follow each other merge in any order of the others.
        assert!(turned.reshaped(&[4, 6]).is_some());
        assert!(turned.reshaped(&[24]).is_none() && turned.reshaped(&[8, 3]).is_none());
        assert!(whole.reshaped(&[5, 5]).is_none());
    }

    #[test]
    fn broadcasting_repeats() {
        let row = View::whole(0, vec![1, 1, 2]).broadcast(&[1, 3, 2]);
        assert_eq!(row.as_ref().map(numbers), Some(vec![0, 1, 0, 1, 0, 1]));
        let row = View::whole(0, vec![1, 2]).broadcast(&[1, 2, 2]);
        assert_eq!(row.as_ref().map(numbers), Some(vec![0, 1, 0, 1]));
        assert_eq!(View::whole(0, vec![1, 3]).broadcast(&[1, 2]), None);
    }
}
