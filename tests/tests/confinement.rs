//! What a hostile child can do to its supervisor, to other children, and after its end.
//!
//! On a kernel without a wall there is nothing to hold; then `fixworker check --walls` has to say so.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixDatagram, UnixListener};

use fixworker_tests::binaries;
use fixworker_tests::core::Fixcore;
use fixworker_tests::oneshot::Oneshot;
use fixworker_tests::process::Invocation;
use fixworker_tests::procfs;
use fixworker_tests::scratch::Scratch;
use fixworker_tests::worker::WorkerOptions;

/// What `fixworker check --walls` says: each wall with the worst mark of its lines.
fn walls() -> BTreeMap<String, String> {
    let scratch = Scratch::new();
    let mut check = Invocation::new(scratch.link(&binaries::fixworker()))
        .args(["check", "--walls", "--collector-bin"])
        .arg(scratch.link(&binaries::fix_collector()))
        .env("HOME", scratch.dir("home"))
        .start("check", scratch.path());
    assert_eq!(check.exit_code(), 0, "{}{}", check.output(), check.errors());
    let text = check.output();
    let mut walls = BTreeMap::new();
    for line in text.lines().skip(1) {
        let mut words = line.split_whitespace();
        let (mark, wall) = (words.next().unwrap(), words.next().unwrap());
        assert!(["held", "absent"].contains(&mark), "{text}");
        let worst = walls.entry(wall.to_owned()).or_insert_with(|| mark.to_owned());
        if mark == "absent" {
            mark.clone_into(worst);
        }
    }
    walls
}

/// On the console of whoever runs the tests.
#[allow(clippy::print_stderr, reason = "what was not tried must not look as if it was")]
fn say(text: &str) {
    eprintln!("{text}");
}

fn holds(wall: &str) -> bool {
    walls()[wall] == "held"
}

#[test]
fn check_tries_every_wall() {
    let walls = walls();
    let all = ["files", "temp", "processes", "signals", "tcp", "seccomp", "session", "privileges", "limits"];
    for wall in all.into_iter().chain(["cgroup", "memory", "pids"]) {
        assert!(walls.contains_key(wall), "{walls:?}");
    }
    for (wall, _) in walls.iter().filter(|(_, mark)| *mark == "absent") {
        say(&format!("NOT TRIED: this host has no wall {wall}"));
    }
    // These need nothing of the kernel that it could lack.
    for wall in ["temp", "session", "privileges", "limits"] {
        assert_eq!(walls[wall], "held", "{walls:?}");
    }
}

