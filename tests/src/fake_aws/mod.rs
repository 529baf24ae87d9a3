//! A fast cloud for the bench: it takes down what a mock cloud of `tests/aws` answers, and then answers the same from
//! memory, each call after the same time, as many at once as come.
//!
//! `fake_aws UPSTREAM` prints its port. `GET /_fake/replay?MILLISECONDS` begins a run, `GET /_fake/end` ends it and
//! tells about it as JSON: calls, the most at once, how many came in each round (the time of one latency), calls that were
//! not taken down before, and the critical path (see `critical`). Before the first run it asks `UPSTREAM` (an address,
//! `127.0.0.1:5600`) and takes down the answers.

mod critical;
mod memory;
mod wire;

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::Context as _;
use serde_json::json;

use critical::{Call, Limits, critical_path};
use memory::Memory;
use wire::{Asked, answer};

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
    let upstream = env::args().nth(1).context("usage: fake_aws UPSTREAM")?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    std::io::stdout().flush()?;
    let cloud = Arc::new(Cloud::new(upstream));
    for stream in listener.incoming() {
        let (stream, cloud) = (stream?, cloud.clone());
        thread::Builder::new().stack_size(STACK).spawn(move || serve(&cloud, stream))?;
    }
    Ok(())
}

struct Cloud {
    upstream: String,
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
    fn new(upstream: String) -> Self {
        Self {
            upstream,
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
        let replays = self.replays.load(Ordering::Relaxed);
        let known = lock(&self.memory).find(asked);
        let number = if let Some(known) = known {
            known
        } else {
            // Bodies may have the time, so it is asked again.
            let got = wire::forward(&self.upstream, asked)?;
            lock(&self.memory).take_down(asked, got)
        };
        if replays {
            lock(&self.run).came(self.latency_ms.load(Ordering::Relaxed));
            self.most.fetch_max(self.under_way.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(self.latency_ms.load(Ordering::Relaxed)));
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            let mut run = lock(&self.run);
            run.calls.push(number);
            run.unknown += usize::from(known.is_none());
        }
        Ok(lock(&self.memory).answer(number))
    }

    /// The end of a run, or its beginning.
    fn control(&self, target: &str) -> Vec<u8> {
        if let Some((_, milliseconds)) = target.split_once("/replay?") {
            self.latency_ms.store(milliseconds.parse().unwrap_or(50), Ordering::Relaxed);
            self.most.store(0, Ordering::Relaxed);
            *lock(&self.run) = Run { began: Some(Instant::now()), ..Run::default() };
            self.replays.store(true, Ordering::Relaxed);
            return answer(200, "{}");
        }
        let run = std::mem::take(&mut *lock(&self.run));
        self.replays.store(false, Ordering::Relaxed);
        let memory = lock(&self.memory);
        let calls: Vec<Call<'_>> = run.calls.iter().map(|number| memory.call(*number)).collect();
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
