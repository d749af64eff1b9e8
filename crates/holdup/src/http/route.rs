//! What a request asks for, by its method, path and query.

use super::answer::{self, Answer};
use crate::profile::Contents;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use std::time::Duration;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Index,
    /// Below /debug/pprof/, in the manner of Go's.
    Pprof {
        whose: Whose,
        debug: bool,
        seconds: Option<Duration>,
    },
    /// Below /debug/holdup/.
    File {
        form: Form,
        seconds: Option<Duration>,
    },
    Page,
    /// Who waits right now.
    Live,
    Metrics,
}

/// The two profiles that Go has of contention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// `mutex`: by the stacks that held others up.
    Culprits,
    /// `block`: by those who waited.
    Victims,
}

impl Whose {
    pub(super) fn contents(self) -> Contents {
        match self {
            Whose::Culprits => Contents::Blame,
            Whose::Victims => Contents::Victims,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Text,
    Folded,
    Pprof,
}

/// Reads a request; the error is its answer.
pub(super) fn asked(parts: &Parts, max: Duration) -> Result<Asked, Box<Answer>> {
    let refuse = |status, text: &str| Err(Box::new(answer::error(status, text)));
    if parts.method != Method::GET && parts.method != Method::HEAD {
        let mut answer = answer::error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Err(Box::new(answer));
    }
    // A path names no file: it is one of these, to the letter, or unknown.
    let path = parts.uri.path();
    if let Some(name) = path.strip_prefix("/debug/pprof/") {
        let whose = match name {
            "" => return Ok(Asked::Index),
            "mutex" => Whose::Culprits,
            "block" => Whose::Victims,
            _ => return refuse(StatusCode::NOT_FOUND, "Unknown profile"),
        };
        let seconds = seconds(parts, max)?;
        // As Go reads numbers here: what is none is zero.
        let debug = parameter(parts, "debug")
            .is_some_and(|text| text.parse::<i64>().is_ok_and(|number| number != 0));
        if debug && seconds.is_some() {
            return refuse(StatusCode::BAD_REQUEST, "seconds and debug params are incompatible");
        }
        return Ok(Asked::Pprof { whose, debug, seconds });
    }
    let form = match path {
        "/debug/pprof" => return Err(Box::new(answer::moved("/debug/pprof/"))),
        "/debug/holdup" => return Err(Box::new(answer::moved("/debug/holdup/"))),
        "/debug/holdup/" => return Ok(Asked::Page),
        "/debug/holdup/live" => return Ok(Asked::Live),
        "/metrics" => return Ok(Asked::Metrics),
        "/debug/holdup/profile.json" => Form::Json,
        "/debug/holdup/profile.txt" => Form::Text,
        "/debug/holdup/profile.folded" => Form::Folded,
        "/debug/holdup/profile.pb.gz" => Form::Pprof,
        _ => return refuse(StatusCode::NOT_FOUND, "404 page not found"),
    };
    Ok(Asked::File { form, seconds: seconds(parts, max)? })
}

/// The first value of a parameter of the query.
fn parameter<'a>(parts: &'a Parts, name: &str) -> Option<std::borrow::Cow<'a, str>> {
    let query = parts.uri.query()?.as_bytes();
    form_urlencoded::parse(query).find(|(key, _)| key == name).map(|(_, value)| value)
}

/// The parameter `seconds`: how long to record, if the past is not asked for.
fn seconds(parts: &Parts, max: Duration) -> Result<Option<Duration>, Box<Answer>> {
    let refuse = |text: &str| Err(Box::new(answer::error(StatusCode::BAD_REQUEST, text)));
    let Some(text) = parameter(parts, "seconds").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match text.parse::<i64>() {
        Ok(seconds @ 1..) => {
            let seconds = Duration::from_secs(seconds.unsigned_abs());
            if seconds > max {
                let max = max.as_secs();
                return refuse(&format!("profile duration exceeds the limit of {max} seconds"));
            }
            Ok(Some(seconds))
        }
        _ => refuse("invalid value for \"seconds\" - must be a positive integer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(uri: &str) -> Result<Asked, (u16, String)> {
        let parts = http::Request::get(uri).body(()).unwrap().into_parts().0;
        asked(&parts, Duration::from_secs(60)).map_err(|answer| {
            (answer.status().as_u16(), String::from_utf8(answer.into_body()).unwrap())
        })
    }

    #[test]
    fn a_query_says_how_long_and_in_which_form() {
        let culprits = |debug, seconds| {
            let seconds = Option::<u64>::map(seconds, Duration::from_secs);
            Ok(Asked::Pprof { whose: Whose::Culprits, debug, seconds })
        };
        for (query, expected) in [
            ("", culprits(false, None)),
            ("?seconds=60", culprits(false, Some(60))),
            ("?seconds=", culprits(false, None)),
            ("?x=%zz&&=&seconds=%32", culprits(false, Some(2))),
            ("?seconds=1&seconds=2", culprits(false, Some(1))),
            ("?debug=1", culprits(true, None)),
            ("?debug=2", culprits(true, None)),
            ("?debug=0", culprits(false, None)),
            ("?debug=no", culprits(false, None)),
            ("?debug=0&seconds=3", culprits(false, Some(3))),
        ] {
            assert_eq!(ask(&format!("/debug/pprof/mutex{query}")), expected, "{query}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_as_go_says_it() {
        let invalid = "invalid value for \"seconds\" - must be a positive integer\n";
        let not_found = "404 page not found\n";
        for (uri, status, text) in [
            ("/debug/pprof/mutex?seconds=0", 400, invalid),
            ("/debug/pprof/mutex?seconds=-1", 400, invalid),
            ("/debug/pprof/mutex?seconds=1.5", 400, invalid),
            ("/debug/pprof/mutex?seconds=x", 400, invalid),
            ("/debug/pprof/mutex?seconds=99999999999999999999", 400, invalid),
            ("/debug/holdup/profile.json?seconds=%ff", 400, invalid),
            (
                "/debug/pprof/mutex?seconds=61",
                400,
                "profile duration exceeds the limit of 60 seconds\n",
            ),
            (
                "/debug/pprof/mutex?seconds=1&debug=1",
                400,
                "seconds and debug params are incompatible\n",
            ),
            ("/debug/pprof/heap", 404, "Unknown profile\n"),
            ("/debug/pprof/../../etc/passwd", 404, "Unknown profile\n"),
            ("/debug/pprof/mutex/", 404, "Unknown profile\n"),
            ("/debug/pprof/%6dutex", 404, "Unknown profile\n"),
            ("/debug/holdup/../../etc/passwd", 404, not_found),
            ("/debug/holdup/%2e%2e/profile.json", 404, not_found),
            ("//debug/pprof/mutex", 404, not_found),
            ("/", 404, not_found),
        ] {
            assert_eq!(ask(uri), Err((status, text.to_owned())), "{uri}");
        }
    }

    #[test]
    fn nothing_but_reading_is_allowed() {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let request = http::Request::builder().method(method).uri("/metrics").body(());
            let answer =
                asked(&request.unwrap().into_parts().0, Duration::from_secs(1)).unwrap_err();
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["allow"]),
                (405, &HeaderValue::from_static("GET, HEAD"))
            );
        }
    }
}
