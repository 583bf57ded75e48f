//! Text about an adopted graph.

use std::path::Path;

use parapolicy_policy::{Adoption, MANIFEST_FILE};

/// The roles found in a graph, and the fields left to fill in.
pub fn render_adoption(adoption: &Adoption, out: &Path) -> String {
    let manifest = out.join(adoption.manifest_file());
    let roles: String = adoption
        .roles
        .iter()
        .map(|(role, tensor)| format!("  {role:<12} `{}` {}\n", tensor.name, tensor.dtype))
        .collect();
    let width = adoption.blanks.iter().map(|blank| blank.field.len()).max().unwrap_or(0);
    let blanks: String =
        adoption.blanks.iter().map(|blank| format!("  {:<width$}  {}\n", blank.field, blank.what)).collect();
    let provider = match &adoption.refusal {
        None => "the engine runs it: any provider will do".to_owned(),
        Some(refusal) => format!("the engine does not run it: {refusal}\nuse --provider cpu"),
    };
    let then = match adoption.manifest_file() {
        MANIFEST_FILE => {
            "the first action of a plan must belong to the oldest observation, and the loop must send actions as often as the \
             training data has them (`run --rate`, `period`), which no file here says\n"
        }
        _ => "",
    };
    format!(
        "{}: the graph, and a manifest of it\n\nfound in the graph:\n{roles}{provider}\n\n\
         to fill in, in {}; until then it is refused:\n{blanks}\n\
         {then}then: parapolicy inspect {}",
        out.display(),
        manifest.display(),
        out.display(),
    )
}
