//! A proxy before fixcore that does not pass websockets on: calls work, and no action ever comes.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use fixworker_tests::core::{Fixcore, SUBSCRIBER};
use fixworker_tests::worker::WorkerOptions;

/// Headers of one hop, which a proxy keeps to itself.
const OF_ONE_HOP: [&str; 3] = ["upgrade:", "connection:", "sec-websocket-"];

/// A proxy before this address; its own address. It lives as long as the test.
fn proxy(upstream: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let upstream = upstream.clone();
            thread::spawn(move || pass(&client, &upstream));
        }
    });
    format!("http://{address}")
}

/// One request and its answer. What breaks is the worker's to notice.
fn pass(client: &TcpStream, upstream: &str) -> Option<()> {
    let mut request = BufReader::new(client);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        request.read_line(&mut line).ok()?;
        let name = line.to_lowercase();
        if let Some(told) = name.strip_prefix("content-length:") {
            length = told.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
        if !OF_ONE_HOP.iter().any(|header| name.starts_with(header)) {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    request.read_exact(&mut body).ok()?;
    let mut core = TcpStream::connect(upstream).ok()?;
    core.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).ok()?;
    core.write_all(&body).ok()?;
    std::io::copy(&mut core, &mut &*client).ok()?;
    client.shutdown(Shutdown::Both).ok()
}

#[test]
fn websockets_that_never_come_up_are_told_and_the_worker_is_not_ready() {
    let Some(core) = Fixcore::http() else { return };
    let upstream = core.uri().strip_prefix("http://").unwrap().to_owned();
    let mut worker = WorkerOptions::new(&core, "example").uri(&proxy(upstream)).launch();
    for name in ["actions", "events"] {
        worker.await_log(&format!("the websocket of {name} is not connected: fixcore answered 400"));
    }
    worker.await_log("a proxy before fixcore has to pass websockets on");
    let log = worker.log();
    let told = log.lines().filter(|line| line.contains("the websocket of actions") && line.contains("WARN"));
    assert_eq!(told.count(), 1, "a cause is told once: {log}");
    assert!(!log.contains("\"message\":\"ready\""), "{log}");
    assert!(!core.is_connected(SUBSCRIBER));
    assert_eq!(worker.stop(), 0);
}
