//! The loop of the fork server.
//!
//! It is a fork without exec, in a test even of a process with many threads. So it uses nothing that another
//! thread could have held in that moment: no log, no locks of the standard library; the allocator of libc is made
//! for it. It has one thread for its whole life.
#![expect(unsafe_code, reason = "memory and descriptors that it must not keep")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{self, SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getgid, getpid, getuid, setsid};

use super::places::{Held, Litter, Places};
use super::walls::Builder;
use super::wire::{DESCRIPTORS, Launch, Order, Reply, receive, send};
use super::{confine, sys, tree};

/// How often it looks again while something is left that should go.
const TICK: Duration = Duration::from_millis(20);
/// How often it looks while nothing is to be done but to close files.
const IDLE: Duration = Duration::from_secs(1);
/// How often it looks after a sweep before it relies on signals: orphans come without one.
const TICKS: u32 = 5;
/// How long it tries to end everything. What lives on after that hangs in the kernel.
const LAST_SWEEP: Duration = Duration::from_secs(10);

/// Serves until the supervisor is gone and nothing is left, and ends the process.
pub(super) fn run(socket: &OwnedFd, environment: Vec<CString>, places: Places) -> ! {
    detach(socket);
    let mut server = Server {
        environment,
        walls: Builder::new(),
        litter: places.litter(),
        places,
        held: BTreeMap::new(),
        leaders: BTreeSet::new(),
        forgotten: BTreeSet::new(),
        ticks: 0,
    };
    server.serve(socket);
    server.end();
    // SAFETY: _exit has no precondition. The handlers of exit belong to the supervisor.
    unsafe { libc::_exit(0) }
}

/// Leaves everything behind that is the supervisor's: session, name, arguments, descriptors.
fn detach(socket: &OwnedFd) {
    // What cannot be had is missed by nobody here, and nobody could be told.
    let _best_effort = setsid();
    let _best_effort = prctl::set_name(c"fixworker-fork");
    let _best_effort = prctl::set_child_subreaper(true);
    blank_arguments();
    let keep = socket.as_raw_fd().cast_unsigned();
    // SAFETY: system calls on plain numbers. Everything that they close belongs to the copy of the supervisor,
    // none of which runs here; the socket is left out.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        for standard in 0..3 {
            libc::dup2(null, standard);
        }
        close_range(3, keep.saturating_sub(1));
        close_range(keep + 1, libc::c_uint::MAX);
    }
}

/// # Safety
/// Nothing may use these descriptors any more.
unsafe fn close_range(first: libc::c_uint, last: libc::c_uint) {
    if first > last {
        return;
    }
    // SAFETY: see above; descriptors that are not open only return an error.
    unsafe {
        if libc::syscall(libc::SYS_close_range, first, last, 0) != 0 {
            for fd in first..=last.min(65_535) {
                libc::close(fd.cast_signed());
            }
        }
    }
}

/// The arguments would tell everybody who looks for the supervisor that it is here a second time.
fn blank_arguments() {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return };
    let Some((_, rest)) = stat.rsplit_once(") ") else { return };
    // Fields 48 and 49, counted from the first one; the state is the third.
    let mut fields = rest.split(' ').skip(45);
    let mut address = || fields.next()?.trim().parse::<usize>().ok();
    let (Some(begin), Some(end)) = (address(), address()) else { return };
    if begin == 0 || end <= begin {
        return;
    }
    // SAFETY: the kernel put the arguments of this process there, and keeps that memory writable. Nobody else
    // runs in this process, and nothing in it reads its arguments any more.
    unsafe { std::ptr::write_bytes(std::ptr::with_exposed_provenance_mut::<u8>(begin), 0, end - begin) };
}

struct Server {
    environment: Vec<CString>,
    walls: Builder,
    places: Places,
    /// The group and the folder of each leader.
    held: BTreeMap<Pid, Held>,
    /// What is left of attempts that are over, and has to be removed.
    litter: Litter,
    /// Leaders that the supervisor has not let us reap yet.
    leaders: BTreeSet<Pid>,
    /// Leaders that nobody waits for.
    forgotten: BTreeSet<Pid>,
    ticks: u32,
}

impl Server {
    fn serve(&mut self, socket: &OwnedFd) {
        let mut wanted = SigSet::empty();
        wanted.add(Signal::SIGCHLD);
        // Whoever signals the worker's session or terminal does not mean us: only the end of the socket counts.
        let _best_effort = signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None);
        let Ok(signals) = SignalFd::with_flags(&wanted, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        else {
            return;
        };
        loop {
            let mut ready = [
                PollFd::new(socket.as_fd(), PollFlags::POLLIN),
                PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            ];
            let woken = poll(&mut ready, self.patience());
            let is_ready = |at: usize| ready[at].revents().is_some_and(|events| !events.is_empty());
            let (order, died) = (is_ready(0), is_ready(1));
            match woken {
                Err(Errno::EINTR) => continue,
                Err(_) => return,
                Ok(0) => {
                    self.ticks = self.ticks.saturating_sub(1);
                    self.tidy();
                }
                Ok(_) => {}
            }
            if died {
                while let Ok(Some(_)) = signals.read_signal() {}
                self.tidy();
            }
            if order {
                // A packet that cannot be read is as good as no supervisor: nothing can be trusted any more.
                let Ok(Some((order, fds))) = receive::<Order>(socket) else { return };
                let reply = self.obey(order, fds);
                if send(socket, &reply, &[]).is_err() {
                    return;
                }
                if self.ticks == TICKS {
                    self.tidy();
                }
            }
        }
    }

