//! Makes the page of profiles in JSON: `page FILE.json... > page.html`.
//!
//! `holdup web --html` does the same for the files that programs write.

use holdup_page::{Embedded, Source, page};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let mut profiles = Vec::new();
    for path in env::args().skip(1) {
        let json = fs::read_to_string(&path)?;
        profiles.push((path, json));
    }
    let profiles: Vec<_> = profiles.iter().map(|(title, json)| Embedded { title, json }).collect();
    println!("{}", page(Source::Embedded(&profiles)));
    Ok(())
}
