//! What a test needs of the machine. Without it a test is skipped with a reason; under `CI=true` it fails.

use std::env;
use std::path::PathBuf;

use crate::binaries::repository;

/// The Python interpreter that has fixcore, or `None` if this test is to be skipped.
#[track_caller]
pub fn fixcore_python() -> Option<PathBuf> {
    in_venv("python", "the fixcore harness is not installed")
}

/// The Python worker, or `None` if this test is to be skipped.
#[track_caller]
pub fn python_worker() -> Option<PathBuf> {
    in_venv("fixworker", "the Python worker is not installed")
}

/// The Python interpreter that has the mock clouds of AWS, or `None` if this test is to be skipped.
#[track_caller]
pub fn aws_python() -> Option<PathBuf> {
    let path = env::var_os("PARITY_MOCK_PYTHON").map(PathBuf::from);
    let path = path.unwrap_or_else(|| repository().join("tests/aws/.venv/bin/python"));
    if path.exists() {
        return Some(path);
    }
    skip(&format!("the mock clouds are not installed ({}); scripts/test installs them", path.display()));
    None
}

/// The Python interpreter that has the schemas of the Kubernetes API, or `None` if this test is to be skipped.
#[track_caller]
pub fn kubernetes_python() -> Option<PathBuf> {
    let path = repository().join("tests/kubernetes/.venv/bin/python");
    if path.exists() {
        return Some(path);
    }
    skip(&format!(
        "the schemas of Kubernetes are not installed ({}); scripts/test installs them",
        path.display()
    ));
    None
}

/// The Python interpreter that drives a browser, and the browser, or `None` if this test is to be skipped.
#[track_caller]
pub fn browser() -> Option<(PathBuf, PathBuf)> {
    let python = repository().join("tests/browser/.venv/bin/python");
    let names = ["chromium-headless-shell", "chromium", "google-chrome", "chrome"];
    let given = env::var_os("CHROMIUM").map(PathBuf::from);
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    let mut places = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let Some(chromium) = given.or_else(|| places.find(|path| path.exists())) else {
        no_browser("there is no Chromium; scripts/test installs it where it may, or name one with CHROMIUM");
        return None;
    };
    if python.exists() {
        return Some((python, chromium));
    }
    no_browser(&format!(
        "what drives the browser is not installed ({}); scripts/test installs it",
        python.display()
    ));
    None
}

/// Unlike other programs a browser cannot be installed everywhere, so its absence is told and no failure.
#[expect(clippy::print_stderr, reason = "the runner shows it")]
fn no_browser(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// Whether this process may do what only root can, such as mounting.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[track_caller]
fn in_venv(program: &str, missing: &str) -> Option<PathBuf> {
    let venv = env::var_os("FIXWORKER_TESTS_VENV").map(PathBuf::from);
    let path = venv.unwrap_or_else(|| repository().join("tests/harness/.venv")).join("bin").join(program);
    if path.exists() {
        return Some(path);
    }
    skip(&format!("{missing} ({}); scripts/test installs it", path.display()));
    None
}

/// Says why a test is skipped.
#[track_caller]
#[expect(clippy::print_stderr, reason = "the runner shows it")]
pub fn skip(reason: &str) {
    assert!(env::var("CI").as_deref() != Ok("true"), "skipped under CI=true: {reason}");
    eprintln!("skipped: {reason}");
}
