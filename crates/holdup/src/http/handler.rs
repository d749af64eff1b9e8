//! From a request to its response.

use super::answer::{self, Answer};
use super::index;
use super::jobs::{self, Coming, Jobs, OnThisThread, Wait};
use super::route::{self, Asked, Form, Whose};
use super::token::Token;
use crate::metrics::Format;
use crate::profile::memory::GiveBack;
use crate::profile::{self, Profile};
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Answers requests for profiles and metrics. See the [module](super) for the
/// paths.
///
/// Cheap to clone; clones count as one where there are limits.
///
/// ```
/// use std::time::Duration;
/// let handler = holdup::http::Handler::new().max_duration(Duration::from_secs(30));
/// let request = http::Request::get("/debug/pprof/mutex?seconds=31").body(())?;
/// let response = handler.respond(&request.into_parts().0);
/// assert_eq!(response.status(), 400);
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Handler {
    token: Option<Token>,
    max_duration: Duration,
    max_at_once: usize,
    jobs: Arc<Jobs>,
}

impl Default for Handler {
    fn default() -> Handler {
        Handler::new()
    }
}

impl Handler {
    /// A handler that answers everybody: with profiles of at most ten minutes,
    /// eight at the same time.
    #[must_use]
    pub fn new() -> Handler {
        Handler {
            token: None,
            max_duration: Duration::from_secs(600),
            max_at_once: 8,
            jobs: Arc::default(),
        }
    }

    /// Answers only who shows `token`: in a header `Authorization: Bearer token`,
    /// or as a password (`go tool pprof http://:token@host/debug/pprof/mutex`).
    /// Anybody else gets 401. How long the comparison takes does not depend on
    /// what was shown, except for its length.
    #[must_use]
    pub fn token(self, token: impl Into<String>) -> Handler {
        Handler { token: Some(Token::new(token.into())), ..self }
    }

    /// How long the parameter `seconds` may make a request wait. More is 400.
    #[must_use]
    pub fn max_duration(self, max: Duration) -> Handler {
        Handler { max_duration: max, ..self }
    }

    /// How many profiles may be taken at the same time: each has a thread, and
    /// memory for the names in the program. More are answered with 503. The
    /// index and the metrics are always answered.
    #[must_use]
    pub fn max_at_once(self, max: usize) -> Handler {
        Handler { max_at_once: max, ..self }
    }

    /// How long a request may take from the handler's side, without names.
    #[cfg(feature = "serve")]
    pub(super) fn longest_wait(&self) -> Duration {
        self.max_duration
    }

    /// The response to a request, from the future that this returns: it waits
    /// without blocking the thread that polls it, and needs no particular
    /// runtime. All but the index and the metrics (some microseconds for each
    /// lock) is done by a thread for this request alone; see the
    /// [module](super).
    ///
    /// The body is complete, and holds no more than the profile. Panics never.
    pub fn call(&self, request: &Parts) -> ResponseFuture {
        ResponseFuture(match self.begin(request) {
            Begun::Answered(answer) => State::Ready(Some(answer)),
            Begun::Work { asked, place } => match jobs::start(place, move |wait| work(asked, wait))
            {
                Ok(coming) => State::Coming(coming),
                Err(error) => State::Ready(Some(no_thread(&error))),
            },
        })
    }

    /// The response to a request, from the calling thread: with `seconds` it
    /// takes that long. For servers that give each request a thread.
    pub fn respond(&self, request: &Parts) -> Response<Vec<u8>> {
        match self.begin(request) {
            Begun::Answered(answer) => answer,
            Begun::Work { asked, place } => {
                let answer = work(asked, &OnThisThread);
                drop(place);
                answer.unwrap_or_else(failed)
            }
        }
    }

    /// As far as a request can be answered at once.
    fn begin(&self, request: &Parts) -> Begun {
        let read = match &self.token {
            Some(token) => token.check(request),
            None => Ok(()),
        };
        let asked = match read.and_then(|()| route::asked(request, self.max_duration)) {
            Ok(asked) => asked,
            Err(answer) => return Begun::Answered(*answer),
        };
        if request.method == Method::HEAD {
            return Begun::Answered(head(asked, format_of(request)));
        }
        match asked {
            Asked::Index => Begun::Answered(html(index::page().into_bytes())),
            Asked::Metrics => Begun::Answered(metrics(format_of(request))),
            Asked::Page => Begun::Answered(page()),
            Asked::Pprof { .. } | Asked::File { .. } | Asked::Live => {
                match self.jobs.place(self.max_at_once) {
                    Some(place) => Begun::Work { asked, place },
                    None => Begun::Answered(answer::error(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "too many profiles are being taken",
                    )),
                }
            }
        }
    }
}

enum Begun {
    Answered(Answer),
    Work { asked: Asked, place: jobs::Place },
}

/// Comes to a response; see [`Handler::call`]. When it is dropped before, the
/// wait for a profile of the next seconds ends.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct ResponseFuture(State);

#[derive(Debug)]
enum State {
    Ready(Option<Answer>),
    Coming(Coming),
}

