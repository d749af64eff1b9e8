//! What can be told of the document without a browser.

use super::*;

const EMPTY: &str = r#"{"schema":1,"locks":[],"frames":[],"stacks":[],"samples":[],"longest":[]}"#;

const LIVE: Source<'_> = Source::Live { title: "p", url: "p.json", waiting: Some("live") };

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("no {from}"));
    rest.split_once(to).unwrap_or_else(|| panic!("no {to}")).0
}

#[test]
fn no_name_ends_the_block_it_is_in() {
    let json = EMPTY.replace(
        r#""locks":[]"#,
        r#""locks":[{"name":"</script><script>alert(1)</script><!--{{script}}"}]"#,
    );
    let title = "a\"</title></script><img src=x onerror=alert(1)>\u{1}";
    let html = page(Source::Embedded(&[Embedded { title, json: &json }]));
    assert_eq!(html.matches("<script").count(), 2, "the data and the script");
    assert_eq!(html.matches("</script>").count(), 2);
    assert_eq!(html.matches("<img").count(), 0);
    assert_eq!(html.matches("</title>").count(), 1);
    let data = between(&html, r#"id="source">"#, "</script>");
    assert!(!data.contains('<'), "{data}");
    assert!(data.contains("{{script}}"), "what is put in is not looked at again");
}

#[test]
fn the_policy_names_the_script_and_the_style_that_are_there() {
    for source in [LIVE, Source::Embedded(&[])] {
        let html = page(source);
        let policy = between(&html, "Content-Security-Policy\" content=\"", "\"");
        for (kind, open, close) in
            [("script", "<script type=\"module\">", "</script>"), ("style", "<style>", "</style>")]
        {
            let hash = sha256::base64(&sha256::digest(between(&html, open, close).as_bytes()));
            assert!(policy.contains(&format!("{kind}-src 'sha256-{hash}'")), "{policy}");
        }
        assert!(policy.starts_with("default-src 'none'"));
    }
}

#[test]
fn only_a_live_page_may_ask_for_anything() {
    let file = page(Source::Embedded(&[]));
    assert!(file.contains("connect-src 'none'"));
    assert!(page(LIVE).contains("connect-src 'self'"));
    assert!(live_policy().contains("frame-ancestors 'none'"));
    assert!(embedded_policy().contains("connect-src 'none'"));
    // Nothing from elsewhere: the only addresses are names of XML's.
    for part in file.split("http").skip(1) {
        let known = ["://www.w3.org/2000/svg", "-equiv="];
        assert!(known.iter().any(|known| part.starts_with(known)), "http{part:.60}");
    }
}

#[test]
fn who_waits_is_asked_for_where_the_program_says_it() {
    let data = |source| between(&page(source), r#"id="source">"#, "</script>").to_owned();
    assert_eq!(data(LIVE), r#"{"title":"p","url":"p.json","waiting":"live"}"#);
    let without = Source::Live { title: "p", url: "p.json", waiting: None };
    assert_eq!(data(without), r#"{"title":"p","url":"p.json","waiting":null}"#);
}

#[test]
fn the_script_is_one_module_without_imports() {
    let script = &**assets::SCRIPT;
    for line in script.lines() {
        assert!(!line.starts_with("import ") && !line.starts_with("export "), "{line}");
    }
    assert!(!script.contains("</script"), "it would end the block");
    assert!(!script.contains("innerHTML") && !script.contains("insertAdjacentHTML"));
}

#[test]
fn every_file_of_the_script_is_in_it() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/js");
    for entry in std::fs::read_dir(folder).expect("the folder of the script") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a text");
        let first = text.lines().next().expect("a line").to_owned();
        assert!(assets::SCRIPT.contains(&first), "{first}");
    }
}
