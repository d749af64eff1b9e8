//! The handler for any framework: what it answers, and that it waits nowhere.
#![cfg(feature = "http")]

mod common;

use common::{stay, wait_until, waiters};
use holdup::http::{Handler, ResponseFuture};
use holdup::profile::{Kind, Profile};
use holdup::{Mutex, named_mutex};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

static ORDERS: Mutex<u64> = named_mutex!("http: orders", 0);

#[inline(never)]
fn hold_up_somebody(length: Duration) {
    let guard = ORDERS.lock();
    std::thread::scope(|scope| {
        scope.spawn(|| *ORDERS.lock() += 1);
        wait_until(|| waiters(&ORDERS) == 1);
        stay(length);
        drop(guard);
    });
}

fn get(uri: &str) -> Parts {
    Request::get(uri).body(()).unwrap().into_parts().0
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The least that can run a future.
fn block_on(future: ResponseFuture) -> Response<Vec<u8>> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(response) => return response,
            Poll::Pending => std::thread::park(),
        }
    }
}

fn header<'a>(response: &'a Response<Vec<u8>>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn the_profile_names_the_culprit_with_the_headers_that_go_sends() {
    hold_up_somebody(Duration::from_millis(50));
    let handler = Handler::new();
    for response in [
        handler.respond(&get("/debug/pprof/mutex")),
        block_on(handler.call(&get("/debug/pprof/mutex"))),
    ] {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-type"), "application/octet-stream");
        assert_eq!(header(&response, "content-disposition"), "attachment; filename=\"mutex\"");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        let profile = Profile::read_pprof(&response.body()[..]).unwrap();
        let blame: Vec<_> = profile
            .samples()
            .iter()
            .filter(|sample| sample.lock == "http: orders" && sample.kind == Kind::Blame)
            .collect();
        assert!(blame[0].stack[0].function.contains("hold_up_somebody"), "{blame:?}");
    }
    let text = handler.respond(&get("/debug/pprof/mutex?debug=1"));
    assert_eq!(header(&text, "content-type"), "text/plain; charset=utf-8");
    let text = std::str::from_utf8(text.body()).unwrap();
    assert!(
        text.starts_with("--- mutex:\ncycles/second=1000000000\nsampling period=1\n"),
        "{text}"
    );
    assert!(text.contains("hold_up_somebody"), "{text}");
}

#[test]
fn a_profile_of_the_next_seconds_has_nothing_from_before_and_blocks_no_executor() {
    hold_up_somebody(Duration::from_millis(20));
    let before = holdup::profile::snapshot();
    let handler = Handler::new();
    let mut coming = pin!(handler.call(&get("/debug/pprof/mutex?seconds=1")));
    let asked = Instant::now();
    // Whoever polls gets its thread back: the second is not over.
    let poll = coming.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll.is_pending());
    // All the time, so that something is in that second, whenever it begins.
    let response = loop {
        hold_up_somebody(Duration::from_millis(5));
        match coming.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(response) => break response,
            Poll::Pending => {}
        }
    };
    assert!(asked.elapsed() >= Duration::from_secs(1));
    let after = holdup::profile::snapshot().since(&before);
    assert_eq!(header(&response, "content-disposition"), "attachment; filename=\"mutex-delta\"");
    let profile = Profile::read_pprof(&response.body()[..]).unwrap();
    assert!(profile.duration() >= Duration::from_secs(1));
    let delta = profile.totals_of("http: orders").unwrap_or_default();
    let most = after.totals_of("http: orders").unwrap();
    // Other tests of this file may hold up somebody at the same time.
    assert!(delta.contentions <= most.contentions && delta.waited <= most.waited);
    assert!(delta.waited >= Duration::from_millis(5), "{delta:?}");
}

#[test]
fn who_waited_is_in_the_block_profile() {
    hold_up_somebody(Duration::from_millis(20));
    let response = Handler::new().respond(&get("/debug/pprof/block"));
    assert_eq!(header(&response, "content-disposition"), "attachment; filename=\"block\"");
    let profile = Profile::read_pprof(&response.body()[..]).unwrap();
    let waited = |profile: &Profile| -> Duration {
        let samples = profile.samples().iter();
        samples.filter(|sample| sample.lock == "http: orders").map(|sample| sample.delay).sum()
    };
    assert!(waited(&profile) >= Duration::from_millis(20));
    let text = Handler::new().respond(&get("/debug/pprof/block?debug=1"));
    assert!(text.body().starts_with(b"--- contention:\ncycles/second=1000000000\n"));
}

