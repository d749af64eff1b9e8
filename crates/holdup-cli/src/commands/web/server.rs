//! The server of `holdup web`: one page, on this machine alone.
//!
//! Who else can reach it? Other machines cannot: it listens on 127.0.0.1. Pages
//! from elsewhere, open in the same browser, cannot read it: they are of another
//! origin, and one that gives its own name this machine's address ("DNS
//! rebinding") is refused by that name. Other people on the same machine can,
//! as with every server on it.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use super::program::Program;

const MOST_CONNECTIONS: usize = 64;
/// For a request to arrive.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// For all of a connection: longer than a program may take to answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(180);

/// What is served.
pub struct Site {
    page: Bytes,
    policy: String,
    program: Option<Live>,
}

/// A program, for each of what it is asked for. Asked by one at a time, however many pages
/// are open; but a profile that takes long keeps nobody from seeing who waits now.
struct Live {
    profile: Arc<Mutex<Program>>,
    waiting: Arc<Mutex<Program>>,
}

impl Site {
    /// A page that has all it needs.
    pub fn fixed(page: String) -> Site {
        Site { page: page.into(), policy: holdup_page::embedded_policy(), program: None }
    }

    /// A page that asks for `profile.json` and `live`, which come from `program`.
    pub fn live(page: String, program: Program) -> Site {
        Site {
            page: page.into(),
            policy: holdup_page::live_policy(),
            program: Some(Live {
                profile: Arc::new(Mutex::new(program.clone())),
                waiting: Arc::new(Mutex::new(program)),
            }),
        }
    }
}

/// A server that has its port, and does not answer yet.
pub struct Server {
    listener: TcpListener,
    port: u16,
    site: Site,
}

impl Server {
    /// Takes `port`, or any that is free if it is 0.
    pub fn bind(port: u16, site: Site) -> anyhow::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::AddrInUse => "; choose another by --port, or leave it out",
                _ => "",
            };
            anyhow::anyhow!("cannot serve on 127.0.0.1:{port}: {error}{hint}")
        })?;
        let port = listener.local_addr()?.port();
        listener.set_nonblocking(true)?;
        Ok(Server { listener, port, site })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Serves until the program is ended.
    pub fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start to serve")?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            let site = Arc::new(self.site);
            let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
            loop {
                let place = Arc::clone(&places).acquire_owned().await?;
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let site = Arc::clone(&site);
                        tokio::spawn(async move {
                            // Whoever takes longer is gone, or means no good.
                            let _ = timeout(CONNECTION_TIMEOUT, connection(stream, site)).await;
                            drop(place);
                        });
                    }
                    // Of this one client, or no descriptors are left: that passes.
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        })
    }
}

/// Reads one request and answers it.
async fn connection(stream: TcpStream, site: Arc<Site>) {
    let service = service_fn(|request: Request<Incoming>| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(answer(&request, &site).await) }
    });
    // Errors are the client's, who is gone or speaks no HTTP; hyper told it.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

type Answer = Response<Full<Bytes>>;

async fn answer(request: &Request<Incoming>, site: &Site) -> Answer {
    if !names_this_machine(request.headers()) {
        let text = "this server answers to localhost and 127.0.0.1, not to other names\n";
        return text_answer(StatusCode::FORBIDDEN, text);
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut answer = text_answer(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    // hyper leaves the body of an answer to HEAD out.
    match (request.uri().path(), &site.program) {
        ("/", _) => {
            let mut answer =
                answer_of(StatusCode::OK, "text/html; charset=utf-8", site.page.clone());
            if let Ok(policy) = HeaderValue::from_str(&site.policy) {
                answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
            }
            answer
        }
        ("/profile.json", Some(live)) => {
            fetched(&live.profile, |program| program.fetch().map(Some)).await
        }
        ("/live", Some(live)) => fetched(&live.waiting, Program::fetch_waiting).await,
        _ => not_found(),
    }
}

/// What `fetch` gets of `program`; if that has no such thing, neither has this server.
async fn fetched(
    program: &Arc<Mutex<Program>>,
    fetch: fn(&Program) -> anyhow::Result<Option<String>>,
) -> Answer {
    let program = Arc::clone(program).lock_owned().await;
    match tokio::task::spawn_blocking(move || fetch(&program)).await {
        Ok(Ok(Some(json))) => answer_of(StatusCode::OK, "application/json", json.into()),
        Ok(Ok(None)) => not_found(),
        Ok(Err(error)) => text_answer(StatusCode::BAD_GATEWAY, &format!("{error:#}\n")),
        Err(_) => text_answer(StatusCode::INTERNAL_SERVER_ERROR, "fetching it failed\n"),
    }
}

fn not_found() -> Answer {
    text_answer(StatusCode::NOT_FOUND, "not found\n")
}

fn text_answer(status: StatusCode, text: &str) -> Answer {
    answer_of(status, "text/plain; charset=utf-8", text.to_owned().into())
}

fn answer_of(status: StatusCode, content: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, content),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Whether the client asked for this machine by a name that only it can mean,
/// with whatever port: a tunnel has its own.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(Ok(host)) = headers.get(header::HOST).map(HeaderValue::to_str) else {
        return false;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    let loopback = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    loopback || name.eq_ignore_ascii_case("localhost")
}
