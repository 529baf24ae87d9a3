//! One run of a program: a request on its standard input, lines on its standard output, and words for people on its standard
//! error.

use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use collector::{Failure, FaultExt, Sink, fault};
use ipc_proto::fault::{Fault, FaultKind, Retry};
use ipc_proto::limits::MAX_NODE_JSON;
use ipc_proto::message::Progress;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use zeroize::Zeroizing;

use super::description::Description;
use super::words::Word;
use crate::file::record::Record;

/// A program that has said everything may tidy up, but not for ever.
const TIDYING: Duration = Duration::from_secs(5);
/// What a program complains about is told up to here.
const MOST_WORDS: usize = 300;

/// What a program says that is of interest to who has asked.
pub(super) enum Said<'a> {
    /// A part of the graph.
    Graph(Record<'a>),
    Word(Word),
}

/// A program that runs. It ends with this.
pub(super) struct Conversation<'a> {
    name: &'a str,
    sink: &'a dyn Sink,
    /// Where progress is shown.
    place: Vec<String>,
    child: Child,
    lines: BufReader<ChildStdout>,
    line: Vec<u8>,
    number: u64,
    complaint: Arc<Mutex<String>>,
}

impl<'a> Conversation<'a> {
    /// Starts the program and gives it its request. `place` is where progress is shown.
    pub(super) fn begin(
        description: &'a Description,
        request: &Value,
        place: Vec<String>,
        sink: &'a dyn Sink,
    ) -> Result<Self, Failure> {
        let name = description.collector.as_str();
        let mut child = start(&description.command)
            .map_err(|error| trouble(format!("the program of {name} cannot be started: {error}")))?;
        let parts = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = parts else {
            return Err(trouble(format!("the program of {name} has no standard streams")).into());
        };
        let complaint = Arc::new(Mutex::new(String::new()));
        tokio::spawn(tell(stdin, Zeroizing::new(format!("{request}\n"))));
        tokio::spawn(listen(name.to_owned(), stderr, Arc::clone(&complaint)));
        let (lines, line) = (BufReader::new(stdout), Vec::new());
        Ok(Self { name, sink, place, child, lines, line, number: 0, complaint })
    }

    /// What it says next; `None` if it is done.
    pub(super) async fn next(&mut self) -> Result<Option<Said<'_>>, Failure> {
        let strange = loop {
            self.read().await?;
            self.sink.work(1);
            match Word::parse(&self.line) {
                Ok(Word::Step(step)) => self.sink.step(step),
                Ok(Word::Fault(trouble)) => self.sink.fault(trouble.fault()),
                Ok(Word::Progress(super::words::Progress { name, current, total })) => {
                    self.sink.progress(Progress { path: self.place.clone(), name, current, total });
                }
                Ok(Word::Error(trouble)) => return Err(trouble.fault().into()),
                Ok(Word::Done(_)) => {
                    self.tidied().await;
                    return Ok(None);
                }
                Ok(word) => return Ok(Some(Said::Word(word))),
                Err(strange) => break strange,
            }
        };
        let (name, number) = (self.name, self.number);
        match Record::parse(&self.line) {
            Ok(record) => Ok(Some(Said::Graph(record))),
            Err(broken) => {
                let message =
                    format!("line {number} of the program of {name} is not understood: {broken}; {strange}");
                Err(fault(FaultKind::InvalidAnswer, message).into())
            }
        }
    }

    /// A line into `self.line`; empty ones are passed over.
    async fn read(&mut self) -> Result<(), Failure> {
        loop {
            self.number += 1;
            self.line.clear();
            let most = MAX_NODE_JSON as u64 + 2;
            let read = (&mut self.lines).take(most).read_until(b'\n', &mut self.line).await;
            match read {
                Ok(0) => return Err(self.broke_off().await.into()),
                Ok(_) if self.line.ends_with(b"\n") => {}
                Ok(read) if read as u64 == most => {
                    let (name, number) = (self.name, self.number);
                    let message = format!(
                        "line {number} of the program of {name} is longer than the {MAX_NODE_JSON} bytes that a node may have"
                    );
                    return Err(fault(FaultKind::Limit, message).into());
                }
                Ok(_) => return Err(self.broke_off().await.into()),
                Err(error) => {
                    return Err(
                        trouble(format!("the program of {} cannot be read: {error}", self.name)).into()
                    );
                }
            }
            let text = self.line.trim_ascii().len();
            if text > 0 {
                self.line.truncate(self.line.trim_ascii_end().len());
                return Ok(());
            }
        }
    }

    async fn broke_off(&mut self) -> Fault {
        let ended = match tokio::time::timeout(TIDYING, self.child.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it closed its output and goes on".to_owned(),
        };
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let words = if complaint.is_empty() { String::new() } else { format!(": {complaint}") };
        trouble(format!("the program of {} ended before it was done ({ended}){words}", self.name))
    }

    async fn tidied(&mut self) {
        match tokio::time::timeout(TIDYING, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => {}
            Ok(Ok(status)) => {
                tracing::warn!("the program of {} was done, and ended with {status}", self.name);
            }
            Ok(Err(error)) => tracing::warn!("the program of {}: {error}", self.name),
            Err(_) => tracing::warn!("the program of {} is done but does not end; it is killed", self.name),
        }
    }
}

fn start(command: &[String]) -> io::Result<Child> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no program is named"))?;
    #[expect(
        clippy::disallowed_methods,
        reason = "a file of the operator names the program, and the walls let only its child start one"
    )]
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true).spawn()
}

/// A fault of the program, which may be better the next time.
fn trouble(message: String) -> Fault {
    fault(FaultKind::Internal, message).with_retry(Retry::Later)
}

/// Who does not listen does not need to know.
async fn tell(mut stdin: ChildStdin, request: Zeroizing<String>) {
    if let Err(error) = stdin.write_all(request.as_bytes()).await {
        tracing::debug!("the program did not read all of its request: {error}");
    }
}

/// Logs what it says for people, and keeps the last of it.
async fn listen(name: String, stderr: ChildStderr, complaint: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(stderr);
    let mut line = Vec::new();
    while matches!((&mut lines).take(8192).read_until(b'\n', &mut line).await, Ok(read) if read > 0) {
        let text = String::from_utf8_lossy(&line);
        let text: String = text.trim().chars().take(MOST_WORDS).collect();
        if !text.is_empty() {
            tracing::info!(program = name, "{text}");
            *complaint.lock().unwrap_or_else(PoisonError::into_inner) = text;
        }
        line.clear();
    }
}
