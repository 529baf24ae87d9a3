//! Programs that are no collectors: each gets one clear sentence with what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fixworker_fleet::{Failure, Settings};

use crate::support::{Bench, Recorder, spec};

async fn start(make: impl FnOnce(&Path)) -> Box<Failure> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("collector");
    make(&path);
    let bench = Bench::new(|settings: &mut Settings| settings.binary.clone_from(&path)).await;
    let child = bench.child("ok");
    let failure = child.run(spec("ok", None), Recorder::default()).await.unwrap_err();
    child.close().await;
    bench.assert_nothing_is_left().await;
    failure
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn each_wrong_program_has_its_own_sentence() {
    type Make = fn(&Path);
    let cases: [(Make, &str, &str); 5] = [
        (|_| {}, "does not exist", "--collector-bin"),
        (|path| write(path, "#!/bin/sh\n", 0o600), "is not executable", "chmod +x"),
        (|path| fs::create_dir(path).unwrap(), "is not executable", "chmod +x"),
        (
            |path| write(path, "\x7fELF but not really", 0o700),
            "not a program for this machine",
            "architecture",
        ),
        (|path| write(path, "#!/no/such/interpreter\n", 0o700), "its interpreter", "first line"),
    ];
    for (make, says, hint) in cases {
        let failure = start(make).await;
        assert_eq!(failure.outcome.kind(), "spawn_failed", "{}", failure.report());
        assert!(failure.message().contains(says), "{}", failure.message());
        assert!(failure.hint().unwrap().contains(hint), "{:?}", failure.hint());
    }
}

#[tokio::test]
async fn a_program_that_does_not_know_our_arguments_says_so_itself() {
    let script = "#!/bin/sh\necho \"unknown option $1\" >&2\nexit 64\n";
    let failure = start(|path| write(path, script, 0o700)).await;
    assert_eq!(
        failure.message(),
        "the child ended before the job was done, with exit code 64 (wrong command line)"
    );
    assert_eq!(failure.stderr, ["unknown option --connect"]);
    assert!(!failure.ready);
}
