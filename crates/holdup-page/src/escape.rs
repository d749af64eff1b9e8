//! What keeps data from becoming markup.

use std::fmt::Write;

/// Text for an element or an attribute.
pub(crate) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// JSON for the inside of a `<script>`: the same value without any `<`, which
/// JSON has only within strings. So neither `</script>` nor `<!--` is in it.
pub(crate) fn json_in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// `text` as a string of JSON, for the inside of a `<script>`.
pub(crate) fn json_string(text: &str) -> String {
    let mut string = String::with_capacity(text.len() + 2);
    string.push('"');
    for c in text.chars() {
        match c {
            '"' => string.push_str("\\\""),
            '\\' => string.push_str("\\\\"),
            '<' => string.push_str("\\u003c"),
            c if c.is_control() => {
                let _ = write!(string, "\\u{:04x}", u32::from(c));
            }
            c => string.push(c),
        }
    }
    string.push('"');
    string
}
