//! Finds the fields of a manifest that a person must still fill in.

use serde_json::Value;

/// Prefix of the text in such a field.
pub(crate) const BLANK: &str = "FILL IN: ";

/// Such fields, as paths from the root.
pub(super) fn blanks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if text.contains(BLANK) {
        // Text that is not JSON is refused elsewhere.
        let root: Value = serde_json::from_str(text).unwrap_or_default();
        find(&root, "", &mut found);
    }
    found
}

fn find(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with(BLANK) => found.push(path.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| find(item, &format!("{path}[{index}]"), found));
        }
        Value::Object(fields) => {
            let dot = if path.is_empty() { "" } else { "." };
            fields.iter().for_each(|(name, field)| find(field, &format!("{path}{dot}{name}"), found));
        }
        _ => {}
    }
}
