//! A server of its own, for programs without one: [`serve`].

mod connection;

use super::Handler;
use connection::Connection;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Serves profiles and metrics at `address`, which must be of this machine alone
/// (`127.0.0.1:6060`, `[::1]:0`, `localhost:6060`), by a thread of its own.
/// Returns as soon as clients can connect. See [`Server`] for more choices, and
/// the [module](crate::http) for what is served.
///
/// It goes on until the program ends, or [`Running::stop`] is called; what this
/// returns may be dropped.
///
/// # Errors
///
/// When the address is not one of this machine alone, when it is taken, or when
/// no thread can be started.
///
/// ```
/// let running = holdup::serve("127.0.0.1:0")?;
/// println!("go tool pprof http://{}/debug/pprof/mutex", running.address());
/// running.stop();
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn serve(address: impl ToSocketAddrs) -> io::Result<Running> {
    Server::new().start(address)
}

/// A server with its limits.
///
/// ```
/// use std::time::Duration;
/// let running = holdup::http::Server::new()
///     .handler(holdup::http::Handler::new().token("not for everybody"))
///     .max_connections(16)
///     .header_timeout(Duration::from_secs(2))
///     .start("127.0.0.1:0")?;
/// running.stop();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Server {
    handler: Handler,
    any_address: bool,
    max_connections: usize,
    header_timeout: Duration,
    response_timeout: Duration,
}

impl Default for Server {
    fn default() -> Server {
        Server::new()
    }
}

impl Server {
    /// A server for this machine alone: for 64 connections, 5 seconds for a
    /// request to arrive, 60 for a response to be read.
    #[must_use]
    pub fn new() -> Server {
        Server {
            handler: Handler::new(),
            any_address: false,
            max_connections: 64,
            header_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(60),
        }
    }

    /// What answers the requests, with its own limits.
    #[must_use]
    pub fn handler(self, handler: Handler) -> Server {
        Server { handler, ..self }
    }

    /// Allows addresses that other machines reach. Profiles tell names of
    /// functions and files to whoever asks: give the handler a
    /// [token](Handler::token), and note that it crosses the network as it is,
    /// without encryption.
    #[must_use]
    pub fn any_address(self) -> Server {
        Server { any_address: true, ..self }
    }

    /// How many clients may be connected. More are told so (503), and
    /// disconnected at once.
    #[must_use]
    pub fn max_connections(self, max: usize) -> Server {
        Server { max_connections: max, ..self }
    }

    /// How long a client may take to send its request. Of the request, 8 KiB
    /// are read at most, more is 431; it is answered, and the connection closed.
    #[must_use]
    pub fn header_timeout(self, timeout: Duration) -> Server {
        Server { header_timeout: timeout, ..self }
    }

    /// How long a client may take to read a response, and how long looking up
    /// names may take before.
    #[must_use]
    pub fn response_timeout(self, timeout: Duration) -> Server {
        Server { response_timeout: timeout, ..self }
    }

    /// Starts to serve at `address`; see [`serve`].
    ///
    /// # Errors
    ///
    /// See [`serve`].
    pub fn start(self, address: impl ToSocketAddrs) -> io::Result<Running> {
        let addresses: Vec<SocketAddr> = address.to_socket_addrs()?.collect();
        if !self.any_address
            && let Some(open) = addresses.iter().find(|address| !address.ip().is_loopback())
        {
            let text =
                format!("{open} can be reached from other machines: see Server::any_address");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let listener = TcpListener::bind(&addresses[..])?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _context = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("holdup-serve".to_owned());
        let thread = thread.spawn(move || {
            runtime.block_on(async {
                tokio::spawn(self.accept(listener));
                // Whoever dropped the other end wants it to go on.
                if stopped.await.is_err() {
                    std::future::pending::<()>().await;
                }
            });
        })?;
        Ok(Running { address, stop: Some(stop), thread: Some(thread) })
    }

    async fn accept(self, listener: tokio::net::TcpListener) {
        let places = Arc::new(Semaphore::new(self.max_connections));
        let connection = Connection {
            handler: self.handler,
            loopback_only: !self.any_address,
            header_timeout: self.header_timeout,
            response_timeout: self.response_timeout,
        };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => match Arc::clone(&places).try_acquire_owned() {
                    Ok(place) => {
                        let connection = connection.clone();
                        tokio::spawn(async move {
                            connection.serve(TokioIo::new(stream)).await;
                            drop(place);
                        });
                    }
                    Err(_) => connection::refuse(&stream),
                },
                // Of this one client, or there are no file descriptors left:
                // that passes.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

/// A server that runs. When this is dropped, it goes on.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Where it serves: with the port that was chosen, if that was left open.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the server: closes all connections, and returns when its thread
    /// has ended. Profiles that are being taken for requests are dropped.
    pub fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
