//! JSON whose fields keep their order and may be blanks to fill in.

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::Value;

use super::Blank;
use crate::manifest::BLANK;

/// A value, or a description of what a person must fill in.
#[derive(Debug)]
pub(super) enum Draft {
    Known(Value),
    Blank(String),
    List(Vec<Draft>),
    Fields(Vec<(&'static str, Draft)>),
}

impl Draft {
    pub fn known(value: impl Into<Value>) -> Self {
        Self::Known(value.into())
    }

    pub fn blank(what: impl Into<String>) -> Self {
        Self::Blank(what.into())
    }

    /// The known value, or a blank.
    pub fn or_blank(known: Option<impl Into<Value>>, what: &str) -> Self {
        known.map_or_else(|| Self::blank(what), Self::known)
    }

    /// The blanks in it, in their order.
    pub fn blanks(&self) -> Vec<Blank> {
        let mut found = Vec::new();
        self.find("", &mut found);
        found
    }

    fn find(&self, path: &str, found: &mut Vec<Blank>) {
        match self {
            Self::Known(_) => {}
            Self::Blank(what) => found.push(Blank { field: path.into(), what: what.clone() }),
            Self::List(items) => {
                items.iter().enumerate().for_each(|(index, item)| item.find(&format!("{path}[{index}]"), found));
            }
            Self::Fields(fields) => {
                let dot = if path.is_empty() { "" } else { "." };
                fields.iter().for_each(|(name, field)| field.find(&format!("{path}{dot}{name}"), found));
            }
        }
    }
}

impl Serialize for Draft {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Blank(what) => serializer.collect_str(&format_args!("{BLANK}{what}")),
            Self::List(items) => serializer.collect_seq(items),
            Self::Fields(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                fields.iter().try_for_each(|(name, field)| map.serialize_entry(name, field))?;
                map.end()
            }
        }
    }
}
