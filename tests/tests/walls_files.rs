//! What the configuration and the host cannot do to the worker's files and secrets.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fixworker_tests::core::Fixcore;
use fixworker_tests::oneshot::Oneshot;
use fixworker_tests::worker::WorkerOptions;
use serde_json::json;

/// All files below a folder.
fn files_below(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            let is_folder = entry.file_type().unwrap().is_dir();
            if is_folder {
                files_below(&entry.path())
            } else {
                vec![entry.file_name().into_string().unwrap()]
            }
        })
        .collect()
}

#[test]
fn spool_dir_with_foreign_files() {
    let oneshot = Oneshot::new("example");
    let home = oneshot.scratch().dir("precious");
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    fs::create_dir_all(home.join("staging")).unwrap();
    fs::create_dir_all(home.join("mail.tmp")).unwrap();
    fs::write(home.join("staging/thesis.txt"), "years").unwrap();
    let finished = oneshot.set(&format!("supervisor.spool_dir={}", home.display())).run();
    finished.expect_code(2).expect_said(&["was not made by fixworker", "mail.tmp", "supervisor.spool_dir"]);
    assert_eq!(fs::read_to_string(home.join("staging/thesis.txt")).unwrap(), "years");
    assert!(home.join("mail.tmp").exists());
    let mut left = files_below(&home);
    left.sort();
    assert_eq!(left, ["thesis.txt"]);
}

/// Whoever may change the configuration may name any variable in it, and sees none.
#[test]
fn placeholder_in_message() {
    let Some(core) = Fixcore::http() else { return };
    let config = json!({
        "fixworker": {"collector": ["file", "$(MY_CLOUD_SECRET)"]},
        "file": {"paths": ["/tmp/$(MY_CLOUD_SECRET)", "/tmp/$(FIXWORKER_TEST_PSK)"]},
    });
    core.put_config(&config);
    let options = WorkerOptions::unconfigured(&core).env("MY_CLOUD_SECRET", "hunter2-cloud-secret");
    let mut worker = options.env("FIXWORKER_TEST_PSK", "top-secret-psk").start(&core);
    core.collect();
    worker.await_log("$(MY_CLOUD_SECRET)");
    worker.await_log("FIXWORKER_TEST_PSK is the worker's own");
    let told = json!([
        core.messages("action_info"),
        core.messages("action_error"),
        core.messages("action_progress")
    ]);
    let told = told.to_string();
    assert!(told.contains("/tmp/$(MY_CLOUD_SECRET)"), "{told}");
    assert_eq!(worker.stop(), 0);
    for secret in ["hunter2-cloud-secret", "top-secret-psk"] {
        assert!(!told.contains(secret), "{told}");
        assert!(!worker.log().contains(secret), "{}", worker.log());
    }
}

/// The configuration writes no file that would run a program as the worker.
#[test]
fn home_files_run_nothing() {
    let Some(core) = Fixcore::http() else { return };
    let files = json!({
        ".aws/config": "[profile evil]\ncredential_process = /bin/sh -c evil",
        ".bashrc": "evil", ".ssh/authorized_keys": "evil", ".azure/x": "fine", ".aws/credentials": "fine",
    });
    core.put_config(&json!({"fixworker": {"collector": ["example"], "files_in_home_dir": files}}));
    let mut worker = WorkerOptions::unconfigured(&core).arg("--home-files=.aws/**,.azure/**").start(&core);
    worker.await_log("names a program to run (credential_process)");
    worker.await_log(".bashrc");
    let mut files = files_below(&worker.scratch().dir("home"));
    files
        .retain(|name| ["config", ".bashrc", "authorized_keys", "x", "credentials"].contains(&name.as_str()));
    files.sort();
    assert_eq!(files, ["credentials", "x"]);
    assert_eq!(worker.stop(), 0);
}

/// Whoever else may write to the folder for temporary files cannot keep the worker from starting, nor is what they put
/// there used.
#[test]
fn names_in_shared_folders_cannot_be_taken() {
    let oneshot = Oneshot::new("example");
    let shared = oneshot.scratch().dir("tmp");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    // Names that earlier releases had there, and what is guessed from those of today.
    let user = nix::unistd::geteuid();
    for name in
        [format!("fixworker-{user}-0"), "fixworker-children-1".to_owned(), format!("fixworker-run-{user}-1")]
    {
        std::os::unix::fs::symlink("/nowhere", shared.join(name)).unwrap();
    }
    let finished = oneshot.run();
    finished.expect_code(0);
    let left: Vec<_> = fs::read_dir(&shared).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.len() == 3 && left.iter().all(|path| path.is_symlink()), "{left:?}");
}
