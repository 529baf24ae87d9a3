//! What `fix-collector collect --record` has made, on a machine that has nothing else.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use crate::binaries;
use crate::graph::Export;
use crate::process::Invocation;
use crate::rest::Ran;
use crate::scratch::Scratch;

/// A recording, and a place without variables, settings and clouds.
#[derive(Debug)]
pub struct Recording {
    file: PathBuf,
    scratch: Scratch,
}

impl Recording {
    /// This file, which only its owner may read.
    #[track_caller]
    pub fn of(file: &Path) -> Self {
        let mode = std::fs::metadata(file).expect("there is a recording").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "who may read the recording");
        Self { file: file.to_owned(), scratch: Scratch::new() }
    }

    /// All that is in it.
    #[track_caller]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let file = File::open(&self.file).expect("there is a recording");
        MultiGzDecoder::new(file).read_to_string(&mut text).expect("it is compressed text");
        text
    }

    fn run(&self, args: &[&str]) -> Ran {
        let invocation = Invocation::new(binaries::fix_collector()).args(args).arg(&self.file);
        let invocation = invocation.env("HOME", self.scratch.dir("home")).in_directory(self.scratch.path());
        let mut process = invocation.start("fix-collector", self.scratch.path());
        let code = process.exit_code();
        Ran { code, output: process.output(), errors: process.errors() }
    }

    /// Collects from it. The lines of the graph are sorted, as they come as their answers come, and without the time of
    /// the export.
    #[track_caller]
    pub fn replay(&self) -> (Ran, Vec<String>) {
        let ran = self.run(&["collect", "-o", "graph.ndjson", "--replay"]);
        assert!(!ran.errors.contains("the recording has no answer"), "{}", ran.errors);
        (ran, lines(&self.scratch.path().join("graph.ndjson")))
    }

    /// The last replay gave the nodes and edges of this graph, and their properties but for those that have the name of
    /// a secret, or are in a place of such: they have stand-ins.
    #[track_caller]
    pub fn assert_same_but_for_secrets(&self, recorded: &Export) {
        let replayed = Export::read(&self.scratch.path().join("graph.ndjson"));
        assert_eq!(recorded.edges, replayed.edges);
        assert!(recorded.nodes.keys().eq(replayed.nodes.keys()), "the nodes differ");
        for (id, node) in &recorded.nodes {
            let differ = differences(&node["reported"], &replayed.nodes[id]["reported"]);
            let secret = |(_, after): &&(Value, Value)| {
                after.as_str().is_some_and(|text| text.starts_with("redacted-"))
            };
            let others: Vec<_> = differ.iter().filter(|differs| !secret(differs)).collect();
            assert!(others.is_empty(), "{id}: {others:#?}");
        }
    }

    /// `record inspect`, which finds nothing secret.
    #[track_caller]
    pub fn inspect(&self) -> String {
        let ran = self.run(&["record", "inspect"]);
        ran.expect_code(0);
        assert!(ran.output.contains("nothing in it has the name or the form of a secret"), "{}", ran.output);
        ran.output
    }
}

/// The values in which two documents differ.
fn differences(before: &Value, after: &Value) -> Vec<(Value, Value)> {
    match (before, after) {
        (Value::Object(one), Value::Object(other)) if one.keys().eq(other.keys()) => {
            one.iter().flat_map(|(name, value)| differences(value, &other[name])).collect()
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).flat_map(|(one, other)| differences(one, other)).collect()
        }
        _ if before == after => Vec::new(),
        _ => vec![(before.clone(), after.clone())],
    }
}

/// The lines of a graph, sorted and without the time of the export.
#[track_caller]
pub fn lines(graph: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(graph).expect("there is a graph");
    let lines = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).expect("a line of a graph is JSON");
        if let Some(metadata) = line["metadata"].as_object_mut() {
            metadata.remove("exported_at");
        }
        line.to_string()
    });
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}