impl Future for ResponseFuture {
    type Output = Response<Vec<u8>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Response<Vec<u8>>> {
        match &mut self.get_mut().0 {
            State::Ready(answer) => Poll::Ready(answer.take().unwrap_or_else(failed)),
            // That there is no answer means that the thread panicked.
            State::Coming(coming) => Pin::new(&mut coming.answer)
                .poll(context)
                .map(|answer| answer.unwrap_or_else(|_| failed())),
        }
    }
}

/// What takes time. `None` when the answer is not wanted any more.
fn work(asked: Asked, wait: &dyn Wait) -> Option<Answer> {
    let seconds = match asked {
        Asked::Pprof { seconds, .. } | Asked::File { seconds, .. } => seconds,
        Asked::Live => return Some(live().unwrap_or_else(|_| failed())),
        Asked::Index | Asked::Page | Asked::Metrics => None,
    };
    let profile = match seconds {
        None => profile::snapshot(),
        Some(seconds) => {
            let before = profile::snapshot();
            if !wait.wait(seconds) {
                return None;
            }
            profile::snapshot().since(&before)
        }
    };
    let memory = GiveBack::later();
    let answer = write(asked, &profile);
    drop(profile);
    drop(memory);
    Some(answer.unwrap_or_else(|_| failed()))
}

fn write(asked: Asked, profile: &Profile) -> io::Result<Answer> {
    let mut body = Vec::new();
    let ok = |content_type, body| Ok(answer::answer(StatusCode::OK, content_type, body));
    match asked {
        Asked::Pprof { whose, debug: true, .. } => {
            profile.write_go_text(whose.contents(), &mut body)?;
            ok(answer::TEXT, body)
        }
        Asked::Pprof { whose, seconds, .. } => {
            profile.write_pprof_of(whose.contents(), &mut body)?;
            Ok(answer::attachment(file_name(whose, seconds), body))
        }
        Asked::File { form: Form::Json, .. } => {
            profile.write_json(&mut body)?;
            ok(answer::JSON, body)
        }
        Asked::File { form: Form::Text, .. } => {
            profile.write_text(&mut body)?;
            ok(answer::TEXT, body)
        }
        Asked::File { form: Form::Folded, .. } => {
            profile.write_folded(&mut body)?;
            ok(answer::TEXT, body)
        }
        Asked::File { form: Form::Pprof, .. } => {
            profile.write_pprof(&mut body)?;
            Ok(answer::attachment("holdup.pb.gz", body))
        }
        // Answered before it came to work.
        Asked::Index | Asked::Page | Asked::Live | Asked::Metrics => Ok(failed()),
    }
}

/// As Go names them.
fn file_name(whose: Whose, seconds: Option<Duration>) -> &'static str {
    match (whose, seconds) {
        (Whose::Culprits, None) => "mutex",
        (Whose::Culprits, Some(_)) => "mutex-delta",
        (Whose::Victims, None) => "block",
        (Whose::Victims, Some(_)) => "block-delta",
    }
}

/// The headers alone, without any work.
fn head(asked: Asked, metrics: Format) -> Answer {
    let ok = |content_type| answer::answer(StatusCode::OK, content_type, Vec::new());
    match asked {
        Asked::Index | Asked::Page => ok(answer::HTML),
        Asked::Metrics => ok(metrics.content_type()),
        Asked::Pprof { debug: true, .. } => ok(answer::TEXT),
        Asked::Pprof { whose, seconds, .. } => {
            answer::attachment(file_name(whose, seconds), Vec::new())
        }
        Asked::File { form: Form::Json, .. } | Asked::Live => ok(answer::JSON),
        Asked::File { form: Form::Text | Form::Folded, .. } => ok(answer::TEXT),
        Asked::File { form: Form::Pprof, .. } => answer::attachment("holdup.pb.gz", Vec::new()),
    }
}

/// Who waits right now, and where.
fn live() -> io::Result<Answer> {
    let live = crate::live();
    let memory = GiveBack::later();
    let mut body = Vec::new();
    live.write_json(&mut body)?;
    drop(memory);
    Ok(answer::answer(StatusCode::OK, answer::JSON, body))
}

fn html(body: Vec<u8>) -> Answer {
    answer::answer(StatusCode::OK, answer::HTML, body)
}

/// The page, which asks for the profile by itself, again and again.
fn page() -> Answer {
    let program = std::env::current_exe().ok();
    let program = program.as_ref().and_then(|path| path.file_name());
    let title = program.map_or_else(|| "this program".into(), |name| name.to_string_lossy());
    let (url, waiting) = ("profile.json", Some("live"));
    let source = holdup_page::Source::Live { title: &title, url, waiting };
    let page = holdup_page::page(source);
    let mut answer = html(page.into_bytes());
    // The rest of its policy is in the document; this is only heeded here.
    let policy = HeaderValue::from_static("frame-ancestors 'none'");
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    answer
}

fn metrics(format: Format) -> Answer {
    let text = crate::metrics::text(format).into_bytes();
    answer::answer(StatusCode::OK, format.content_type(), text)
}

fn format_of(request: &Parts) -> Format {
    let accept = request.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    Format::accepted_by(accept.unwrap_or(""))
}

fn failed() -> Answer {
    answer::error(StatusCode::INTERNAL_SERVER_ERROR, "the profile could not be made")
}

fn no_thread(error: &io::Error) -> Answer {
    let text = format!("no thread could be started: {error}");
    answer::error(StatusCode::SERVICE_UNAVAILABLE, &text)
}
