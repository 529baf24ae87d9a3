//! A fast cloud for the bench: it takes down what a mock cloud of `tests/aws` answers, and then answers the same from
//! memory, each call after the same time, as many at once as come.
//!
//! `fake_aws UPSTREAM` prints its port. `GET /_fake/replay?MILLISECONDS` begins a run, `GET /_fake/end` ends it and
//! tells about it as JSON: calls, the most at once, how many came in each round (the time of one latency), calls that were
//! not taken down before, and the critical path (see `critical`). Before the first run it asks `UPSTREAM` (an address,
//! `127.0.0.1:5600`) and takes down the answers.
//!
//! `fake_aws --estate log-groups=50000,policies=10` is an account with much of one thing instead (see `estate`).

mod critical;
mod estate;
mod memory;
mod wire;

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, thread};

use serde_json::json;

use critical::{Call, Limits, critical_path};
use estate::Estate;
use memory::Memory;
use wire::{Asked, answer, answer_of};

/// Threads only wait and copy.
const STACK: usize = 256 << 10;

/// The program.
#[expect(clippy::print_stderr, reason = "whoever starts it by hand has to know why it ended")]
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fake_aws: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the port is its output")]
fn run() -> anyhow::Result<()> {
    let source = match (env::args().nth(1), env::args().nth(2)) {
        (Some(option), Some(text)) if option == "--estate" => Source::Estate(Estate::new(&text)?),
        (Some(upstream), None) => Source::Mock(upstream),
        _ => anyhow::bail!("usage: fake_aws UPSTREAM, or fake_aws --estate NAME=NUMBER,..."),
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    std::io::stdout().flush()?;
    let cloud = Arc::new(Cloud::new(source));
    for stream in listener.incoming() {
        let (stream, cloud) = (stream?, cloud.clone());
        thread::Builder::new().stack_size(STACK).spawn(move || serve(&cloud, stream))?;
    }
    Ok(())
}

/// Where answers come from.
enum Source {
    /// A mock cloud, whose answers are taken down.
    Mock(String),
    Estate(Estate),
}

struct Cloud {
    source: Source,
    memory: Mutex<Memory>,
    replays: AtomicBool,
    latency_ms: AtomicU64,
    under_way: AtomicUsize,
    most: AtomicUsize,
    run: Mutex<Run>,
}

/// What came since the run began.
#[derive(Default)]
struct Run {
    began: Option<Instant>,
    /// Calls by their number in the memory.
    calls: Vec<usize>,
    /// How many calls came in each round: the time of one latency.
    rounds: Vec<usize>,
    /// Calls that were not taken down before.
    unknown: usize,
}

impl Run {
    fn came(&mut self, latency_ms: u64) {
        let passed = self.began.map_or(0, |began| began.elapsed().as_millis());
        let round = usize::try_from(passed / u128::from(latency_ms.max(1))).unwrap_or(0);
        if self.rounds.len() <= round {
            self.rounds.resize(round + 1, 0);
        }
        self.rounds[round] += 1;
    }
}

impl Cloud {
    fn new(source: Source) -> Self {
        Self {
            source,
            memory: Mutex::default(),
            replays: AtomicBool::new(false),
            latency_ms: AtomicU64::new(0),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            run: Mutex::default(),
        }
    }

    /// The answer to a call, as it goes over the wire.
    fn call(&self, asked: &Asked) -> anyhow::Result<Arc<[u8]>> {
        match &self.source {
            Source::Mock(upstream) => self.remembered(upstream, asked),
            Source::Estate(estate) => {
                let (status, content, body) = estate.answer(asked);
                self.take_time(|run| run.calls.push(0));
                Ok(answer_of(status, content, &body).into())
            }
        }
    }

    fn remembered(&self, upstream: &str, asked: &Asked) -> anyhow::Result<Arc<[u8]>> {
        let known = lock(&self.memory).find(asked);
        let number = if let Some(known) = known {
            known
        } else {
            // What was not asked before: how long the mock takes counts as well.
            let got = wire::forward(upstream, asked)?;
            lock(&self.memory).take_down(asked, got)
        };
        self.take_time(|run| {
            run.calls.push(number);
            run.unknown += usize::from(known.is_none());
        });
        Ok(lock(&self.memory).answer(number))
    }

    /// In a run, a call takes its time, and then is noted.
    fn take_time(&self, note: impl FnOnce(&mut Run)) {
        if !self.replays.load(Ordering::Relaxed) {
            return;
        }
        let latency_ms = self.latency_ms.load(Ordering::Relaxed);
        lock(&self.run).came(latency_ms);
        self.most.fetch_max(self.under_way.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(latency_ms));
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        note(&mut lock(&self.run));
    }

    /// The end of a run, or its beginning.
    fn control(&self, target: &str) -> Vec<u8> {
        if let Some((_, milliseconds)) = target.split_once("/replay?") {
            self.latency_ms.store(milliseconds.parse().unwrap_or(50), Ordering::Relaxed);
            self.most.store(0, Ordering::Relaxed);
            *lock(&self.run) = Run { began: Some(Instant::now()), ..Run::default() };
            self.replays.store(true, Ordering::Relaxed);
            if let Source::Estate(estate) = &self.source {
                estate.begin();
            }
            return answer(200, "{}");
        }
        let run = std::mem::take(&mut *lock(&self.run));
        self.replays.store(false, Ordering::Relaxed);
        let memory = lock(&self.memory);
        // An estate remembers nothing: its critical path is not known.
        let calls: Vec<Call<'_>> = run.calls.iter().filter_map(|number| memory.call(*number)).collect();
        let path = critical_path(&calls, &Limits::default());
        let told = json!({
            "calls": run.calls.len(),
            "unknown": run.unknown,
            "most_at_once": self.most.load(Ordering::Relaxed),
            "chain": path.chain,
            "rounds": path.rounds,
            "bound_by": path.bound_by,
            "came": run.rounds,
            "seconds": run.began.map_or(0.0, |began| began.elapsed().as_secs_f64()),
        });
        answer(200, &told.to_string())
    }
}

fn serve(cloud: &Cloud, stream: TcpStream) {
    // Whoever closes the connection ends the thread.
    let Ok(mut out) = stream.try_clone() else { return };
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut reader = BufReader::new(stream);
    while let Ok(Some(asked)) = Asked::read(&mut reader) {
        let sent = if asked.target.starts_with("/_fake/") {
            out.write_all(&cloud.control(&asked.target))
        } else {
            match cloud.call(&asked) {
                Ok(bytes) => out.write_all(&bytes),
                Err(error) => out.write_all(&answer(501, &format!("{error:#}"))),
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
