//! A runtime with several workers: tasks, timers, channels of each kind, TCP,
//! files, and blocking work, all at once.

use patch_loads::held_up;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, broadcast, mpsc, watch};
use tokio::task::{JoinSet, spawn, spawn_blocking};

const TASKS: u64 = 200;

fn main() {
    held_up("tokio::", || {
        let runtime = Builder::new_multi_thread()
            .worker_threads(4)
            .max_blocking_threads(8)
            .enable_all()
            .build()
            .expect("the runtime starts");
        runtime.block_on(async {
            let all = tokio::join!(
                spawn(pipeline()),
                spawn(blocking()),
                spawn(watching()),
                spawn(broadcasting()),
                spawn(echo()),
                spawn(limited()),
            );
            all.0.expect("pipeline");
            all.1.expect("blocking");
            all.2.expect("watching");
            all.3.expect("broadcasting");
            all.4.expect("echo");
            all.5.expect("limited");
        });
        // Ends and joins all threads.
        drop(runtime);
    });
}

/// Many senders, one receiver, with pauses.
async fn pipeline() {
    let (sender, mut receiver) = mpsc::channel(8);
    for task in 0..TASKS {
        let sender = sender.clone();
        spawn(async move {
            tokio::time::sleep(Duration::from_micros(task * 10)).await;
            sender.send(task).await.expect("the receiver is there");
        });
    }
    drop(sender);
    let mut sum = 0;
    while let Some(task) = receiver.recv().await {
        sum += task;
    }
    assert_eq!(sum, TASKS * (TASKS - 1) / 2);
}

/// The pool of blocking threads: its queue is behind a lock and a condition
/// variable.
async fn blocking() {
    let mut set = JoinSet::new();
    for task in 0..TASKS {
        set.spawn(async move { spawn_blocking(move || task * 2).await.expect("ran") });
    }
    let mut sum = 0;
    while let Some(result) = set.join_next().await {
        sum += result.expect("joined");
    }
    assert_eq!(sum, TASKS * (TASKS - 1));
}

/// A value that readers look at for a while: whoever changes it waits for them.
async fn watching() {
    let (sender, receiver) = watch::channel(0_u64);
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let receiver = receiver.clone();
            spawn_blocking(move || {
                let mut last = 0;
                for _ in 0..20 {
                    let value = receiver.borrow();
                    std::thread::sleep(Duration::from_micros(300));
                    assert!(*value >= last, "values only grow");
                    last = *value;
                }
            })
        })
        .collect();
    let writer = spawn_blocking(move || {
        for _ in 0..20 {
            sender.send_modify(|value| {
                std::thread::sleep(Duration::from_micros(300));
                *value += 1;
            });
        }
        assert_eq!(*sender.borrow(), 20);
    });
    writer.await.expect("written");
    for reader in readers {
        reader.await.expect("read");
    }
}

/// Each receiver sees each message.
async fn broadcasting() {
    let (sender, _) = broadcast::channel(TASKS as usize);
    let receivers: Vec<_> = (0..4)
        .map(|_| {
            let mut receiver = sender.subscribe();
            spawn(async move {
                for expected in 0..TASKS {
                    assert_eq!(receiver.recv().await, Ok(expected));
                }
            })
        })
        .collect();
    for message in 0..TASKS {
        sender.send(message).expect("somebody receives");
    }
    for receiver in receivers {
        receiver.await.expect("received");
    }
}

/// Bytes there and back, over the loopback interface.
async fn echo() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("bound");
    let server = spawn(async move {
        for _ in 0..20 {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await.expect("echoed");
            });
        }
    });
    let mut clients = JoinSet::new();
    for client in 0..20_u8 {
        clients.spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("connected");
            stream.write_all(&[client; 4096]).await.expect("sent");
            let mut back = vec![0; 4096];
            stream.read_exact(&mut back).await.expect("received");
            assert!(back.iter().all(|&byte| byte == client));
        });
    }
    while let Some(client) = clients.join_next().await {
        client.expect("echoed");
    }
    server.await.expect("served");
}

/// No more at once than there are permits.
async fn limited() {
    let permits = Arc::new(Semaphore::new(3));
    let mut set = JoinSet::new();
    for _ in 0..TASKS {
        let permits = permits.clone();
        set.spawn(async move {
            let _permit = permits.acquire().await.expect("open");
            assert!(permits.available_permits() < 3);
            tokio::task::yield_now().await;
        });
    }
    while let Some(result) = set.join_next().await {
        result.expect("done");
    }
    assert_eq!(permits.available_permits(), 3);
}