#[test]
fn all_other_paths_answer_what_they_say() {
    let handler = Handler::new();
    for (path, content_type, begin) in [
        ("/debug/pprof/", "text/html; charset=utf-8", "<!DOCTYPE html>"),
        ("/debug/holdup/", "text/html; charset=utf-8", "<!doctype html>"),
        ("/debug/holdup/profile.json", "application/json", "{\"schema\":1,"),
        ("/debug/holdup/profile.txt", "text/plain; charset=utf-8", "Lock contention in "),
        ("/debug/holdup/profile.folded", "text/plain; charset=utf-8", ""),
        ("/debug/holdup/profile.pb.gz", "application/octet-stream", ""),
        ("/debug/holdup/live", "application/json", "{\"schema\":1,"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8", "# HELP holdup_"),
    ] {
        let response = handler.respond(&get(path));
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(header(&response, "content-type"), content_type, "{path}");
        assert!(response.body().starts_with(begin.as_bytes()), "{path}");
        // The same without a body, and without its work.
        let request = Request::head(path).body(()).unwrap();
        let head = handler.respond(&request.into_parts().0);
        assert_eq!((head.status(), head.body().len()), (StatusCode::OK, 0), "{path}");
        assert_eq!(header(&head, "content-type"), content_type, "{path}");
    }
    let moved = handler.respond(&get("/debug/pprof"));
    assert_eq!((moved.status().as_u16(), header(&moved, "location")), (301, "/debug/pprof/"));
    let unknown = handler.respond(&get("/debug/pprof/heap"));
    assert_eq!((unknown.status().as_u16(), header(&unknown, "x-go-pprof")), (404, "1"));
}

#[test]
fn every_link_of_the_index_leads_somewhere() {
    let handler = Handler::new();
    let page = handler.respond(&get("/debug/pprof/")).into_body();
    let page = String::from_utf8(page).unwrap();
    let links: Vec<&str> =
        page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.len() > 5, "{links:?}");
    for link in links {
        let path = match link.strip_prefix("../../") {
            Some(rest) => format!("/{rest}"),
            None => match link.strip_prefix("../") {
                Some(rest) => format!("/debug/{rest}"),
                None => format!("/debug/pprof/{link}"),
            },
        };
        assert_eq!(handler.respond(&get(&path)).status(), StatusCode::OK, "{link}");
    }
}

#[test]
fn more_profiles_than_may_be_taken_are_refused_until_one_is_given_up() {
    let handler = Handler::new().max_at_once(1);
    let mut first = handler.call(&get("/debug/pprof/mutex?seconds=600"));
    assert!(pin!(&mut first).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let refused = block_on(handler.clone().call(&get("/debug/pprof/mutex")));
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(handler.respond(&get("/metrics")).status(), StatusCode::OK);
    // Its thread would wait for ten minutes: that it ends shows in the place.
    drop(first);
    wait_until(|| handler.respond(&get("/debug/pprof/mutex")).status() == StatusCode::OK);
}

#[test]
fn without_the_token_nothing_is_told() {
    let handler = Handler::new().token("s3cret");
    for path in ["/", "/metrics", "/debug/pprof/", "/debug/pprof/mutex", "/debug/holdup/"] {
        let response = handler.respond(&get(path));
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(response.headers().get_all("www-authenticate").iter().count(), 2);
    }
    let mut request = get("/metrics");
    request.headers.insert("authorization", "Bearer s3cret".parse().unwrap());
    assert_eq!(handler.respond(&request).status(), StatusCode::OK);
}

#[test]
fn the_future_and_the_handler_may_go_to_other_threads() {
    fn assert<T: Send + 'static>() {}
    fn assert_shared<T: Send + Sync + Clone + 'static>() {}
    assert::<ResponseFuture>();
    assert_shared::<Handler>();
}
