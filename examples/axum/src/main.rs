//! An axum service with holdup's pages beside its own.
//!
//! ```text
//! cargo run --release -p holdup-example-axum -- 127.0.0.1:3000 --load
//! go tool pprof -top 'http://127.0.0.1:3000/debug/pprof/mutex?seconds=2'
//! curl http://127.0.0.1:3000/metrics
//! ```
//!
//! With `--load`, threads of its own hold each other up. Port 0 means a free one;
//! the address is printed.

mod load;

use anyhow::{Context, bail};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use holdup::http::Handler;
use holdup::metrics;
use holdup::{Mutex, named_mutex};
use std::io::Write;
use tokio::signal::unix::{SignalKind, signal};

/// What the service is about. Its name shows in profiles and metrics.
static ORDERS: Mutex<Vec<u64>> = named_mutex!("orders", Vec::new());

async fn order() -> String {
    let mut orders = ORDERS.lock();
    let number = orders.len() as u64;
    orders.push(number);
    format!("order {number}\n")
}

/// All below /debug/ is holdup's. It blocks no thread of the runtime.
async fn debug(State(handler): State<Handler>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    handler.call(&parts).await.map(Body::from).into_response()
}

/// holdup's metrics, and the service's own after them.
async fn metrics() -> impl IntoResponse {
    let format = metrics::Format::Prometheus;
    let text = metrics::text(format) + &load::metrics();
    ([(CONTENT_TYPE, format.content_type())], text)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut address = "127.0.0.1:3000".to_owned();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--load" => load::start()?,
            other if other.starts_with('-') => bail!("there is no option {other}"),
            other => other.clone_into(&mut address),
        }
    }
    let service = Router::new()
        .route("/order", get(order))
        .route("/metrics", get(metrics))
        .route("/debug/{*path}", any(debug))
        .with_state(Handler::new());
    let listener = tokio::net::TcpListener::bind(&address)
        .await
        .with_context(|| format!("cannot listen at {address}"))?;
    let address = listener.local_addr()?;
    println!("http://{address}/debug/pprof/");
    std::io::stdout().flush()?;
    // Returns from `main` at Ctrl-C and at SIGTERM, so that HOLDUP_PROFILE is written.
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    axum::serve(listener, service).with_graceful_shutdown(stop).await?;
    Ok(())
}
