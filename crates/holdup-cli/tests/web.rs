//! `holdup web`: what it serves and to whom, and what it says of bad input.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use predicates::prelude::*;
use predicates::str::contains;
use support::{gzip, holdup, pprof};
use tempfile::TempDir;

/// A profile in which `lock` was held by `culprit`.
fn profile(lock: &str, culprit: &str) -> Vec<u8> {
    let (frame, labels) = (format!("{culprit} /src/{culprit}.rs 7"), [("lock", lock)]);
    gzip(&pprof(&[(&[&frame, "main /src/main.rs 3"], &labels, 3, 5_000_000)]))
}

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("a file in a folder of our own");
    path.to_str().expect("a name in UTF-8").to_owned()
}

/// `holdup web` while it serves. Ended when dropped.
struct Serving {
    child: Child,
    port: u16,
}

impl Serving {
    fn start(arguments: &[&str]) -> Serving {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("holdup"))
            .arg("web")
            .arg("--no-open")
            .args(arguments)
            .env_remove("http_proxy")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command is built");
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let port = line
            .split_once("http://127.0.0.1:")
            .and_then(|(_, rest)| rest.split('/').next()?.parse().ok());
        let port = port.unwrap_or_else(|| panic!("it said {line:?}"));
        Serving { child, port }
    }

    fn ask(&self, request: &str) -> String {
        ask(self.port, request)
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", self.port))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends `request` as it is and returns all that comes back.
fn ask(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it serves");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer, and its end");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A program that serves: answers each of the requests with the next of
/// `answers`, and sends what it was asked.
fn program(answers: Vec<Vec<u8>>) -> (u16, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let asked = thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("a request");
                head.push(byte[0]);
            }
            asked.push(String::from_utf8_lossy(&head).into_owned());
            stream.write_all(&answer).expect("sent");
        }
        asked
    });
    (port, asked)
}

