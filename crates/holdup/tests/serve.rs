//! The server: whom it answers, and what hostile clients cannot do.
#![cfg(feature = "serve")]

use holdup::http::{Handler, Server};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// What a server says to these bytes, until it closes the connection.
fn say(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    // Longer than any limit in here: what is asserted is that it answers.
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // It may close before all is sent.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8_lossy(&answer).into_owned(),
    }
}

fn get(address: SocketAddr, path: &str) -> String {
    say(address, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("closed")
}

#[test]
fn a_line_serves_profiles_and_metrics_on_this_machine() {
    let running = holdup::serve("127.0.0.1:0").unwrap();
    let address = running.address();
    assert!(address.ip().is_loopback() && address.port() != 0);
    for path in ["/debug/pprof/", "/debug/pprof/mutex", "/debug/pprof/mutex?seconds=1", "/metrics"]
    {
        let answer = get(address, path);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
    running.stop();
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn it_goes_on_when_the_handle_is_dropped() {
    let running = holdup::serve("localhost:0").unwrap();
    let address = running.address();
    drop(running);
    assert_eq!(status(&get(address, "/metrics")), "200");
}

#[test]
fn other_machines_are_served_only_if_that_was_asked_for() {
    for open in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let error = holdup::serve(open).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{open}");
        assert!(error.to_string().contains("other machines"), "{error}");
    }
    let running = Server::new().any_address().start("0.0.0.0:0").unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], running.address().port()));
    assert_eq!(status(&get(address, "/metrics")), "200");
    running.stop();
    assert!(holdup::serve("not an address").is_err());
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let running = holdup::serve("127.0.0.1:0").unwrap();
    let error = holdup::serve(running.address()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    running.stop();
}

#[test]
fn what_is_no_good_request_gets_4xx_or_is_closed() {
    let server = Server::new().handler(Handler::new().token("s3cret"));
    let running = server.header_timeout(Duration::from_millis(300)).start("127.0.0.1:0").unwrap();
    let address = running.address();
    let long = "x".repeat(100_000);
    let many = "a: b\r\n".repeat(1000);
    let authorized =
        |line: &str| format!("{line}\r\nHost: localhost\r\nAuthorization: Bearer s3cret\r\n\r\n");
    for (request, expected) in [
        // Tricks with paths and queries.
        (authorized("GET /debug/pprof/../../../etc/passwd HTTP/1.1"), "404"),
        (authorized("GET /debug/holdup/..%2f..%2fetc%2fpasswd HTTP/1.1"), "404"),
        (authorized("GET /debug/pprof/mutex?seconds=-5 HTTP/1.1"), "400"),
        (authorized("GET /debug/pprof/mutex?seconds=1e9 HTTP/1.1"), "400"),
        (authorized("GET /debug/pprof/mutex?seconds=100000 HTTP/1.1"), "400"),
        (authorized("GET http://elsewhere.example/metrics HTTP/1.1"), "200"),
        (authorized("POST /metrics HTTP/1.1"), "405"),
        (authorized("BREW /metrics HTTP/1.1"), "405"),
        // Who may not ask.
        ("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), "401"),
        ("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(), "403"),
        // What is no HTTP.
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), "400"),
        ("\u{16}\u{3}\u{1} hello\r\n\r\n".to_owned(), "400"),
        ("GET /\u{0} HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), "400"),
        // Too much.
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), "4"),
        (format!("GET / HTTP/1.1\r\nlong: {long}\r\n\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), "431"),
        // Too little, or too late.
        (String::new(), "closed"),
        ("GET /metrics HTTP/1.1\r\nHost: loc".to_owned(), "4"),
    ] {
        let answer = say(address, request.as_bytes());
        let shown: String = request.chars().take(60).collect();
        let status = status(&answer);
        // A client that is still sending may see no more than the close.
        let closed = status == "closed" && expected.starts_with('4');
        assert!(status.starts_with(expected) || closed, "{shown:?}: {status}, not {expected}");
    }
    assert_eq!(status(&say(address, authorized("GET /metrics HTTP/1.1").as_bytes())), "200");
    running.stop();
}

#[test]
fn five_hundred_slow_clients_keep_nobody_else_out_for_longer_than_they_may_take() {
    let server = Server::new().max_connections(32).header_timeout(Duration::from_millis(500));
    let running = server.start("127.0.0.1:0").unwrap();
    let address = running.address();
    let mut slow = Vec::new();
    for _ in 0..500 {
        let mut stream = TcpStream::connect(address).unwrap();
        // Part of a request, and never more. It may be closed by now.
        let _ = stream.write_all(b"GET /debug/pprof/mutex HTTP/1.1\r\nX-Slow: ");
        slow.push(stream);
    }
    // The test's own limit; the server lets go of the first after half a second.
    let begin = Instant::now();
    while status(&get(address, "/metrics")) != "200" {
        assert!(begin.elapsed() < Duration::from_secs(60), "nobody else is served");
        std::thread::sleep(Duration::from_millis(10));
    }
    // All of them were told, or closed on.
    for mut stream in slow {
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut answer = Vec::new();
        if stream.read_to_end(&mut answer).is_ok() {
            let answer = String::from_utf8_lossy(&answer);
            assert!(["408", "503", "closed"].contains(&status(&answer)), "{answer}");
        }
    }
    running.stop();
}

#[test]
fn a_client_that_goes_away_ends_its_wait_and_gives_its_place_back() {
    let server = Server::new().max_connections(1);
    let running = server.start("127.0.0.1:0").unwrap();
    let address = running.address();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /debug/pprof/mutex?seconds=600 HTTP/1.0\r\n\r\n").unwrap();
    // It has the only place.
    while status(&get(address, "/metrics")) != "503" {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(stream);
    let begin = Instant::now();
    while status(&get(address, "/metrics")) != "200" {
        assert!(begin.elapsed() < Duration::from_secs(60), "the place is not given back");
        std::thread::sleep(Duration::from_millis(1));
    }
    running.stop();
}
