//! What the rogue does with a job.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ipc_proto::fault::{Fault, FaultKind, FaultScope, FaultSource, Level, Retry};
use ipc_proto::graph::{Chunk, Node, Role, Tally};
use ipc_proto::job::Job;
use ipc_proto::message::{Done, Heartbeat, JobId, Order, Progress, Report, ToChild};
use nix::sys::signal::{Signal, raise};

use crate::modes::Mode;
use crate::wire::{Wire, Writer};
use crate::{mode_of, sleep_forever};

/// Takes orders; each job has a thread.
pub(crate) struct Desk {
    writer: Writer,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    cancelled: BTreeSet<JobId>,
    exit_code: i32,
    linger: bool,
}

impl Desk {
    pub(crate) fn new(wire: &Wire) -> Self {
        Self { writer: wire.writer.clone(), state: Arc::default() }
    }

    pub(crate) fn take(&self, order: ToChild) {
        let id = order.job;
        match order.body {
            Order::Start(start) => {
                let account = match start.job {
                    Job::Collect(collect) => collect.account.id,
                    Job::Clean(clean) => clean.account.id,
                    Job::Describe { .. }
                    | Job::Accounts(_)
                    | Job::Tag(_)
                    | Job::Command(_)
                    | Job::Seal(_)
                    | Job::Sealed(_)
                    | Job::Identify(_) => "ok".to_owned(),
                };
                let job = JobRun { id, writer: self.writer.clone(), state: Arc::clone(&self.state) };
                thread::spawn(move || job.run(mode_of(&account), &account));
            }
            Order::Renewed(_) | Order::NotRenewed(_) => {}
            Order::Cancel(cancel) => {
                eprintln!("cancelled: {}", cancel.reason);
                self.state.lock().unwrap().cancelled.insert(id);
            }
        }
    }

    /// The supervisor has closed.
    pub(crate) fn closed(&self) {
        let state = self.state.lock().unwrap();
        if state.linger {
            sleep_forever();
        }
        std::process::exit(state.exit_code);
    }
}

struct JobRun {
    id: JobId,
    writer: Writer,
    state: Arc<Mutex<State>>,
}

fn fault(kind: FaultKind, retry: Retry, message: &str) -> Fault {
    Fault {
        scope: FaultScope::default(),
        kind,
        source: FaultSource::User,
        retry,
        level: Level::Error,
        message: message.into(),
        hint: Some("look closer".into()),
        count: 1,
    }
}

impl JobRun {
    fn run(&self, mode: Mode, account: &str) {
        match mode {
            Mode::ChunkBeforeReady => return self.say(Report::Chunk(Chunk::default())),
            Mode::NeverReady => return,
            Mode::FatalCredentials => {
                let fault = fault(FaultKind::Credentials, Retry::Never, "the key is expired");
                return self.say(Report::Fatal(fault));
            }
            _ => self.say(Report::Ready),
        }
        self.beat(1);
        match mode {
            Mode::Silent | Mode::IgnoreTerm => {}
            Mode::SetsidSurvivor => Escape::ALL.into_iter().for_each(start_sleeper),
            Mode::SilentButObeys => self.obey(),
            Mode::HeartbeatOnly => loop {
                self.beat(1);
                thread::sleep(Duration::from_millis(20));
            },
            Mode::Flood => loop {
                let name = "x".repeat(1000);
                self.say(Report::Progress(vec![Progress { path: vec![], name, current: 0, total: 1 }]));
            },
            Mode::StopSelf => raise(Signal::SIGSTOP).unwrap(),
            Mode::CrashOnce => {
                // What a child that crashes leaves for the next one; without a place it crashes each time.
                let marker = account.split_once('@').map(|(_, path)| path);
                if marker.is_none_or(|marker| !Path::new(marker).exists()) {
                    if let Some(marker) = marker {
                        std::fs::write(marker, "").unwrap();
                    }
                    std::process::abort();
                }
                self.run_wire(mode);
            }
            Mode::Abort => std::process::abort(),
            Mode::KillSelf => raise(Signal::SIGKILL).unwrap(),
            Mode::Panic => Self::panic(),
            Mode::AllocUntilLimit => allocate(),
            Mode::ExitBeforeDone => exit(0),
            Mode::Exit65 => exit(65),
            Mode::Exit70 => exit(70),
            Mode::Exit75 => exit(75),
            Mode::Exit77 => exit(77),
            Mode::Exit78 => exit(78),
            Mode::FatalTryAgain => {
                self.say(Report::Fatal(fault(FaultKind::Unavailable, Retry::Later, "the cloud is away")));
            }
            mode => self.run_wire(mode),
        }
    }

