//! Names of functions and files in as many columns as there are.

use unicode_width::UnicodeWidthStr;

use crate::units;

/// A function's name in at most `width` columns. What says least goes first:
/// the modules of paths in `<…>`, then the path's beginning, segment by
/// segment, at last the beginning of the function's own name.
pub fn function(name: &str, width: usize) -> String {
    if name.width() <= width {
        return name.to_owned();
    }
    // No name, but what is said in the place of one.
    if name.starts_with('[') && name.ends_with(']') {
        return units::cut_right(name, width);
    }
    let bare = without_modules_in_brackets(name);
    if bare.width() <= width {
        return bare;
    }
    // The longest end that begins with a whole segment and fits behind `…`.
    let ends = segments(&bare).map(|start| &bare[start..]);
    let fits = |end: &&str| end.width() < width;
    match ends.filter(|end| !end.is_empty()).find(fits) {
        Some(end) => format!("…{end}"),
        None => units::cut_left(&bare, width),
    }
}

/// A place (`path/of/file.rs:7`) in at most `width` columns: the beginnings of
/// the path go first, folder by folder.
pub fn place(place: &str, width: usize) -> String {
    if place.width() <= width {
        return place.to_owned();
    }
    let ends = place.match_indices(['/', '\\']).map(|(at, _)| &place[at..]);
    let fits = |end: &&str| end.width() < width;
    match ends.filter(|end| end.len() > 1).find(fits) {
        Some(end) => format!("…{end}"),
        None => units::cut_left(place, width),
    }
}

/// Where the segments of a path begin, with the separator before them: `::`
/// outside of brackets; in Go's names the last `/`, then `.`.
fn segments(name: &str) -> impl Iterator<Item = usize> + '_ {
    let mut depth = 0_usize;
    let go = !name.contains("::");
    let mut before = ' ';
    name.char_indices().filter_map(move |(at, c)| {
        match c {
            '<' | '(' | '{' | '[' => depth += 1,
            '>' if before == '-' => {}
            '>' | ')' | '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let first_colon = c == ':' && before != ':' && name[at..].starts_with("::");
        // A closure says nothing without the function it is in.
        let closure = || name[at + 2..].starts_with('{');
        let begins = if go { c == '/' || c == '.' } else { first_colon && !closure() };
        before = c;
        (begins && depth == 0).then_some(at)
    })
}

/// `<a::b::C as d::E>::f` becomes `<C as E>::f`.
fn without_modules_in_brackets(name: &str) -> String {
    let mut short = String::with_capacity(name.len());
    // Where in `short` the word of a bracket began that may be a path's module.
    let mut word = 0;
    let mut depth = 0_usize;
    let mut before = ' ';
    for c in name.chars() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let in_word = c.is_alphanumeric() || matches!(c, '_' | '{' | '}' | '#' | ':');
        if depth > 0 && c == ':' && before == ':' {
            short.truncate(word);
        } else {
            short.push(c);
            if !in_word {
                word = short.len();
            }
        }
        before = c;
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAIT: &str = "<shop::cache::Cache as core::ops::drop::Drop>::drop";

    #[test]
    fn what_fits_stays() {
        for name in ["", "f", "shop::sort", TRAIT, "日本::語"] {
            assert_eq!(function(name, name.width()), name);
        }
    }

    #[test]
    fn whole_segments_go_from_the_left() {
        let name = "holdup_cli::demo::crew::prune_and_sort";
        assert_eq!(function(name, 37), "…::demo::crew::prune_and_sort");
        assert_eq!(function(name, 28), "…::crew::prune_and_sort");
        assert_eq!(function(name, 17), "…::prune_and_sort");
        assert_eq!(function(name, 16), "…:prune_and_sort");
        assert_eq!(function(name, 5), "…sort");
    }

    #[test]
    fn traits_keep_their_types_as_long_as_they_can() {
        assert_eq!(function(TRAIT, 50), "<Cache as Drop>::drop");
        assert_eq!(function(TRAIT, 20), "…::drop");
        let nested = "<a::B<c::D> as e::F<g::H>>::run::{closure#0}";
        assert_eq!(function(nested, 40), "<B<D> as F<H>>::run::{closure#0}");
        assert_eq!(function(nested, 20), "…::run::{closure#0}");
        assert_eq!(function(nested, 16), "…un::{closure#0}");
    }

    #[test]
    fn what_stands_in_the_place_of_a_name_keeps_its_beginning() {
        assert_eq!(function("[handoff: nobody held the lock]", 20), "[handoff: nobody he…");
    }

    #[test]
    fn go_names_lose_their_packages() {
        let name = "github.com/who/what/pkg.(*Cache).evict.func1";
        assert_eq!(function(name, 30), "…/pkg.(*Cache).evict.func1");
        assert_eq!(function(name, 24), "….(*Cache).evict.func1");
        assert_eq!(function(name, 12), "….func1");
    }

    #[test]
    fn places_keep_their_ends() {
        let path = "/home/me/src/shop/src/cache.rs:120";
        assert_eq!(place(path, 24), "…/shop/src/cache.rs:120");
        assert_eq!(place(path, 16), "…/cache.rs:120");
        assert_eq!(place(path, 10), "…he.rs:120");
    }

    #[test]
    fn any_name_fits_any_width() {
        let names =
            [TRAIT, "a<b", ">>>::x", "::::", "鎖::鎖", "->::<", "e\u{301}::f", "...", "///"];
        for name in names {
            for width in 1..60 {
                assert!(function(name, width).width() <= width, "{name} in {width}");
                assert!(place(name, width).width() <= width, "{name} in {width}");
            }
        }
    }
}