    /// How long it waits for orders and signals before it looks again.
    fn patience(&self) -> PollTimeout {
        if self.ticks > 0 || !self.forgotten.is_empty() || !self.litter.is_empty() {
            PollTimeout::try_from(TICK).unwrap_or(PollTimeout::MAX)
        } else if self.walls.is_holding() {
            PollTimeout::try_from(IDLE).unwrap_or(PollTimeout::MAX)
        } else {
            PollTimeout::NONE
        }
    }

    fn obey(&mut self, order: Order, fds: Vec<OwnedFd>) -> Reply {
        match order {
            Order::Start(launch) => match <[OwnedFd; DESCRIPTORS]>::try_from(fds) {
                Ok(fds) => self.start(&launch, &fds),
                Err(_) => Reply::NotStarted(libc::EMFILE),
            },
            Order::HasExited(pid) => {
                let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
                let state = waitid(Id::Pid(Pid::from_raw(pid)), flags);
                Reply::Exited(!matches!(state, Ok(WaitStatus::StillAlive) | Err(Errno::EINTR)))
            }
            Order::Reap(pid) => self.reap(Pid::from_raw(pid)),
            Order::Forget(pid) => {
                let pid = Pid::from_raw(pid);
                if self.leaders.remove(&pid) {
                    kill_group(pid);
                    self.let_go(pid);
                    self.forgotten.insert(pid);
                    self.ticks = TICKS;
                }
                Reply::Noted
            }
        }
    }

    fn start(&mut self, launch: &Launch, fds: &[OwnedFd; DESCRIPTORS]) -> Reply {
        let (held, group) = self.places.hold(launch.limits.as_ref());
        let Ok(image) = confine::Image::new(launch, &self.environment, held.temp.as_deref()) else {
            self.litter.add(held);
            return Reply::NotStarted(libc::EINVAL);
        };
        let (server, ids) = (getpid(), (getuid(), getgid()));
        let plan = launch.walls.as_ref();
        let walls = plan.map(|plan| self.walls.build(plan, held.temp.as_deref()));
        let (forked, namespace) = sys::fork_into(launch.namespace, group.as_ref());
        match forked {
            Ok(None) => {
                let filters = self.walls.filters();
                let start = confine::Start { launch, fds, server, filters, namespace, ids, walls };
                confine::become_child(start, &image)
            }
            Ok(Some(child)) => {
                self.leaders.insert(child);
                self.held.insert(child, held);
                Reply::Started(child.as_raw())
            }
            Err(error) => {
                self.litter.add(held);
                Reply::NotStarted(error as i32)
            }
        }
    }

    fn reap(&mut self, pid: Pid) -> Reply {
        if !self.leaders.contains(&pid) {
            return Reply::Unknown;
        }
        let status = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG);
        if matches!(status, Ok(WaitStatus::StillAlive) | Err(Errno::EINTR)) {
            return Reply::Lives;
        }
        // The group is swept before its id can become somebody else's.
        kill_group(pid);
        self.let_go(pid);
        self.leaders.remove(&pid);
        self.ticks = TICKS;
        match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => Reply::Code(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => Reply::Signal(signal as i32),
            _ => Reply::Unknown,
        }
    }

    /// Ends what is in the control group of a leader, and has that and its folder removed when nobody is there any more.
    fn let_go(&mut self, leader: Pid) {
        if let Some(held) = self.held.remove(&leader) {
            held.kill();
            self.litter.add(held);
        }
    }

    /// Reaps what is dead, and kills what is left of attempts that are over.
    fn tidy(&mut self) {
        for child in tree::own_children() {
            if self.leaders.contains(&child) {
                continue;
            }
            let belongs = tree::session_of(child).is_some_and(|session| self.leaders.contains(&session));
            if !belongs && !self.forgotten.contains(&child) {
                kill_one(child);
            }
            if matches!(waitpid(child, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive)) {
                // What was killed just now is gone in a moment.
                self.ticks = self.ticks.max(u32::from(!belongs));
            } else {
                self.forgotten.remove(&child);
            }
        }
        self.litter.remove_some();
        self.walls.forget_old();
        self.forgotten.retain(|pid| {
            nix::sys::wait::waitid(
                Id::Pid(*pid),
                WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG,
            )
            .is_ok()
        });
    }

    /// Kills all that is below this process, and waits until nothing is.
    fn end(&mut self) {
        let began = Instant::now();
        for leader in &self.leaders {
            kill_group(*leader);
        }
        let leaders = std::mem::take(&mut self.leaders);
        for leader in leaders {
            self.let_go(leader);
        }
        self.forgotten.clear();
        kill_all(began);
        while !self.litter.is_empty() && began.elapsed() < LAST_SWEEP {
            self.litter.remove_some();
            std::thread::sleep(Duration::from_millis(1));
        }
        self.places.leave();
    }
}

/// Kills everything below this process, until nothing is left or time is up.
fn kill_all(began: Instant) {
    while began.elapsed() < LAST_SWEEP {
        tree::own_children().into_iter().for_each(kill_one);
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => break,
                Err(Errno::ECHILD) => return,
                Ok(_) | Err(_) => {}
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The group of a leader that was not reaped, and itself, should it not have made its group yet.
fn kill_group(leader: Pid) {
    #[expect(clippy::disallowed_methods, reason = "the fork server kills what belongs to it")]
    {
        // Nobody is left, which is what we want.
        let _best_effort = signal::killpg(leader, Signal::SIGKILL);
        let _best_effort = signal::kill(leader, Signal::SIGKILL);
    }
}

/// A direct child, which cannot become somebody else before it is reaped here.
fn kill_one(child: Pid) {
    #[expect(clippy::disallowed_methods, reason = "the fork server kills what belongs to it")]
    let _best_effort = signal::kill(child, Signal::SIGKILL);
}