    /// Modes that break the protocol, or do not.
    fn run_wire(&self, mode: Mode) {
        match mode {
            Mode::OversizeFrame => self.writer.raw(&(64_u32 << 20).to_le_bytes()),
            Mode::ZeroFrame => self.writer.raw(&[0; 4]),
            Mode::TruncatedFrame => {
                self.state.lock().unwrap().linger = true;
                self.writer.raw(&[100, 0, 0, 0, 1, 2, 3]);
                self.writer.shutdown();
                sleep_forever();
            }
            // Ready of job 1 in full, and one byte more than that.
            Mode::TrailingBytes => self.writer.raw(&[3, 0, 0, 0, 1, 0, 9]),
            Mode::Junk => self.writer.raw(&[4, 0, 0, 0, 1, 200, 200, 200]),
            Mode::ReadyTwice => self.say(Report::Ready),
            Mode::UnknownJob => self.writer.report(JobId(77), Report::Ready),
            Mode::CloseSocketLiveOn => {
                self.state.lock().unwrap().linger = true;
                self.writer.shutdown();
            }
            mode => self.run_well(mode),
        }
    }

    /// Modes in which the job gets done.
    fn run_well(&self, mode: Mode) {
        match mode {
            Mode::PrintALot => {
                for n in 0..2000 {
                    println!("this is not protocol {n}");
                    eprintln!("{{\"level\":\"INFO\",\"message\":\"line {n}\"}}");
                }
            }
            Mode::GrandchildHoldsPipes => start_sleeper(Escape::No),
            Mode::GrandchildEscapes => Escape::ALL.into_iter().for_each(start_sleeper),
            Mode::ExitAfterDoneNonzero => self.state.lock().unwrap().exit_code = 70,
            Mode::LingerAfterDone => self.state.lock().unwrap().linger = true,
            _ => {}
        }
        let text = if mode == Mode::ReportSelf { describe_self() } else { "{}".to_owned() };
        let node = Node { id: "a", kind: "account", role: Role::Account, json: text.as_bytes() };
        let chunk = Chunk { nodes: vec![node], ..Chunk::default() };
        let mut tally = Tally::default();
        tally.add(&chunk);
        self.say(Report::Chunk(chunk));
        let faults = u32::from(mode == Mode::OkWithFaults);
        if faults > 0 {
            self.say(Report::Fault(fault(FaultKind::AccessDenied, Retry::Never, "not allowed")));
        }
        self.say(Report::Done(Done { totals: tally.totals(), faults }));
        if mode == Mode::ChunkAfterDone {
            self.say(Report::Chunk(Chunk::default()));
        }
    }

    fn say(&self, report: Report<'_>) {
        self.writer.report(self.id, report);
    }

    fn beat(&self, work: u64) {
        self.say(Report::Heartbeat(Heartbeat { rss: 5 << 20, step: "eu-west-1".into(), work }));
    }

    fn obey(&self) {
        while !self.state.lock().unwrap().cancelled.contains(&self.id) {
            thread::sleep(Duration::from_millis(5));
        }
        self.say(Report::Fatal(fault(FaultKind::Internal, Retry::Later, "cancelled")));
    }

    fn panic() {
        let result = thread::Builder::new().name("collector".into()).spawn(|| panic!("out of ideas"));
        assert!(result.unwrap().join().is_err());
        exit(101);
    }
}

fn exit(code: i32) {
    std::process::exit(code);
}

fn allocate() {
    let mut held = Vec::new();
    loop {
        held.push(vec![1_u8; 4 << 20]);
        thread::sleep(Duration::from_millis(1));
    }
}

/// How a process gets away from the one that started it.
#[derive(Clone, Copy)]
enum Escape {
    No,
    /// To a group of its own.
    Group,
    /// To a session of its own.
    Session,
    /// To a session of its own, without a parent.
    Daemon,
}

impl Escape {
    const ALL: [Self; 4] = [Self::No, Self::Group, Self::Session, Self::Daemon];
}

/// A process that inherits everything; its argument tells the test which one it is.
fn start_sleeper(escape: Escape) {
    let time = format!("1000.{}", std::process::id());
    let words: &[&str] = match escape {
        Escape::No | Escape::Group => &["sleep"],
        Escape::Session => &["setsid", "sleep"],
        Escape::Daemon => &["setsid", "--fork", "sleep"],
    };
    #[expect(clippy::disallowed_methods, reason = "a test helper")]
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(time);
    if matches!(escape, Escape::Group) {
        command.process_group(0);
    }
    #[expect(clippy::zombie_processes, reason = "it is meant to be left behind")]
    let sleeper = command.spawn().unwrap();
    eprintln!("left {} behind", sleeper.id());
}

/// How we were started, for the test of the confinement: environment, descriptors, limits.
fn describe_self() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let names: Vec<_> = std::env::vars().map(|(name, _)| name).collect();
    let mut files: Vec<_> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| {
            let entry = entry.unwrap();
            let target = std::fs::read_link(entry.path()).ok()?;
            Some(format!("{}={}", entry.file_name().to_str()?, target.display()))
        })
        .filter(|file| !file.contains("/fd"))
        .collect();
    files.sort();
    format!(
        "env {}\nfds {}\noom {}\nstat {}\ncmdline {}\n{}{}",
        names.join(" "),
        files.join(" "),
        read("/proc/self/oom_score_adj").trim(),
        read("/proc/self/stat").trim(),
        read("/proc/self/cmdline").replace('\0', " "),
        read("/proc/self/limits"),
        read("/proc/thread-self/status"),
    )
}
