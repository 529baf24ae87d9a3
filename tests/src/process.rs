//! Processes on a leash: they die with the test, and their output is in files.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::{binaries, procfs, wait};

/// What to start.
#[derive(Debug, Clone)]
pub struct Invocation {
    program: PathBuf,
    args: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    file_size: Option<u64>,
    input: Option<Vec<u8>>,
}

impl Invocation {
    /// `program` with nothing but `PATH` in its environment.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self {
            program: program.into(),
            args: Vec::new(),
            environment: vec![("PATH".into(), path)],
            directory: None,
            file_size: None,
            input: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().into(), value.as_ref().into()));
        self
    }

    /// Where it runs.
    #[must_use]
    pub fn in_directory(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// No file of it may grow above so many bytes; a write beyond fails as on a full disk.
    #[must_use]
    pub fn file_size_limit(mut self, bytes: u64) -> Self {
        self.file_size = Some(bytes);
        self
    }

    /// What it reads on standard input; nothing by default.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// Starts it in a process group of its own, with its output in `NAME.out.log` and `NAME.log` in `logs`.
    #[track_caller]
    pub fn start(self, name: &str, logs: &Path) -> Process {
        let (out, err) = (logs.join(format!("{name}.out.log")), logs.join(format!("{name}.log")));
        let open =
            |path: &Path| File::options().create(true).append(true).open(path).expect("a log can be written");
        #[expect(clippy::disallowed_methods, reason = "the one place where tests start processes")]
        let mut command = Command::new(binaries::leash());
        command.arg(std::process::id().to_string()).arg(self.file_size.unwrap_or(0).to_string());
        command.arg(&self.program).args(&self.args);
        command.env_clear().envs(self.environment).process_group(0);
        command.stdout(open(&out)).stderr(open(&err));
        command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        if let (Some(bytes), Some(mut pipe)) = (self.input, child.stdin.take()) {
            // A child that does not read its input is its own business.
            drop(pipe.write_all(&bytes));
        }
        Process { name: name.into(), child, out, err }
    }
}

/// A running process; dropping it kills its whole group.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Process {
    /// Its id, which is also that of its group.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Sends it a signal; only it, not its group.
    pub fn signal(&self, signal: Signal) {
        crate::process::signal(self.pid(), signal);
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours can be waited for")
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let what = format!("{} ends", self.name);
        wait::eventually(&what, || self.ended())
    }

    /// Waits for its end, and returns the exit code.
    #[track_caller]
    pub fn exit_code(&mut self) -> i32 {
        let status = self.wait();
        status.code().unwrap_or_else(|| panic!("{} ended by {status}", self.name))
    }

    /// SIGKILL for it alone: what it started has to notice by itself.
    #[track_caller]
    pub fn kill_hard(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait();
    }

    /// SIGTERM, then waits for the end.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    /// Its standard output so far.
    pub fn output(&self) -> String {
        read_text(&self.out)
    }

    /// Its standard error so far.
    pub fn errors(&self) -> String {
        read_text(&self.err)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for member in procfs::members_of(self.pid()) {
            signal(member.pid, Signal::SIGKILL);
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn read_text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// Sends a signal; a process that is gone already is fine.
#[track_caller]
pub fn signal(pid: i32, signal: Signal) {
    #[expect(clippy::disallowed_methods, reason = "the one place where tests send signals")]
    match signal::kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => panic!("cannot send {signal} to {pid}: {error}"),
    }
}
