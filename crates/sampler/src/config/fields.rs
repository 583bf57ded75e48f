//! The fields of a configuration as they are written, each taken by its name.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::error::ConfigError;

/// A value.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Value {
    Switch(bool),
    Number(f64),
    Text(String),
    Numbers(Vec<f64>),
    Fields(Fields),
    /// `null`, as if the field were not there.
    Absent(()),
    Other(serde::de::IgnoredAny),
}

/// Fields that have not been taken yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(BTreeMap<String, Value>);

impl Fields {
    /// The first field that is none of those `known`.
    pub fn other_than(&self, known: impl Fn(&str) -> bool) -> Option<&str> {
        self.0.keys().map(String::as_str).find(|field| !known(field))
    }

    fn take(&mut self, field: &str) -> Option<Value> {
        self.0.remove(field).filter(|value| !matches!(value, Value::Absent(())))
    }

    pub fn switch(&mut self, field: &'static str) -> Result<Option<bool>, ConfigError> {
        self.take(field)
            .map(|value| if let Value::Switch(on) = value { Ok(on) } else { Err(wrong(field, "true or false")) })
            .transpose()
    }

    pub fn number(&mut self, field: &'static str) -> Result<Option<f64>, ConfigError> {
        self.take(field)
            .map(|value| if let Value::Number(number) = value { Ok(number) } else { Err(wrong(field, "a number")) })
            .transpose()
    }

    pub fn whole(&mut self, field: &'static str) -> Result<Option<usize>, ConfigError> {
        const MOST: f64 = 9_007_199_254_740_992.0;
        match self.number(field)? {
            Some(number) if number.fract() == 0.0 && (0.0..=MOST).contains(&number) => Ok(Some(number as usize)),
            Some(number) => Err(ConfigError::out_of_range(field, &number, "a whole number, 0 or more")),
            None => Ok(None),
        }
    }

    pub fn named<T: FromStr<Err = ConfigError>>(&mut self, field: &'static str) -> Result<Option<T>, ConfigError> {
        self.take(field)
            .map(
                |value| {
                    if let Value::Text(name) = value { name.parse() } else { Err(wrong(field, "a name in quotes")) }
                },
            )
            .transpose()
    }

    pub fn numbers(&mut self, field: &'static str) -> Result<Option<Vec<f64>>, ConfigError> {
        self.take(field)
            .map(
                |value| {
                    if let Value::Numbers(numbers) = value {
                        Ok(numbers)
                    } else {
                        Err(wrong(field, "a list of numbers"))
                    }
                },
            )
            .transpose()
    }

    pub fn fields(&mut self, field: &'static str) -> Result<Option<Self>, ConfigError> {
        self.take(field)
            .map(|value| if let Value::Fields(fields) = value { Ok(fields) } else { Err(wrong(field, "fields in {}")) })
            .transpose()
    }

    /// The logarithm λ; −∞, which JSON has no number for, is none.
    pub fn logarithm(&mut self, field: &'static str) -> Result<Option<f64>, ConfigError> {
        if let Some(Value::Text(text)) = self.0.get(field)
            && ["-inf", "-Infinity"].contains(&text.as_str())
        {
            self.0.remove(field);
        }
        self.number(field)
    }

    /// Takes fields that change nothing, whatever they say.
    pub fn ignore(&mut self, field: &str) {
        self.0.remove(field);
    }
}

fn wrong(field: &'static str, expected: &'static str) -> ConfigError {
    ConfigError::WrongType { field, expected }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the scheduler's fields in {}")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields, M::Error> {
                let mut fields = BTreeMap::new();
                while let Some((field, value)) = map.next_entry::<String, Value>()? {
                    if fields.contains_key(&field) {
                        return Err(M::Error::custom(format_args!("{field} is written twice")));
                    }
                    fields.insert(field, value);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Map)
    }
}
