//! What is installed: packages, manifests, and what the service manager is told.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::os::unix::net::UnixDatagram;

use fixworker_tests::core::Fixcore;
use fixworker_tests::process::Invocation;
use fixworker_tests::scratch::Scratch;
use fixworker_tests::worker::WorkerOptions;
use fixworker_tests::{binaries, requirements, wait};
use serde_json::Value;

/// Each package of the programs of this build is installed into an empty place, and collects the demo from it.
#[test]
fn each_package_is_installed_and_collects() {
    let Some(python) = requirements::fixcore_python() else { return };
    let scratch = Scratch::new();
    let (out, script) = (scratch.dir("packages"), binaries::repository().join("scripts/package"));
    let bins = binaries::fixworker().parent().unwrap().to_owned();
    assert_eq!(binaries::fix_collector().parent().unwrap(), bins);
    let package = Invocation::new(&python).arg(&script).arg("--bins").arg(&bins);
    let mut package = package.args(["--level", "1", "--out"]).arg(&out).start("package", scratch.path());
    assert_eq!(package.exit_code(), 0, "{}", package.errors());
    let made = package.output().lines().count();
    let mut check =
        Invocation::new(&python).arg(&script).arg("--check").arg(&out).start("check", scratch.path());
    assert_eq!(check.exit_code(), 0, "{}", check.errors());
    let said = check.output();
    assert!(made >= 2 && said.lines().count() == made, "{made} packages: {said}");
    for form in ["tarball: collected ", "wheel: collected "] {
        assert!(said.contains(form), "{said}");
    }
}

/// The objects of a Kustomization, after they were held against the API's schemas.
#[track_caller]
fn manifests(folder: &str) -> Option<Vec<Value>> {
    let python = requirements::kubernetes_python()?;
    let scratch = Scratch::new();
    let root = binaries::repository();
    let script = Invocation::new(python).arg(root.join("tests/kubernetes/validate.py"));
    let mut script =
        script.arg(root.join("deploy/kubernetes").join(folder)).start("validate", scratch.path());
    assert_eq!(script.exit_code(), 0, "{folder}: {}", script.errors());
    Some(serde_json::from_str(&script.output()).unwrap())
}

#[test]
fn the_manifests_are_what_the_api_takes() {
    let Some(base) = manifests("base") else { return };
    let kinds = |things: &[Value]| -> Vec<String> {
        things.iter().map(|thing| thing["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&base), ["Deployment", "NetworkPolicy"]);
    let Some(shards) = manifests("shards") else { return };
    assert_eq!(kinds(&shards), ["StatefulSet", "NetworkPolicy", "Service"]);
    let spec = &shards[0]["spec"];
    let environment = spec["template"]["spec"]["containers"][0]["env"].as_array().unwrap();
    let shard = environment.iter().find(|variable| variable["name"] == "FIXWORKER_SHARD").unwrap();
    let expected = format!("$(POD_NAME)/{}", spec["replicas"]);
    assert_eq!(shard["value"], expected, "as many workers as there are pods");
}

/// As systemd hears it.
#[test]
fn the_service_manager_is_told_that_the_worker_is_ready_lives_and_stops() {
    let Some(core) = Fixcore::http() else { return };
    let options = WorkerOptions::new(&core, "random");
    let address = options.scratch().path().join("notify");
    let socket = UnixDatagram::bind(&address).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut heard: Vec<String> = Vec::new();
    let mut listen = |what: &str| {
        wait::until(what, || {
            let mut text = [0; 512];
            while let Ok(length) = socket.recv(&mut text) {
                heard.push(String::from_utf8_lossy(&text[..length]).into_owned());
            }
            heard.iter().any(|text| text.starts_with(what))
        });
        std::mem::take(&mut heard)
    };
    let options = options.env("NOTIFY_SOCKET", &address.display().to_string());
    let mut worker = options.env("WATCHDOG_USEC", "1000000").start(&core);
    let start = listen("READY=1");
    assert!(start.iter().any(|text| text.starts_with("STATUS=waiting for fixcore at http://")), "{start:?}");
    listen("STATUS=connected to fixcore, waiting for work");
    listen("WATCHDOG=1");
    listen("WATCHDOG=1");
    assert_eq!(worker.stop(), 0);
    listen("STOPPING=1");
}
