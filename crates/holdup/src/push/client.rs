//! Sends profiles: one request for each, again and again if need be.

use super::proto::{LabelPair, PushRequest, RawProfileSeries, RawSample};
use super::queue::Queue;
use super::{InvalidPusher, Pusher};
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderValue, Response, StatusCode, Uri};

/// How much of an answer is read: it is empty, or says what is wrong.
const MAX_ANSWER: u64 = 4096;

pub(super) struct Client {
    agent: Agent,
    url: String,
    headers: Vec<(&'static str, HeaderValue)>,
    labels: Vec<LabelPair>,
    first_retry: Duration,
    max_retry: Duration,
}

/// Why a profile did not arrive.
enum Failure {
    /// It may the next time, which is not to be before so long.
    Passing(String, Duration),
    /// It never will.
    Final(String),
}

impl Client {
    pub(super) fn new(pusher: &Pusher) -> Result<Client, InvalidPusher> {
        let url = format!("{}/push.v1.PusherService/Push", pusher.url.trim_end_matches('/'));
        let invalid = |why: &str| InvalidPusher(format!("{:?}: {why}", pusher.url));
        if !pusher.url.starts_with("http://") && !pusher.url.starts_with("https://") {
            return Err(invalid("it must begin with http:// or https://"));
        }
        let uri: Uri = url.parse().map_err(|_| invalid("this is no address"))?;
        match uri.scheme_str() {
            _ if uri.host().is_none_or(str::is_empty) => {
                return Err(invalid("there is no host in it"));
            }
            Some("https") if cfg!(feature = "push-tls") => {}
            Some("https") => return Err(invalid("https needs holdup's feature push-tls")),
            _ => {}
        }
        let mut headers = Vec::new();
        for (name, value) in &pusher.headers {
            let mut value = HeaderValue::from_str(value).map_err(|_| {
                InvalidPusher(format!("the value of {name} has characters that no header may have"))
            })?;
            value.set_sensitive(true);
            headers.push((*name, value));
        }
        let config = Agent::config_builder()
            .timeout_global(Some(pusher.timeout))
            .http_status_as_error(false)
            // What a server elsewhere is told must not depend on this one.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("holdup/", env!("CARGO_PKG_VERSION")));
        Ok(Client {
            agent: config.build().into(),
            url,
            headers,
            labels: labels(&pusher.labels)?,
            first_retry: pusher.first_retry,
            max_retry: pusher.max_retry,
        })
    }

    /// Sends what comes, until nothing more will.
    pub(super) fn work(self, queue: &Queue) {
        let mut failures = 0;
        while let Some(item) = queue.next() {
            match self.send(&item.profile) {
                Ok(()) => {
                    failures = 0;
                    queue.pushed();
                }
                Err(Failure::Final(error)) => queue.dropped(&error),
                // It was told to stop, before or while it sent: this was the last try.
                Err(Failure::Passing(error, _)) if queue.wait(Duration::ZERO) => {
                    queue.all_dropped(&error);
                }
                Err(Failure::Passing(error, at_least)) => {
                    queue.again(item, error);
                    let pause = self.pause(failures).max(at_least);
                    failures = failures.saturating_add(1);
                    queue.wait(pause);
                }
            }
        }
    }

    /// How long to wait after so many failures in a row.
    fn pause(&self, failures: u32) -> Duration {
        let doubled =
            2_u32.checked_pow(failures).and_then(|times| self.first_retry.checked_mul(times));
        let pause = doubled.unwrap_or(self.max_retry).min(self.max_retry);
        // Between half of it and all of it.
        pause.mul_f64(0.5 + random() as f64 / u64::MAX as f64 / 2.0)
    }

