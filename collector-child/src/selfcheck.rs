//! What the walls around this process hold, found out by trying: `fix-collector self-check`, which
//! `fixworker check --walls` starts the way it starts children.
//!
//! Each attempt is something that no child needs and a hostile one would do. None of them does harm if it works.

mod around;

use std::fs;
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::Builder;

use ipc_proto::exit_code::ExitCode;
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{getpid, getppid, getsid};
use serde_json::{Value, json};

/// One thing that was tried.
struct Attempt {
    /// The wall that should hold it.
    wall: &'static str,
    /// What was tried.
    what: &'static str,
    /// Whether it was refused.
    held: bool,
    /// What the system said.
    said: String,
}

impl Attempt {
    fn new<T>(wall: &'static str, what: &'static str, result: io::Result<T>) -> Self {
        match result {
            Ok(_) => Self { wall, what, held: false, said: "it works".to_owned() },
            Err(error) => Self { wall, what, held: true, said: error.to_string() },
        }
    }

    fn is(wall: &'static str, what: &'static str, held: bool, said: String) -> Self {
        Self { wall, what, held, said }
    }
}

/// Tries everything and prints what came of it.
pub(crate) fn run(as_json: bool) -> ExitCode {
    let attempts = attempts();
    let rows = attempts
        .iter()
        .map(|one| json!({"wall": one.wall, "what": one.what, "held": one.held, "said": one.said}));
    let text = if as_json {
        rows.collect::<Value>().to_string()
    } else {
        attempts.iter().fold(String::new(), |text, one| {
            let mark = if one.held { "held" } else { "OPEN" };
            text + &format!("{mark}  {:<12} {} ({})\n", one.wall, one.what, one.said)
        })
    };
    match crate::alone::print(&text) {
        Ok(()) => ExitCode::Done,
        Err(_) => ExitCode::TryAgain,
    }
}

fn attempts() -> Vec<Attempt> {
    let parent = getppid();
    let home = std::env::home_dir().unwrap_or_default();
    let (temp, name) = (std::env::temp_dir(), format!("fix-collector-self-check-{}", getpid()));
    let write = |folder: Option<&Path>| {
        let file = folder.unwrap_or(Path::new("/")).join(&name);
        let written = fs::write(&file, "");
        drop(fs::remove_file(&file));
        written
    };
    let own_folder = write(Some(&temp));
    let mut attempts = around::attempts(&temp, parent);
    attempts.extend([
        Attempt::new("files", "list the root directory", fs::read_dir("/")),
        Attempt::new("files", "list the home directory", fs::read_dir(home)),
        Attempt::new("files", "write beside its folder for temporary files", write(temp.parent())),
        Attempt::is(
            "temp",
            "it has a folder for temporary files",
            own_folder.is_ok(),
            own_folder.map_or_else(|error| error.to_string(), |()| temp.display().to_string()),
        ),
        Attempt::new(
            "processes",
            "read the variables of its parent",
            fs::read(format!("/proc/{parent}/environ")),
        ),
        Attempt::new(
            "processes",
            "look at a descriptor of its parent",
            fs::read_link(format!("/proc/{parent}/fd/0")),
        ),
        Attempt::new("signals", "signal its parent", probe_signal(parent)),
        Attempt::new("tcp", "wait for connections", TcpListener::bind("127.0.0.1:0")),
        Attempt::new(
            "seccomp",
            "make a namespace",
            unshare(CloneFlags::CLONE_NEWUSER).map_err(io::Error::from),
        ),
        Attempt::new("seccomp", "change the limits of its parent", probe_limits(parent)),
        own_group(),
        Attempt::new("cgroup", "move to the group of the worker", leave_group()),
        many_threads(),
        session(),
        privileges(),
        limit("limits", "core dumps are off", Resource::RLIMIT_CORE, 0),
        limit("limits", "open files are limited", Resource::RLIMIT_NOFILE, 65_536),
        limit("limits", "memory is limited", Resource::RLIMIT_DATA, u64::MAX - 1),
        limit("limits", "the size of files is limited", Resource::RLIMIT_FSIZE, u64::MAX - 1),
    ]);
    attempts
}

