//! Pushing to Pyroscope, against a server that reads as Pyroscope does: its
//! published messages, compressed, over HTTP. It is slow, refuses, or is away.
#![cfg(feature = "push")]

mod common;

use common::{wait_until, waiters};
use holdup::profile::{Kind, Profile};
use holdup::push::{Pusher, Stats};
use holdup::{Mutex, named_mutex};
use prost::Message;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

/// The messages of `push/v1/push.proto` and `types/v1/types.proto` in
/// <https://github.com/grafana/pyroscope/tree/main/api>.
mod published {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct PushRequest {
        #[prost(message, repeated, tag = "1")]
        pub series: Vec<RawProfileSeries>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct RawProfileSeries {
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<LabelPair>,
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<RawSample>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct LabelPair {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "2")]
        pub value: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct RawSample {
        #[prost(bytes = "vec", tag = "1")]
        pub raw_profile: Vec<u8>,
        #[prost(string, tag = "2")]
        pub id: String,
    }
}

static ORDERS: Mutex<u64> = named_mutex!("push: orders", 0);

/// A contention. Tests of this file run at the same time, so a profile may have
/// those of others as well.
#[inline(never)]
fn hold_up_somebody() {
    let guard = ORDERS.lock();
    std::thread::scope(|scope| {
        scope.spawn(|| *ORDERS.lock() += 1);
        wait_until(|| waiters(&ORDERS) != 0);
        drop(guard);
    });
}

/// What came with a request.
struct Pushed {
    headers: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    id: String,
    profile: Profile,
}

/// What the server does with a connection, by how many came before.
type Behaviour = fn(usize, &mut TcpStream) -> Answer;

enum Answer {
    Status(&'static str),
    /// Closes without a word.
    Nothing,
}

/// A server for as long as the test runs.
#[derive(Clone)]
struct Server {
    address: SocketAddr,
    pushed: Arc<StdMutex<Vec<Pushed>>>,
}

impl Server {
    fn start(behaviour: Behaviour) -> Server {
        Server::at("127.0.0.1:0".parse().unwrap(), behaviour)
    }

    fn at(address: SocketAddr, behaviour: Behaviour) -> Server {
        let listener = TcpListener::bind(address).unwrap();
        let server = Server { address: listener.local_addr().unwrap(), pushed: Arc::default() };
        let serving = server.clone();
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                serving.serve(number, stream.unwrap(), behaviour);
            }
        });
        server
    }

    fn serve(&self, number: usize, mut stream: TcpStream, behaviour: Behaviour) {
        let Some((head, body)) = read_request(&stream) else { return };
        match behaviour(number, &mut stream) {
            Answer::Nothing => {}
            Answer::Status(status) => {
                if status.starts_with("200") {
                    // Before the answer: whoever sees it may look here.
                    self.pushed.lock().unwrap().push(decode(&head, &body));
                }
                let text = if status.starts_with("200") { "" } else { "{\"code\":\"no\"}" };
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\ncontent-type: application/proto\r\nconnection: close\r\n\
                     content-length: {}\r\n\r\n{text}",
                    text.len()
                );
            }
        }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn count(&self) -> usize {
        self.pushed.lock().unwrap().len()
    }

    /// Contentions of this file's lock in all that arrived.
    fn contentions(&self) -> u64 {
        let pushed = self.pushed.lock().unwrap();
        let of = |one: &Pushed| one.profile.totals_of("push: orders").unwrap_or_default();
        pushed.iter().map(|one| of(one).contentions).sum()
    }
}