/// The lines of the file in which rogues note what worked.
fn stolen(scratch: &Scratch) -> Vec<String> {
    let text = std::fs::read_to_string(scratch.path().join("markers/stolen")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Also by the ways around Landlock: see `rogue::around`.
#[test]
fn read_supervisor_environ() {
    let oneshot = Oneshot::rogue(&["read_supervisor_environ", "good"]);
    let scratch = oneshot.scratch();
    let service = UnixListener::bind(scratch.path().join("service")).unwrap();
    let datagrams = UnixDatagram::bind(scratch.path().join("datagrams")).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    scratch.file("markers/port", tcp.local_addr().unwrap().port().to_string());
    let private = scratch.file("private", "of the worker");
    fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).unwrap();
    let before = fs::metadata(&private).unwrap();
    let finished = oneshot.run();
    finished.expect_code(0);
    let stolen = stolen(&finished.scratch);
    assert!(stolen[0].starts_with("found "), "{stolen:?}");
    if holds("files") && holds("signals") && holds("seccomp") {
        assert_eq!(stolen.len(), 1, "more than the process id came out: {stolen:?}");
        let after = fs::metadata(&private).unwrap();
        assert_eq!((after.mode(), after.mtime()), (before.mode(), before.mtime()));
        service.set_nonblocking(true).unwrap();
        assert!(service.accept().is_err(), "it has connected to a service");
        datagrams.set_nonblocking(true).unwrap();
        assert!(datagrams.recv(&mut [0; 8]).is_err(), "it has sent to a service");
    }
}

/// A socket that the operator grants can be connected to.
#[test]
fn a_granted_socket_is_reached() {
    let oneshot = Oneshot::rogue(&["read_supervisor_environ"]);
    let path = oneshot.scratch().path().join("service");
    let _service = UnixListener::bind(&path).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    oneshot.scratch().file("markers/port", tcp.local_addr().unwrap().port().to_string());
    let finished = oneshot.set(&format!("supervisor.child_paths=w:{}", path.display())).run();
    finished.expect_code(0);
    let stolen = stolen(&finished.scratch);
    assert!(stolen.iter().any(|line| line == "service"), "{stolen:?}");
}

/// Whoever reaches fixcore's port may do there what a worker may, so a program of others does not.
#[test]
fn a_program_of_others_does_not_reach_fixcore() {
    let Some(core) = Fixcore::http() else { return };
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = WorkerOptions::new(&core, "rogue").rogue(&["reach_fixcore"]);
    let scratch = options.scratch();
    scratch.file("markers/other", other.local_addr().unwrap().port().to_string());
    scratch.file("markers/port", core.uri().rsplit(':').next().unwrap());
    let mut worker = options.start(&core);
    core.collect();
    assert_eq!(worker.stop(), 0);
    let stolen = stolen(worker.scratch());
    if holds("tcp") && holds("seccomp") {
        assert_eq!(stolen, ["tried"]);
    } else {
        assert_eq!(stolen.last().unwrap(), "tried");
    }
}

#[test]
fn token_thief() {
    let modes = ["token_thief", "hold"];
    let oneshot = Oneshot::rogue(&modes).set("fixworker.pool_size=2");
    let running = oneshot.start();
    let marked = |name: &str| running.scratch.path().join("markers").join(name).exists();
    fixworker_tests::wait::until("both have begun", || marked("hold") && marked("token_thief"));
    running.scratch.file("markers/release", "");
    let finished = running.finish();
    finished.expect_code(0);
    assert_eq!(finished.account("hold")["state"], "done");
    if let Ok(text) = std::fs::read_to_string(finished.scratch.path().join("markers/stolen")) {
        assert!(!text.contains("connection") && !text.contains("group"), "{text}");
        assert!(!text.contains("signal") || !holds("signals"), "{text}");
    }
}

#[test]
fn look_around() {
    let oneshot = Oneshot::rogue(&["look_around", "hold"]).set("fixworker.pool_size=2");
    let secrets = ["FIXWORKER_PSK", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "MY_SECRET"];
    let running = secrets.iter().fold(oneshot, |oneshot, name| oneshot.env(name, "hunter2-secret")).start();
    let marked = |name: &str| running.scratch.path().join("markers").join(name).exists();
    fixworker_tests::wait::until("both have begun", || marked("hold") && marked("look_around"));
    running.scratch.file("markers/release", "");
    let finished = running.finish();
    finished.expect_code(0);
    let text = std::fs::read_to_string(finished.scratch.path().join("markers/stolen")).unwrap_or_default();
    // Whether they were there at the same time is chance.
    let stolen: Vec<_> = text.lines().filter(|line| *line != "found a sibling").collect();
    // What a child is born with needs nothing of the kernel.
    assert!(!text.contains("descriptor") && !text.contains("variable "), "{text}");
    if holds("files") {
        assert!(stolen.is_empty(), "{text}");
    }
}

/// What was checked is what is sent, with walls and without.
#[test]
fn staged_file_changed() {
    for sandbox in ["off", "auto"] {
        let oneshot = Oneshot::rogue(&["staged_file_changed", "bulk-5"]);
        let oneshot = oneshot.set("fixworker.pool_size=2").set(&format!("supervisor.sandbox={sandbox}"));
        let running = oneshot.start();
        let markers = running.scratch.path().join("markers");
        let only_the_thief = || {
            let labels: Vec<_> = running
                .scratch
                .collectors()
                .iter()
                .filter_map(|one| one.label().map(str::to_owned))
                .collect();
            labels == ["rogue/staged_file_changed"] && markers.join("bulk-5").exists()
        };
        fixworker_tests::wait::until("the graph of the other waits", only_the_thief);
        let rounds = || {
            let text = std::fs::read_to_string(markers.join("rounds")).unwrap_or_default();
            text.parse::<u64>().unwrap_or(0)
        };
        let before = rounds();
        fixworker_tests::wait::until("it was tried twice since", || rounds() >= before + 2);
        running.scratch.file("markers/release", "");
        let finished = running.finish();
        finished.expect_code(0);
        let stolen = std::fs::read_to_string(finished.scratch.path().join("markers/stolen"));
        assert!(stolen.is_err(), "with sandbox {sandbox}: {stolen:?}");
        let graph = finished.graph();
        let sizes: Vec<_> = graph
            .of_kind("example_volume")
            .iter()
            .map(|node| node["reported"]["volume_size"].clone())
            .collect();
        assert!(sizes.len() >= 5000 && sizes.iter().all(|size| *size == 10), "{} volumes", sizes.len());
    }
}

/// Without walls, so that they do leave: what is swept must not depend on them.
#[test]
fn setsid_survivor() {
    for sandbox in ["off", "auto"] {
        let oneshot = Oneshot::rogue(&["setsid_survivor"]).set(&format!("supervisor.sandbox={sandbox}"));
        let finished = oneshot.run();
        finished.expect_code(0);
        assert_eq!(procfs::mentioning(finished.scratch.path()), [], "with sandbox {sandbox}");
        let temporary = std::fs::read_dir(finished.scratch.path().join("tmp")).unwrap();
        let left: Vec<_> = temporary.map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.is_empty(), "folders for temporary files are left: {left:?}");
    }
}

#[test]
fn an_unknown_kind_of_sandbox_and_a_relative_path_are_refused() {
    for setting in ["supervisor.sandbox=perhaps", "supervisor.child_paths=w:here"] {
        let finished = Oneshot::new("example").set(setting).run();
        finished.expect_code(2);
    }
}
