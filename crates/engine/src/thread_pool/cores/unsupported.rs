//! For systems that do not say on which core a thread is: the choice is left to them.

pub struct Cores;

pub enum Affinity {
    Caller,
    Worker,
}

impl Affinity {
    pub fn worker(_index: usize) -> Self {
        Self::Worker
    }
}

impl Cores {
    pub fn new(_count: usize) -> Self {
        Self
    }

    pub fn separate(&self, _affinity: &mut Affinity) {}
}
