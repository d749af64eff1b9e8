//! Makes the page: of profiles in JSON, `page FILE.json... > page.html`, or of an
//! address that serves one, `page --live TITLE URL [URL-OF-WHO-WAITS] > page.html`.
//!
//! `holdup web --html` does the first for the files that programs write.

use holdup_page::{Embedded, Source, page};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [option, title, url, rest @ ..] = &arguments[..]
        && option == "--live"
    {
        let waiting = rest.first().map(String::as_str);
        println!("{}", page(Source::Live { title, url, waiting }));
        return Ok(());
    }
    let mut profiles = Vec::new();
    for path in &arguments {
        profiles.push((path, fs::read_to_string(path)?));
    }
    let profiles: Vec<_> = profiles.iter().map(|(title, json)| Embedded { title, json }).collect();
    println!("{}", page(Source::Embedded(&profiles)));
    Ok(())
}
