//! `leash PARENT FILE_SIZE PROGRAM ARGS...`: becomes PROGRAM, bound to die with the thread that started it.
//!
//! A test that is killed cannot clean up, so the kernel does. FILE_SIZE bounds every file the program writes, in
//! bytes (0 is no bound); the signal for it is blocked, so that the write fails as on a full disk.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, ensure};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::getppid;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let parent: i32 = parse(args.next()).context("PARENT")?;
    let file_size: u64 = parse(args.next()).context("FILE_SIZE")?;
    let program = args.next().context("PROGRAM")?;

    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    ensure!(getppid().as_raw() == parent, "the parent is gone already");
    if file_size > 0 {
        setrlimit(Resource::RLIMIT_FSIZE, file_size, file_size)?;
        let mut blocked = SigSet::empty();
        blocked.add(Signal::SIGXFSZ);
        blocked.thread_block()?;
    }
    #[expect(clippy::disallowed_methods, reason = "it replaces this process instead of starting one")]
    let error = Command::new(&program).args(args).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

fn parse<T: std::str::FromStr>(arg: Option<OsString>) -> anyhow::Result<T> {
    arg.and_then(|arg| arg.into_string().ok()?.parse().ok()).context("is missing or not a number")
}