/// Signal 0 is only a question.
fn probe_signal(pid: nix::unistd::Pid) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "no signal is sent, only the right to is asked for")]
    nix::sys::signal::kill(pid, None).map_err(Into::into)
}

/// Without a new limit the call only reads, but it needs the same rights.
#[expect(unsafe_code, reason = "the limits of another process have no safe form")]
fn probe_limits(pid: nix::unistd::Pid) -> io::Result<()> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a valid rlimit on this stack; nothing is changed.
    let result = unsafe { libc::prlimit(pid.as_raw(), libc::RLIMIT_NOFILE, std::ptr::null(), &raw mut now) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// This process's control group, as a path in the hierarchy.
fn group() -> Option<String> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

fn own_group() -> Attempt {
    let group = group().unwrap_or_default();
    let name = group.rsplit('/').next().unwrap_or_default();
    let said = if group.is_empty() { "none".to_owned() } else { group.clone() };
    Attempt::is("cgroup", "it has a control group", name.starts_with("child-"), said)
}

/// Where the hierarchy of control groups is, on its own or beside the older ones.
fn group_folders() -> Vec<PathBuf> {
    let group = group().unwrap_or_default();
    let at = |point: &str| Path::new(point).join(group.trim_start_matches('/'));
    ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(at).into_iter().filter(|path| path.exists()).collect()
}

fn leave_group() -> io::Result<()> {
    let folders = group_folders();
    let above =
        folders.iter().filter_map(|folder| folder.parent()).map(|above| above.join("worker/cgroup.procs"));
    let mut last = Err(io::ErrorKind::NotFound.into());
    for file in above {
        last = fs::OpenOptions::new().write(true).open(file).and_then(|mut file| file.write_all(b"0"));
    }
    last
}

/// More than any child needs; each sleeps until the last one was tried.
const THREADS: usize = 4096;

fn many_threads() -> Attempt {
    let what = "start any number of threads";
    if !group_folders().iter().any(|folder| folder.join("pids.max").exists()) {
        return Attempt::is("pids", what, false, "no cgroup counts them".to_owned());
    }
    let over = Arc::new((Mutex::new(false), Condvar::new()));
    let mut threads = Vec::new();
    let result = (0..THREADS).try_for_each(|_| {
        let over = Arc::clone(&over);
        let sleep = move || {
            let guard = over.0.lock().unwrap_or_else(PoisonError::into_inner);
            drop(over.1.wait_while(guard, |over| !*over));
        };
        threads.push(Builder::new().stack_size(32 << 10).spawn(sleep)?);
        Ok(())
    });
    *over.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    over.1.notify_all();
    for thread in threads {
        drop(thread.join());
    }
    Attempt::new("pids", what, result)
}

/// Takes memory, and says so if nothing stops it.
pub(crate) fn fill() -> ExitCode {
    // No zeros, which the kernel would give without giving memory.
    let memory = vec![1_u8; 100 << 20];
    match crate::alone::print(&format!("it works: {} bytes\n", std::hint::black_box(&memory).len())) {
        Ok(()) => ExitCode::Done,
        Err(_) => ExitCode::TryAgain,
    }
}

fn session() -> Attempt {
    let session = getsid(None).ok();
    let said = format!("session {}", session.map_or(0, nix::unistd::Pid::as_raw));
    Attempt::is("session", "it leads a session of its own", session == Some(getpid()), said)
}

fn privileges() -> Attempt {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("NoNewPrivs:")).unwrap_or("NoNewPrivs: unknown");
    Attempt::is("privileges", "no program gives it more rights", line.ends_with('1'), line.replace('\t', " "))
}

fn limit(wall: &'static str, what: &'static str, resource: Resource, most: u64) -> Attempt {
    let hard = getrlimit(resource).map_or(u64::MAX, |(_, hard)| hard);
    Attempt::is(
        wall,
        what,
        hard <= most,
        if hard == u64::MAX { "no limit".to_owned() } else { hard.to_string() },
    )
}
