//! The page that leads to the others.

use std::fmt::Write;

/// What there is: path, what it is, and forms of it.
const ENTRIES: &[(&str, &str)] = &[
    ("../holdup/", "The profile as a page: culprits, their victims, the longest waits"),
    ("mutex?debug=1", "mutex: stacks of those who held others up, as text"),
    ("mutex", "mutex, for go tool pprof; with ?seconds=5 of the next 5 seconds"),
    ("block?debug=1", "block: who waited, as text"),
    ("block", "block, for go tool pprof; with ?seconds=5 of the next 5 seconds"),
    ("../holdup/profile.txt", "A table: the exact sums of each lock, and the culprits"),
    ("../holdup/profile.folded", "Folded stacks, for flame graphs"),
    ("../holdup/profile.json", "The same as JSON"),
    ("../holdup/live", "Who waits right now, for whom, as JSON"),
    ("../../metrics", "Metrics for Prometheus"),
];

/// The page. Links are relative: it may be served below another path.
pub(super) fn page() -> String {
    let mut page = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>/debug/pprof/</title>\n\
         <style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem;color-scheme:light dark}\
         td{padding:.1rem 1rem .1rem 0}</style>\n</head>\n<body>\n\
         <h1>/debug/pprof/</h1>\n<p>Who held everybody up, by holdup.</p>\n<table>\n",
    );
    for (link, what) in ENTRIES {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "<tr><td><a href=\"{link}\">{link}</a></td><td>{what}</td></tr>");
    }
    page.push_str("</table>\n</body>\n</html>\n");
    page
}