    fn send(&self, profile: &[u8]) -> Result<(), Failure> {
        let sample = RawSample { raw_profile: profile.to_vec(), id: uuid() };
        let series = RawProfileSeries { labels: self.labels.clone(), samples: vec![sample] };
        let message = PushRequest { series: vec![series] }.encode_to_vec();
        let body = compressed(&message)
            .map_err(|error| Failure::Final(format!("it could not be compressed: {error}")))?;
        let mut request = self
            .agent
            .post(&self.url)
            .header("content-type", "application/proto")
            .header("content-encoding", "gzip")
            .header("connect-protocol-version", "1");
        for (name, value) in &self.headers {
            request = request.header(*name, value.clone());
        }
        match request.send(&body[..]) {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(refused(answer)),
            Err(error) => Err(Failure::Passing(format!("{}: {error}", self.url), Duration::ZERO)),
        }
    }
}

/// Whether what a server refuses may be accepted later.
fn refused(mut answer: Response<ureq::Body>) -> Failure {
    let status = answer.status();
    let after = answer.headers().get("retry-after");
    let after = after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    // Whatever it says: not for ever.
    let after = Duration::from_secs(after.unwrap_or(0).min(300));
    let text = answer.body_mut().with_config().limit(MAX_ANSWER).lossy_utf8(true).read_to_string();
    let text = text.unwrap_or_default();
    let text: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    let error = format!("the server answered {status}: {text}");
    let passing = status.is_server_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    if passing { Failure::Passing(error, after) } else { Failure::Final(error) }
}

fn compressed(message: &[u8]) -> io::Result<Vec<u8>> {
    // The profile in it is compressed already.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(message)?;
    gzip.finish()
}

/// Those of the program, and those by which Pyroscope knows the kind of profile:
/// the same that it gives to the mutex profiles of Go.
fn labels(own: &[(String, String)]) -> Result<Vec<LabelPair>, InvalidPusher> {
    let mut labels = vec![("__name__", "mutex"), ("__delta__", "false")];
    labels.extend(own.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    labels.sort_unstable();
    for (name, value) in &labels {
        let mut bytes = name.bytes();
        let good = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !good {
            return Err(InvalidPusher(format!("{name:?} cannot be the name of a label")));
        }
        if value.is_empty() {
            return Err(InvalidPusher(format!("the label {name} is empty")));
        }
    }
    if let Some(twice) = labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(InvalidPusher(format!("the label {} comes twice", twice[0].0)));
    }
    let pair =
        |(name, value): (&str, &str)| LabelPair { name: name.to_owned(), value: value.to_owned() };
    Ok(labels.into_iter().map(pair).collect())
}

/// Another number each time: the standard library seeds its hashers so.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// A random one, version 4.
fn uuid() -> String {
    let (a, b) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        b >> 48 & 0x3fff | 0x8000,
        b & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_differ() {
        let pusher = Pusher::new("http://localhost:4040", "test");
        let client = Client::new(&pusher).unwrap();
        for (failures, full) in [(0, 500), (1, 1000), (3, 4000), (6, 30_000), (u32::MAX, 30_000)] {
            let full = Duration::from_millis(full);
            for _ in 0..100 {
                let pause = client.pause(failures);
                assert!(pause >= full / 2 && pause <= full, "{pause:?} of {full:?}");
            }
        }
        let pauses: std::collections::BTreeSet<_> = (0..100).map(|_| client.pause(9)).collect();
        assert!(pauses.len() > 50);
    }

    #[test]
    fn a_uuid_has_its_version_and_variant() {
        let uuid = uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&uuid.as_bytes()[19]), "{uuid}");
    }

    #[test]
    fn what_cannot_work_is_said_before_it_starts() {
        let new = |url: &str| Pusher::new(url, "test");
        for (pusher, why) in [
            (new(""), "http"),
            (new("localhost:4040"), "http"),
            (new("ftp://localhost"), "http"),
            (new("http://"), ""),
            (new("http://a b"), "address"),
            (new("http://a").label("", "x"), "name of a label"),
            (new("http://a").label("a-b", "x"), "name of a label"),
            (new("http://a").label("1a", "x"), "name of a label"),
            (new("http://a").label("a", ""), "empty"),
            (new("http://a").label("service_name", "x"), "twice"),
            (new("http://a").label("__name__", "x"), "twice"),
            (new("http://a").bearer_token("a\nb"), "header"),
            (Pusher::new("http://a", ""), "empty"),
        ] {
            let error = Client::new(&pusher).err().map(|error| error.to_string());
            assert!(
                error.as_ref().is_some_and(|error| error.contains(why)),
                "{pusher:?}: {error:?}"
            );
        }
        assert_eq!(Client::new(&new("https://a")).is_ok(), cfg!(feature = "push-tls"));
    }
}
