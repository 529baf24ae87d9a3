//! The spool directory: full, read-only, a link, or somebody else's.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use fixworker_tests::core::Fixcore;
use fixworker_tests::mount::Tmpfs;
use fixworker_tests::worker::WorkerOptions;

fn assert_nothing_lost(core: &Fixcore, options: WorkerOptions, says: &[&str]) {
    let mut before = WorkerOptions::new(core, "example").start(core);
    core.collect();
    assert_eq!(before.stop(), 0);
    let stored = core.graph();

    let mut worker = options.launch();
    if let Some(status) = worker.ended_or_connected(core) {
        assert!([Some(1), Some(2)].contains(&status.code()), "{status}: {}", worker.log());
    } else {
        core.collect();
        worker.process().stop();
    }
    let log = worker.log();
    assert!(
        log.lines().any(|line| says.iter().all(|part| line.contains(part))),
        "no line has {says:?}: {log}"
    );
    assert_eq!(core.graph().nodes.len(), stored.nodes.len());
    assert_eq!(core.graph().edges, stored.edges);
}

#[test]
fn daemon_a_read_only_spool() {
    let Some(core) = Fixcore::http() else { return };
    let options = WorkerOptions::new(&core, "example");
    let place = options.scratch().dir("spool");
    let _mounted = Tmpfs::read_only(&place);
    assert_nothing_lost(&core, options.set(&format!("supervisor.spool_dir={}", place.display())), &["spool"]);
}

#[test]
fn daemon_a_full_spool() {
    let Some(core) = Fixcore::http() else { return };
    let options = WorkerOptions::new(&core, "example,random").set("random.resources_per_account=30000");
    let options = options.set("random.accounts=1").set("supervisor.max_attempts=1");
    let place = options.scratch().dir("spool");
    // Room for the journal, and none for a graph that spills.
    let _mounted = Tmpfs::small(&place, 256 << 10);
    let options = options.set(&format!("supervisor.spool_dir={}", place.display()));
    let options =
        if fixworker_tests::requirements::is_root() { options } else { options.file_size_limit(256 << 10) };
    assert_nothing_lost_but_random(&core, options);
}

fn assert_nothing_lost_but_random(core: &Fixcore, options: WorkerOptions) {
    let mut worker = options.start(core);
    core.collect();
    let error = core.await_reported(&["random"]);
    assert!(error.contains("space") || error.contains("large") || error.contains("full"), "{error}");
    assert_eq!(
        core.graph().accounts(),
        ["Example Account"],
        "the small account landed, the large one was reported"
    );
    assert_eq!(worker.stop(), 0);
}

#[test]
fn daemon_a_spool_that_is_a_link() {
    let Some(core) = Fixcore::http() else { return };
    let options = WorkerOptions::new(&core, "example");
    let target = options.scratch().dir("target");
    let link = options.scratch().path().join("link");
    std::os::unix::fs::symlink(target, &link).unwrap();
    assert_nothing_lost(&core, options.set(&format!("supervisor.spool_dir={}", link.display())), &["link"]);
}

#[test]
fn daemon_a_second_worker_on_the_same_spool() {
    let Some(core) = Fixcore::http() else { return };
    let first = WorkerOptions::new(&core, "example");
    let place = first.scratch().dir("spool");
    let setting = format!("supervisor.spool_dir={}", place.display());
    let mut first = first.set(&setting).start(&core);
    let mut second = WorkerOptions::new(&core, "example").subscriber("second.worker").set(&setting).launch();
    let status = second.process().exit_code();
    assert!([1, 2].contains(&status), "{status}: {}", second.log());
    assert!(second.log().contains(&place.display().to_string()), "{}", second.log());
    assert_eq!(first.stop(), 0);
}
