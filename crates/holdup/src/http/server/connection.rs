//! One connection: one request, one response, and a limit of time for each part.

use super::super::answer;
use super::super::{Handler, ResponseFuture};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// The longest head of a request, the least that hyper allows.
const MAX_HEAD: usize = 8192;
const MAX_HEADERS: usize = 64;

/// What connections have in common.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) handler: Handler,
    pub(super) loopback_only: bool,
    pub(super) header_timeout: Duration,
    pub(super) response_timeout: Duration,
}

impl Connection {
    /// Reads a request, answers it, and closes the connection.
    pub(super) async fn serve(self, stream: TokioIo<TcpStream>) {
        // When the connection is given up; later as its work goes on.
        let deadline = Arc::new(Mutex::new(Instant::now() + self.header_timeout));
        let get =
            |deadline: &Mutex<Instant>| *deadline.lock().unwrap_or_else(PoisonError::into_inner);
        let postpone = {
            let deadline = Arc::clone(&deadline);
            move |by| *deadline.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + by
        };
        let work = self.handler.longest_wait().saturating_add(self.response_timeout);
        let response_timeout = self.response_timeout;
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .keep_alive(false)
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .serve_connection(
                stream,
                service_fn(|request: Request<Incoming>| {
                    postpone(work);
                    let answer = self.answer(request);
                    let postpone = &postpone;
                    async move {
                        let response = match answer {
                            Ok(coming) => coming.await,
                            Err(answer) => *answer,
                        };
                        postpone(response_timeout);
                        Ok::<_, Infallible>(response.map(|body| Full::new(Bytes::from(body))))
                    }
                }),
            );
        let mut connection = pin!(connection);
        loop {
            let until = get(&deadline);
            // Errors are the client's: it is gone, or speaks no HTTP, which
            // hyper has told it.
            if timeout_at(until, &mut connection).await.is_ok() || get(&deadline) <= until {
                return;
            }
        }
    }

    fn answer(&self, request: Request<Incoming>) -> Result<ResponseFuture, Box<answer::Answer>> {
        let (parts, _) = request.into_parts();
        if self.loopback_only && !names_this_machine(&parts.headers) {
            let text = "this server answers to localhost and to addresses, not to other names";
            return Err(Box::new(answer::error(StatusCode::FORBIDDEN, text)));
        }
        Ok(self.handler.call(&parts))
    }
}

/// Whether the client asked for this machine by a name that only it can mean. A
/// page from elsewhere may have its own name point here, and so read what is
/// served here in the browser of whoever looks at it ("DNS rebinding"); but then
/// its own name is what the browser asks for.
fn names_this_machine(headers: &HeaderMap) -> bool {
    // HTTP/1.0 needs no name; a browser always sends one.
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Tells a client that there are too many, if that can be done without waiting.
pub(super) fn refuse(stream: &TcpStream) {
    const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\
        content-type: text/plain; charset=utf-8\r\ncontent-length: 21\r\n\r\ntoo many connections\n";
    // A new socket has room for it.
    let _ = stream.try_write(TOO_MANY);
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn names_that_may_be_somebody_elses_are_told_apart() {
        let asked = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
            names_this_machine(&headers)
        };
        for host in
            ["localhost", "LOCALHOST:6060", "127.0.0.1:6060", "127.0.0.1", "[::1]:80", "[::1]"]
        {
            assert!(asked(host), "{host}");
        }
        for host in [
            "evil.example:6060",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
        ] {
            assert!(!asked(host), "{host}");
        }
        assert!(names_this_machine(&HeaderMap::new()));
    }
}
