//! What a policy can be told to do: language that was made numbers of when it was exported.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Manifest, Problem, check};

/// A task that a policy was trained on, by the name it is chosen by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Name, unique in its list.
    pub name: String,
    /// What the policy is told, in words.
    pub instruction: String,
    /// The numbers that stand for them, as the network sees them beside each observation.
    pub embedding: Vec<f32>,
}

/// Why a policy cannot be told that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The policy has several, and none was named.
    #[error("task: none is named, and the policy knows several: {known}")]
    Unnamed {
        /// Their names.
        known: String,
    },
    /// It has none of this name.
    #[error("task: the policy knows no `{name}`; it knows {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names of those that it has.
        known: String,
    },
    /// It is told nothing.
    #[error("task: `{name}` is named, but the policy is told none; leave it out")]
    Untold {
        /// The name.
        name: String,
    },
}

impl Manifest {
    /// Numbers that stand for a task; none where the policy is told none.
    pub fn task_dim(&self) -> usize {
        self.tasks.first().map_or(0, |task| task.embedding.len())
    }

    /// The numbers of the task of this name; where none is named, those of the only task, if there is one.
    ///
    /// # Errors
    /// [`TaskError`]: no task of this name, or several and no name.
    pub fn told(&self, name: Option<&str>) -> Result<&[f32], TaskError> {
        let known = || self.tasks.iter().map(|task| format!("`{}`", task.name)).collect::<Vec<_>>().join(", ");
        match (name, self.tasks.as_slice()) {
            (None, []) => Ok(&[]),
            (None, [only]) => Ok(&only.embedding),
            (None, _) => Err(TaskError::Unnamed { known: known() }),
            (Some(name), []) => Err(TaskError::Untold { name: name.into() }),
            (Some(name), tasks) => match tasks.iter().find(|task| task.name == name) {
                Some(task) => Ok(&task.embedding),
                None => Err(TaskError::Unknown { name: name.into(), known: known() }),
            },
        }
    }

    /// Checks names and numbers of the tasks.
    pub(super) fn validate_tasks(&self) -> Result<(), Problem> {
        let (len, mut names) = (self.task_dim(), HashSet::new());
        check(self.tasks.is_empty() || !self.inpaints(), "tasks", || {
            "are there, but observations are a part of the plan: what is told is none".into()
        })?;
        for (index, task) in self.tasks.iter().enumerate() {
            let field = |name: &str| format!("tasks[{index}].{name}");
            check(!task.name.is_empty(), &field("name"), || "is empty".into())?;
            check(names.insert(&task.name), &field("name"), || format!("repeats \"{}\"", task.name))?;
            check(!task.embedding.is_empty(), &field("embedding"), || "is empty".into())?;
            check(task.embedding.len() == len, &field("embedding"), || {
                format!("has {} numbers, that of the first task {len}", task.embedding.len())
            })?;
            let finite = task.embedding.iter().all(|number| number.is_finite());
            check(finite, &field("embedding"), || "has a number that is not finite as f32".into())?;
        }
        Ok(())
    }
}