fn http(status: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[test]
fn a_file_becomes_a_page_with_the_profile_inside() {
    let folder = TempDir::new().unwrap();
    let input = file(&folder, "a.pb.gz", &profile("orders", "prune"));
    let output = folder.path().join("out.html");
    holdup().args(["web", &input, "--html"]).arg(&output).assert().success().stdout("");
    let html = std::fs::read_to_string(output).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains(r#""function":"prune""#));
    // The JSON that is embedded is taken as a profile itself.
    let json = html.split_once(r#""profile":"#).unwrap().1.split_once("}]}</script>").unwrap().0;
    let json = file(&folder, "a.json", json.as_bytes());
    holdup()
        .args(["web", &json, &input, "--html", "-"])
        .assert()
        .success()
        .stdout(contains(r#""function":"prune""#).count(2));
}

#[test]
fn a_file_is_served_to_this_machine_and_nothing_else_is() {
    let folder = TempDir::new().unwrap();
    let serving = Serving::start(&[&file(&folder, "a.pb.gz", &profile("orders", "prune"))]);
    let answer = serving.get("/");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    for header in [
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none'",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
    ] {
        assert!(head.contains(header), "{header} is not in {head}");
    }
    assert!(body.contains(r#""function":"prune""#));
    let head_only = serving.ask("HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    assert!(head_only.starts_with("HTTP/1.1 200") && head_only.ends_with("\r\n\r\n"));
    for path in [
        "/profile.json",
        "/live",
        "//",
        "/index.html",
        "/../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/..%2fCargo.toml",
        "/a.pb.gz",
    ] {
        let answer = serving.get(path);
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"] {
        let answer = serving.ask(&format!("{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 405"), "{method}: {answer}");
        assert!(answer.to_lowercase().contains("allow: get, head"), "{answer}");
    }
}

#[test]
fn who_asks_by_another_name_is_refused() {
    let folder = TempDir::new().unwrap();
    let serving = Serving::start(&[&file(&folder, "a.pb.gz", &profile("orders", "prune"))]);
    for host in ["Host: localhost:9", "Host: LOCALHOST", "Host: 127.0.0.1:1", "Host: [::1]:80"] {
        let answer = serving.ask(&format!("GET / HTTP/1.1\r\n{host}\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{host}: {answer:.80}");
    }
    for host in [
        "Host: evil.example",
        "Host: localhost.evil.example",
        "Host: 127.0.0.1.evil.example",
        "Host: 192.168.0.1",
        "Host: ",
        "X-None: 1",
    ] {
        let answer = serving.ask(&format!("GET / HTTP/1.1\r\n{host}\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 403"), "{host}: {answer:.80}");
        assert!(!answer.contains("prune"), "{host}");
    }
}

#[test]
fn what_is_no_http_hurts_nobody() {
    let folder = TempDir::new().unwrap();
    let serving = Serving::start(&[&file(&folder, "a.pb.gz", &profile("orders", "prune"))]);
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(1 << 16));
    for request in ["\0\x01\x02\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"] {
        let answer = serving.ask(request);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    // The rest of the long one may meet a closed connection.
    let mut stream = TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
    let _ = stream.write_all(long.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    // Clients that connect and say nothing keep nobody else from an answer.
    let silent: Vec<_> =
        (0..20).map(|_| TcpStream::connect(("127.0.0.1", serving.port)).unwrap()).collect();
    assert!(serving.get("/").starts_with("HTTP/1.1 200"));
    drop(silent);
}

#[test]
fn of_a_program_that_runs_the_page_asks_again_and_again() {
    let json = holdup().args(["web", "-", "--html", "-"]).write_stdin(profile("l", "f")).output();
    let html = String::from_utf8(json.unwrap().stdout).unwrap();
    let json = html.split_once(r#""profile":"#).unwrap().1.split_once("}]}</script>").unwrap().0;
    let (port, asked) = program(vec![
        http("200 OK", json.as_bytes()),
        http("200 OK", json.as_bytes()),
        http("200 OK", b"something else"),
        http("503 Service Unavailable", b"busy"),
    ]);
    let serving = Serving::start(&[&format!("http://:s3cret@127.0.0.1:{port}")]);
    let page = serving.get("/");
    assert!(page.contains(&format!(
        r#"{{"title":"http://127.0.0.1:{port}","url":"profile.json","waiting":"live"}}"#
    )));
    assert!(!page.contains("s3cret"), "the token stays with the command");
    let answer = serving.get("/profile.json");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(json), "{answer}");
    let answer = serving.get("/profile.json");
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert!(answer.contains("this is not a pprof profile"), "{answer}");
    let answer = serving.get("/profile.json");
    assert!(answer.contains("it answers 503 Service Unavailable"), "{answer}");
    let asked = asked.join().unwrap();
    assert_eq!(asked.len(), 4);
    for request in asked {
        assert!(request.starts_with("GET /debug/holdup/profile.json HTTP/1.1"), "{request}");
        assert!(request.to_lowercase().contains("authorization: bearer s3cret"), "{request}");
    }
    // The program is gone.
    let answer = serving.get("/profile.json");
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("refused"), "{answer}");
}

#[test]
fn who_waits_in_a_program_now_is_passed_through() {
    let live = r#"{"schema":1,"time_unix_ns":5,"locks":[{"name":"journal"}]}"#;
    let (port, asked) = program(vec![
        http("200 OK", br#"{"schema":1,"locks":[],"samples":[]}"#),
        http("200 OK", live.as_bytes()),
        http("404 Not Found", b"an older one"),
        http("200 OK", b"<html>"),
        http("302 Found\r\nLocation: http://127.0.0.1:1/", b""),
    ]);
    let serving = Serving::start(&[&format!("http://:s3cret@127.0.0.1:{port}")]);
    // Who is refused does not get as far as to the program.
    for (method, host, status) in [("GET", "evil.example", 403), ("POST", "localhost", 405)] {
        let answer = serving.ask(&format!("{method} /live HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    let answer = serving.get("/live");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(live), "{answer}");
    let head = answer.to_lowercase();
    for header in [
        "content-type: application/json",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        "cross-origin-resource-policy: same-origin",
    ] {
        assert!(head.contains(header), "{header} is not in {head}");
    }
    assert!(serving.get("/live").starts_with("HTTP/1.1 404"));
    for says in ["this does not say in JSON who waits", "it answers 302"] {
        let answer = serving.get("/live");
        assert!(answer.starts_with("HTTP/1.1 502") && answer.contains(says), "{answer}");
    }
    let asked = asked.join().unwrap();
    assert_eq!(asked.len(), 5);
    for request in &asked[1..] {
        assert!(request.starts_with("GET /debug/holdup/live HTTP/1.1"), "{request}");
        assert!(request.to_lowercase().contains("authorization: bearer s3cret"), "{request}");
    }
}

#[test]
fn a_program_that_serves_pprof_alone_will_do() {
    let (port, asked) =
        program(vec![http("404 Not Found", b"no"), http("200 OK", &profile("orders", "prune"))]);
    holdup()
        .args(["web", &format!("http://127.0.0.1:{port}/"), "--html", "-"])
        .assert()
        .success()
        .stdout(contains(r#""function":"prune""#));
    let asked = asked.join().unwrap();
    assert!(asked[1].starts_with("GET /debug/pprof/mutex HTTP/1.1"), "{asked:?}");
}

#[test]
fn bad_input_is_told_in_one_line() {
    let folder = TempDir::new().unwrap();
    let text = file(&folder, "notes.txt", b"hello");
    let json = file(&folder, "other.json", b"{\"schema\": 2, \"locks\": [], \"samples\": []}");
    let good = file(&folder, "a.pb.gz", &profile("orders", "prune"));
    let missing = folder.path().join("none.pb.gz");
    let missing = missing.to_str().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = folder.path().to_str().unwrap();
    let unwritable = format!("{folder}/none/out.html");
    for (arguments, says) in [
        (&[text.as_str()][..], "this is not a pprof profile"),
        (&[&json], "its form has the version 2; this holdup knows 1"),
        (&[missing], "No such file"),
        (&[folder], "it is a directory"),
        (&[&good, "https://127.0.0.1/"], "https is not spoken here"),
        // A port of old, which nobody serves on.
        (&["http://127.0.0.1:1"], "refused"),
        (&["-", "-"], "standard input (-) can be read only once"),
        (&[&good, "--port", &port], "--port"),
        (&[&good, "--html", &unwritable], "cannot write"),
    ] {
        holdup()
            .args(["web", "--no-open"])
            .args(arguments)
            .assert()
            .code(1)
            .stdout("")
            .stderr(contains(says).and(contains("\n").count(1)));
    }
    holdup().arg("web").assert().code(2);
}
