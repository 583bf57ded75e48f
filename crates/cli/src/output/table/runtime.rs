//! Table of installable libraries.

use parapolicy_ort::Installable;

use super::{finish, table};

/// What can be installed, one line a provider.
pub fn render_installable(all: &[Installable]) -> String {
    let mut table = table(&["provider", "wheels", "download", "library"]);
    for Installable { provider, wheels, size, library, .. } in all {
        table.add_row([
            provider.to_string(),
            wheels.join("\n"),
            format!("{:.0} MB", *size as f64 / 1e6),
            library.as_ref().map_or_else(|| "not installed".to_owned(), |library| library.display().to_string()),
        ]);
    }
    finish(table)
}
