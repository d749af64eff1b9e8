//! The files of the page, and how they are put together.

use std::sync::LazyLock;

const FRAME: &str = include_str!("../assets/page.html");

pub(crate) const STYLE: &str = include_str!("../assets/page.css");

/// The modules of the script, each after those it imports from.
const MODULES: &[&str] = &[
    include_str!("../assets/js/dom.js"),
    include_str!("../assets/js/units.js"),
    include_str!("../assets/js/names.js"),
    include_str!("../assets/js/model.js"),
    include_str!("../assets/js/tree.js"),
    include_str!("../assets/js/color.js"),
    include_str!("../assets/js/spark.js"),
    include_str!("../assets/js/flame.js"),
    include_str!("../assets/js/table.js"),
    include_str!("../assets/js/view.js"),
    include_str!("../assets/js/columns.js"),
    include_str!("../assets/js/detail.js"),
    include_str!("../assets/js/history.js"),
    include_str!("../assets/js/live.js"),
    include_str!("../assets/js/waiting.js"),
    include_str!("../assets/js/waiting-panel.js"),
    include_str!("../assets/js/theme.js"),
    include_str!("../assets/js/keys.js"),
    include_str!("../assets/js/main.js"),
];

/// The modules as one: imports and exports are left out, and all names are in
/// one scope. A name that two modules declare is a syntax error in the browser.
pub(crate) static SCRIPT: LazyLock<String> =
    LazyLock::new(|| MODULES.iter().flat_map(|module| joined(module)).collect());

fn joined(module: &str) -> impl Iterator<Item = String> {
    let mut importing = false;
    module.lines().filter_map(move |line| {
        importing |= line.starts_with("import ");
        let skip = importing;
        importing &= !line.ends_with(';');
        (!skip).then(|| format!("{}\n", line.strip_prefix("export ").unwrap_or(line)))
    })
}

/// The document with each `{{name}}` replaced. What is put in is not looked at
/// again: a profile may have `{{script}}` for a name.
pub(crate) fn filled(values: &[(&str, &str)]) -> String {
    let mut document = String::new();
    let mut rest = FRAME;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        document.push_str(before);
        document.extend(values.iter().filter(|value| value.0 == name).map(|value| value.1));
        rest = after;
    }
    document.push_str(rest);
    document
}
