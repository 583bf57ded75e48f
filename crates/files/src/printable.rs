//! Text that came from a file, made fit for a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Text with its control characters written out (`\u{1b}`): printed, it moves no cursor, changes no colour or title, and
/// hides nothing. So are the characters that reverse the order of text.
///
/// ```
/// use parapolicy_files::printable;
///
/// assert_eq!(printable("push\x1b[2J\nT"), "push\\u{1b}[2J\\nT");
/// assert!(matches!(printable("Zürich ☃"), std::borrow::Cow::Borrowed(_)));
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hidden(character) {
            // Writing to a `String` cannot fail.
            let _written = write!(shown, "{}", character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// As [`printable`], but of several lines, which stay lines.
///
/// ```
/// assert_eq!(parapolicy_files::printable_lines("a\n\x07b"), "a\n\\u{7}b");
/// ```
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    if !text.contains(|character| is_hidden(character) && character != '\n') {
        return Cow::Borrowed(text);
    }
    let lines: Vec<_> = text.split('\n').map(printable).collect();
    Cow::Owned(lines.join("\n"))
}

/// Control characters, and those that embed, override or isolate a direction (Unicode's annex 9).
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let every: String = (0..0x3000).filter_map(char::from_u32).collect();
        assert!(!printable(&every).contains(char::is_control));
        assert_eq!(printable("\u{202e}gnp.exe\u{9b}31m"), "\\u{202e}gnp.exe\\u{9b}31m");
    }
}
