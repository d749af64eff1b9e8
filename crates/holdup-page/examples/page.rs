//! Makes the page: of profiles in JSON, `page FILE.json... > page.html`, or of an
//! address that serves one, `page --live TITLE URL > page.html`.
//!
//! `holdup web --html` does the first for the files that programs write.

use holdup_page::{Embedded, Source, page};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [option, title, url] = &arguments[..]
        && option == "--live"
    {
        println!("{}", page(Source::Live { title, url }));
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
