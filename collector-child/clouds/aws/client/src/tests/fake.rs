//! A server that answers as it is told, well or badly.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Came {
    pub(super) line: String,
    head: String,
    pub(super) body: String,
    /// Which one it is, from 0.
    pub(super) number: usize,
}

impl Came {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim())
    }

    /// A parameter of the query protocols.
    pub(super) fn param(&self, name: &str) -> Option<String> {
        let pairs = self.body.split('&').filter_map(|pair| pair.split_once('='));
        let mut found = pairs.filter(|(known, _)| *known == name);
        found.next().map(|(_, value)| value.to_owned())
    }
}

/// What the server does.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// Status, headers (lines) and body.
    Whole(u16, String, String),
    /// It announces more than it sends, and closes.
    Cut(String),
    /// It closes at once.
    Reset,
    /// It says nothing until the other side gives up.
    Silent,
    /// It sends the body byte by byte, so slowly that the whole takes minutes.
    Drip(String),
    /// It sends these bytes.
    Raw(String),
}

pub(super) fn ok(body: impl Into<String>) -> Reply {
    Reply::Whole(200, String::new(), body.into())
}

/// An error of the query protocol.
pub(super) fn query_error(status: u16, code: &str, message: &str) -> Reply {
    Reply::Whole(
        status,
        String::new(),
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>req-1</RequestId></ErrorResponse>"
        ),
    )
}

/// A server on a free port of this machine, gone when it is dropped.
pub(super) struct Fake {
    port: u16,
    came: Arc<Mutex<Vec<Came>>>,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    pub(super) async fn new(reply: impl Fn(&Came) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let came: Arc<Mutex<Vec<Came>>> = Arc::default();
        let (reply, seen) = (Arc::new(reply), came.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (reply, seen) = (reply.clone(), seen.clone());
                tokio::spawn(async move { serve(stream, &*reply, &seen).await });
            }
        });
        Self { port, came, task }
    }

    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }
}

/// `None` when the connection is over.
async fn serve(
    mut stream: TcpStream,
    reply: &(dyn Fn(&Came) -> Reply + Send + Sync),
    seen: &Mutex<Vec<Came>>,
) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let mut came = request(&mut stream, &mut bytes).await?;
        {
            let mut seen = seen.lock().unwrap();
            came.number = seen.len();
            seen.push(came.clone());
        }
        match reply(&came) {
            Reply::Whole(status, headers, body) => {
                let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).await.ok()?;
            }
            Reply::Cut(body) => {
                let head = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n", body.len() + 100);
                stream.write_all(format!("{head}{body}").as_bytes()).await.ok()?;
                return None;
            }
            Reply::Reset => return None,
            Reply::Silent => std::future::pending().await,
            Reply::Drip(body) => {
                let head = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all(head.as_bytes()).await.ok()?;
                for byte in body.bytes() {
                    stream.write_all(&[byte]).await.ok()?;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            Reply::Raw(text) => {
                stream.write_all(text.as_bytes()).await.ok()?;
                return None;
            }
        }
    }
}

async fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Came> {
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, bytes).await?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let line = head.lines().next().unwrap_or_default().to_owned();
    let mut came = Came { line, head, body: String::new(), number: 0 };
    let length: usize = came.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        more(stream, bytes).await?;
    }
    came.body = String::from_utf8_lossy(&bytes[end..end + length]).into_owned();
    bytes.drain(..end + length);
    Some(came)
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(bytes).await.ok()?;
    (read > 0).then_some(())
}