fn read_request(stream: &TcpStream) -> Option<(Vec<String>, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&length| length != 0)?;
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let length = head.iter().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:").map(|rest| rest.trim().parse())
    });
    let mut body = vec![0; length.expect("the length is sent").unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn decode(head: &[String], body: &[u8]) -> Pushed {
    assert_eq!(head[0], "POST /push.v1.PusherService/Push HTTP/1.1");
    let headers: BTreeMap<_, _> = head[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut message = Vec::new();
    flate2::read::GzDecoder::new(body).read_to_end(&mut message).unwrap();
    let mut request = published::PushRequest::decode(&message[..]).unwrap();
    assert_eq!((request.series.len(), request.series[0].samples.len()), (1, 1));
    let series = request.series.remove(0);
    let labels = series.labels.into_iter().map(|label| (label.name, label.value));
    let profile = Profile::read_pprof(&series.samples[0].raw_profile[..]).unwrap();
    Pushed { headers, labels: labels.collect(), id: series.samples[0].id.clone(), profile }
}

/// Quick, for tests.
fn pusher(server: &Server) -> Pusher {
    Pusher::new(server.url(), "test service")
        .every(Duration::from_millis(50))
        .retry(Duration::from_millis(10), Duration::from_millis(50))
}

#[test]
fn a_profile_arrives_with_its_labels_and_names_the_culprit() {
    // Each contention has its stack in the profile.
    holdup::profile::set_period(Duration::from_nanos(1));
    let server = Server::start(|_, _| Answer::Status("200 OK"));
    let pushing = pusher(&server)
        .label("region", "north")
        .tenant("shop")
        .bearer_token("s3cret")
        .start()
        .unwrap();
    hold_up_somebody();
    wait_until(|| server.count() >= 1);
    let stats = pushing.stop();
    let pushed = server.pushed.lock().unwrap();
    assert_eq!((stats.pushed, stats.dropped), (pushed.len() as u64, 0), "{stats:?}");
    let first = &pushed[0];
    for (name, value) in [
        ("content-type", "application/proto"),
        ("content-encoding", "gzip"),
        ("connect-protocol-version", "1"),
        ("x-scope-orgid", "shop"),
        ("authorization", "Bearer s3cret"),
    ] {
        assert_eq!(first.headers.get(name).map(String::as_str), Some(value), "{name}");
    }
    let labels: Vec<_> =
        first.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("__delta__", "false"),
        ("__name__", "mutex"),
        ("region", "north"),
        ("service_name", "test service"),
    ];
    assert_eq!(labels, expected);
    let named = |one: &Pushed| {
        let samples = one.profile.samples().iter();
        let mut blamed = samples.filter(|sample| sample.kind == Kind::Blame);
        blamed.any(|sample| sample.stack[0].function.contains("hold_up_somebody"))
    };
    assert!(pushed.iter().any(named));
    let ids: std::collections::BTreeSet<_> = pushed.iter().map(|one| &one.id).collect();
    assert_eq!(ids.len(), pushed.len(), "each has an id of its own");
}

#[test]
fn what_a_server_refuses_for_now_is_sent_again_and_nothing_is_lost() {
    let server = Server::start(|number, _| match number {
        0 => Answer::Status("503 Service Unavailable"),
        1 => Answer::Status("429 Too Many Requests"),
        2 => Answer::Nothing,
        _ => Answer::Status("200 OK"),
    });
    let before = holdup::profile::snapshot();
    let pushing = pusher(&server).start().unwrap();
    for _ in 0..20 {
        hold_up_somebody();
    }
    wait_until(|| pushing.stats().retried >= 3 && pushing.stats().pushed >= 1);
    let stats = pushing.stop();
    assert_eq!(stats.dropped, 0, "{stats:?}");
    assert!(stats.last_error.is_some());
    // Exact sums: all that happened while it pushed is in what arrived.
    let after = holdup::profile::snapshot().since(&before);
    let most = after.totals_of("push: orders").unwrap().contentions;
    let arrived = server.contentions();
    assert!((20..=most).contains(&arrived), "{arrived} of 20 to {most}");
}

#[test]
fn what_a_server_refuses_for_good_is_dropped_and_counted() {
    let server = Server::start(|_, _| Answer::Status("400 Bad Request"));
    let pushing = pusher(&server).start().unwrap();
    wait_until(|| {
        hold_up_somebody();
        pushing.stats().dropped >= 2
    });
    let stats = pushing.stop();
    assert_eq!((stats.pushed, stats.retried), (0, 0));
    let error = stats.last_error.unwrap();
    assert!(error.contains("400 Bad Request") && error.contains("{\"code\":\"no\"}"), "{error}");
}

#[test]
fn with_the_server_away_the_queue_stays_bounded_and_nothing_but_resolution_is_lost() {
    // A port that was free a moment ago; the server comes there later.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{address}");
    let pushing = Pusher::new(url, "test")
        .every(Duration::from_millis(20))
        .retry(Duration::from_millis(10), Duration::from_millis(50))
        .capacity(2)
        .start()
        .unwrap();
    wait_until(|| {
        hold_up_somebody();
        pushing.stats().merged >= 5
    });
    assert_eq!((pushing.stats().pushed, pushing.stats().dropped), (0, 0));
    let held_up = 10;
    for _ in 0..held_up {
        hold_up_somebody();
    }
    let server = Server::at(address, |_, _| Answer::Status("200 OK"));
    wait_until(|| pushing.stats().pushed >= 2);
    let stats = pushing.stop();
    assert_eq!(stats.dropped, 0, "{stats:?}");
    assert!(server.contentions() >= held_up, "all that came while there was no room");
}

#[test]
fn a_server_that_is_too_slow_is_not_waited_for() {
    let server = Server::start(|number, stream| {
        if number == 0 {
            // Until the client has had enough, and closes.
            let _ = stream.read(&mut [0]);
            return Answer::Nothing;
        }
        Answer::Status("200 OK")
    });
    let pushing = pusher(&server).timeout(Duration::from_millis(200)).start().unwrap();
    hold_up_somebody();
    wait_until(|| pushing.stats().pushed >= 1);
    let stats = pushing.stop();
    assert!(stats.retried >= 1 && stats.dropped == 0, "{stats:?}");
    assert!(stats.last_error.unwrap().contains("timeout"));
}

#[test]
fn to_stop_takes_no_longer_than_one_try_and_counts_what_is_left() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let pushing = Pusher::new(format!("http://{address}"), "test")
        .every(Duration::from_millis(10))
        .retry(Duration::from_secs(600), Duration::from_secs(600))
        .start()
        .unwrap();
    // One that is waited for, and others behind it.
    wait_until(|| {
        hold_up_somebody();
        pushing.stats().retried == 1
    });
    hold_up_somebody();
    let stats = pushing.stop();
    assert!(stats.dropped >= 1 && stats.pushed == 0, "{stats:?}");
}

#[test]
fn a_profile_that_becomes_too_old_is_dropped() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let pushing = Pusher::new(format!("http://{address}"), "test")
        .every(Duration::from_millis(10))
        .retry(Duration::from_millis(10), Duration::from_millis(10))
        .max_age(Duration::from_millis(100))
        .start()
        .unwrap();
    wait_until(|| {
        hold_up_somebody();
        pushing.stats().dropped >= 1
    });
    let Stats { pushed, retried, .. } = pushing.stop();
    assert!(pushed == 0 && retried >= 1);
}
