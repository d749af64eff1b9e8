//! Responses: their headers, and errors in the manner of Go's.

use http::{HeaderValue, Response, StatusCode, header};

/// What every body is.
pub(super) type Answer = Response<Vec<u8>>;

pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const JSON: &str = "application/json";
pub(super) const BYTES: &str = "application/octet-stream";

/// A response of which nothing is to be guessed or kept.
pub(super) fn answer(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// A file to be saved under `name`.
pub(super) fn attachment(name: &str, body: Vec<u8>) -> Answer {
    let mut answer = answer(StatusCode::OK, BYTES, body);
    let disposition = format!("attachment; filename=\"{name}\"");
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        answer.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    answer
}

/// An error as net/http/pprof says it: a line of text, and a header by which
/// `go tool pprof` knows that the text is for its user.
pub(super) fn error(status: StatusCode, text: &str) -> Answer {
    let mut answer = answer(status, TEXT, format!("{text}\n").into_bytes());
    answer.headers_mut().insert("x-go-pprof", HeaderValue::from_static("1"));
    answer
}

/// Leads to another path of this server.
pub(super) fn moved(to: &'static str) -> Answer {
    let mut answer = answer(StatusCode::MOVED_PERMANENTLY, TEXT, Vec::new());
    answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static(to));
    answer
}
