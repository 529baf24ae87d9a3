//! Where the binaries are.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The daemon and one-shot: `$FIXWORKER_BIN`, else the one of this build.
pub fn fixworker() -> PathBuf {
    named("FIXWORKER_BIN").unwrap_or_else(|| built("fixworker"))
}

/// The child: `$FIX_COLLECTOR_BIN`, else the one of this build.
pub fn fix_collector() -> PathBuf {
    named("FIX_COLLECTOR_BIN").unwrap_or_else(|| built("fix-collector"))
}

/// The child that misbehaves.
pub fn rogue_child() -> PathBuf {
    built("rogue_child")
}

/// The program that ties processes to the test.
pub fn leash() -> PathBuf {
    built("leash")
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is inside the repository")
}

fn named(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The binary `name` in the directory this test was built into.
fn built(name: &str) -> PathBuf {
    let path = profile_directory().join(name);
    if !path.exists() {
        build_all();
    }
    assert!(path.exists(), "{} is missing even after cargo build", path.display());
    path
}

/// `target/debug`, from `target/debug/deps/test-hash` or `target/debug/soak`.
fn profile_directory() -> PathBuf {
    let own = env::current_exe().expect("the path of this program is known");
    let parent = own.parent().expect("a program lies in a directory");
    if parent.ends_with("deps") { parent.parent().unwrap_or(parent).into() } else { parent.into() }
}

/// Cargo locks, so tests that come here at once build once.
fn build_all() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "cargo is no child of the worker")]
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(repository()).args(["build", "--quiet", "--bins"]);
        cargo.args(["-p", "fixworker", "-p", "fix-collector", "-p", "fixworker-tests"]);
        if profile_directory().ends_with("release") {
            cargo.arg("--release");
        }
        let status = cargo.status().expect("cargo can be started");
        assert!(status.success(), "cargo build of the binaries failed");
    });
}
