//! The example as a whole: started, asked, and stopped.

use holdup::profile::{Kind, Profile};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The example, with its address.
struct Service(Child, String);

impl Service {
    fn start(arguments: &[&str], profile: Option<&std::path::Path>) -> Service {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdup-example-axum"));
        command.arg("127.0.0.1:0").args(arguments).stdout(Stdio::piped());
        command.env_remove("HOLDUP_PROFILE");
        if let Some(path) = profile {
            command.env("HOLDUP_PROFILE", path);
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").and_then(|rest| rest.split('/').next());
        let address = address.expect("the address is printed").to_owned();
        Service(child, address)
    }

    /// Head and body of the response.
    fn get(&self, path: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.1).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.1)
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let body = answer.split_off(end);
        (String::from_utf8(answer).unwrap(), body)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_profile_of_the_next_second_names_the_culprit_of_the_load() {
    let service = Service::start(&["--load"], None);
    let (head, body) = service.get("/debug/pprof/mutex?seconds=1");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let disposition = "content-disposition: attachment; filename=\"mutex-delta\"\r\n";
    assert!(head.contains(disposition), "{head}");
    let profile = Profile::read_pprof(&body[..]).unwrap();
    let blamed = profile.samples().iter().find(|sample| sample.kind == Kind::Blame).unwrap();
    assert_eq!(blamed.lock, "index");
    assert!(blamed.stack[0].function.ends_with("end_the_pruning"), "{blamed:?}");
}

#[test]
fn its_own_pages_and_holdups_stand_side_by_side() {
    let service = Service::start(&[], None);
    let (head, body) = service.get("/order");
    assert!(head.starts_with("HTTP/1.1 200 ") && body == b"order 0\n", "{head}");
    let (_, metrics) = service.get("/metrics");
    let metrics = String::from_utf8(metrics).unwrap();
    assert!(metrics.contains("\nholdup_waits_total{lock=\"orders\"} 0\n"), "{metrics}");
    assert!(metrics.contains("\nexample_waited_seconds_total 0\n"), "{metrics}");
    let (head, body) = service.get("/debug/pprof/heap");
    assert!(head.starts_with("HTTP/1.1 404 ") && body == b"Unknown profile\n", "{head}");
}
