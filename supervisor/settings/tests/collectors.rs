//! Which collectors run.

mod support;

use std::path::Path;

use fixworker_settings::Environment;
use fixworker_settings::collectors::{Probe, auto_enabled, select};
use ipc_proto::job::AutoEnable;
use support::collectors;

#[test]
fn credentials_enable_a_collector() {
    let mut described = collectors();
    described[1].auto_enable = vec![AutoEnable::File("~/.random".to_owned())];
    described[2].auto_enable = vec![AutoEnable::File("/etc/example".to_owned())];
    let enabled = |variables: &[(&str, &str)], home: Option<&str>, files: &[&str]| {
        let environment: Environment = variables.iter().copied().collect();
        let exists = |path: &Path| files.iter().any(|file| Path::new(file) == path);
        let probe = Probe { environment: &environment, home: home.map(Path::new), exists: &exists };
        auto_enabled(&described, probe).join(" ")
    };
    assert_eq!(enabled(&[], Some("/home/me"), &[]), "");
    assert_eq!(enabled(&[("AWS_KEY", "")], None, &[]), "", "an empty variable is none");
    assert_eq!(enabled(&[("AWS_KEY", "x")], None, &["/etc/example"]), "aws example");
    assert_eq!(enabled(&[], Some("/home/me"), &["/home/me/.random"]), "random");
    assert_eq!(enabled(&[], None, &["/home/me/.random"]), "");
}

#[test]
fn configured_collectors_are_those_we_have_and_those_we_lack() {
    let names: Vec<_> = ["random", "gcp", "aws", "random", "exampel", "gcp"].map(str::to_owned).into();
    let selection = select(&names, &collectors());
    assert_eq!(selection.active, ["random", "aws"], "in their order, each once");
    let missing: Vec<_> = selection.missing.iter().map(ToString::to_string).collect();
    assert_eq!(missing.len(), 2);
    assert!(missing[0].starts_with("this worker has no collector called gcp; its settings"), "{missing:?}");
    assert!(missing[1].contains("exampel; did you mean example?"), "{missing:?}");
    assert_eq!(select(&[], &collectors()).active.len(), 0, "an empty list is an empty list");
}
