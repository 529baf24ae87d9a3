//! What the rogue child does to get out of its walls. Whatever works is a line in the file `stolen` among the markers.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use anyhow::Context as _;
use nix::unistd::Pid;

use crate::procfs::{self, Proc};

/// Starts processes that leave our group, our session, and their parent. They name the directory of markers, so
/// that the test finds them. Behind walls none of them can; that is fine too.
pub(super) fn leave_survivors(markers: &Path) {
    // More than one call could remove, and a folder that is closed even to its owner.
    let odd = std::env::temp_dir().join("a/b/c");
    drop(fs::create_dir_all(&odd));
    drop(fs::write(odd.join("file"), "left"));
    drop(fs::set_permissions(odd, fs::Permissions::from_mode(0o000)));
    for words in [&["setsid", "sleep"][..], &["setsid", "--fork", "sleep"]] {
        #[expect(clippy::disallowed_methods, reason = "a process that the supervisor knows nothing about")]
        let mut command = Command::new(words[0]);
        // What sleeps is a shell, because sleep takes no argument that it does not understand.
        command.args(&words[1..words.len() - 1]).args(["sh", "-c", "sleep 1000; true"]).arg(markers);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Ok(mut started) = command.spawn() {
            // With --fork this ends at once, and what it has started has no parent; without, it goes on.
            if words.len() > 2 {
                drop(started.wait());
            }
        }
    }
}

/// The supervisor: the program that is called so and is above us.
fn supervisor() -> Option<Proc> {
    let all = procfs::live();
    let parent_of = |pid: i32| all.iter().find(|one| one.pid == pid).map(|one| one.parent);
    let mut above = Vec::new();
    let mut pid = process::id().cast_signed();
    while let Some(parent) = parent_of(pid).filter(|parent| *parent > 1) {
        above.push(parent);
        pid = parent;
    }
    let is_it = |one: &&Proc| {
        above.contains(&one.pid) && one.args.first().is_some_and(|program| program.ends_with("/fixworker"))
    };
    all.iter().find(is_it).cloned()
}

/// Notes what worked.
fn note(markers: &Path, what: &str) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(markers.join("stolen"))?;
    writeln!(file, "{what}").context("the file of what was stolen")
}

pub(super) fn attack_supervisor(markers: &Path) -> anyhow::Result<()> {
    let supervisor = supervisor().context("the supervisor is not among those above us")?;
    note(markers, &format!("found {}", supervisor.pid))?;
    let pid = supervisor.pid;
    let proc = |name: &str| format!("/proc/{pid}/{name}");
    let opened = |name: &str| File::open(proc(name)).is_ok();
    let attempts = [
        ("environ", fs::read(proc("environ")).is_ok_and(|bytes| !bytes.is_empty())),
        ("mem", opened("mem")),
        ("maps", fs::read(proc("maps")).is_ok_and(|bytes| !bytes.is_empty())),
        ("fd", fs::read_link(proc("fd/0")).is_ok()),
        ("signal", signal_zero(pid)),
        ("root", fs::read_dir("/").is_ok()),
        ("scratch", fs::read_dir(markers.parent().context("a parent")?).is_ok()),
        ("home", std::env::home_dir().is_some_and(|home| fs::read_dir(home).is_ok())),
        (
            "write",
            std::env::temp_dir().parent().is_some_and(|above| fs::write(above.join("rogue"), "").is_ok()),
        ),
    ];
    attempts.iter().filter(|(_, worked)| *worked).try_for_each(|(what, _)| note(markers, what))
}

pub(super) fn attack_siblings(markers: &Path) -> anyhow::Result<()> {
    let own = process::id().cast_signed();
    let siblings = procfs::live().into_iter().filter(|one| one.label().is_some() && one.pid != own);
    for sibling in siblings {
        let pid = sibling.pid;
        note(markers, "found a sibling")?;
        if File::open(format!("/proc/{pid}/fd/0")).is_ok() {
            note(markers, "connection")?;
        }
        if nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(pid)).is_ok() {
            note(markers, "group")?;
        }
        if signal_zero(pid) {
            note(markers, "signal")?;
        }
    }
    Ok(())
}

/// Looks for graphs of others in the descriptors of the supervisor and in all folders where it may keep them, and
/// changes them.
pub(super) fn attack_staged(markers: &Path) -> anyhow::Result<()> {
    let supervisor = supervisor().context("the supervisor is not among those above us")?;
    let scratch = markers.parent().context("a parent")?;
    let mut files = files_in(Path::new(&format!("/proc/{}/fd", supervisor.pid)));
    files.extend(["tmp", "state", "run"].iter().flat_map(|folder| files_in(&scratch.join(folder))));
    for path in files {
        // A pipe or a socket would wait for somebody.
        if fs::metadata(&path).is_ok_and(|meta| meta.is_file())
            && let Ok(text) = fs::read_to_string(&path)
            && text.contains("rogue-volume-bulk")
        {
            note(markers, &format!("read {}", path.display()))?;
            if fs::write(&path, text.replace("volume_size\": 10", "volume_size\": 66")).is_ok() {
                note(markers, &format!("changed {}", path.display()))?;
            }
        }
    }
    Ok(())
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_in(&entry.path()),
            _ => vec![entry.path()],
        })
        .collect()
}

/// Asks for the right to signal, and sends nothing.
fn signal_zero(pid: i32) -> bool {
    #[expect(clippy::disallowed_methods, reason = "no signal is sent")]
    nix::sys::signal::kill(Pid::from_raw(pid), None).is_ok()
}
