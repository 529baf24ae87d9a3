//! The settings: the same checks as those of the daemon and of `fixworker collect`.

use std::path::Path;

use fixworker_fixcore::CoreClient;
use fixworker_settings::collectors::{Selection, select};
use fixworker_settings::document::read_config_file;
use fixworker_settings::problem::{Origin, Problem, Severity};
use fixworker_settings::{Environment, Inputs, Overrides, Running, Sections};
use ipc_proto::job::Described;
use serde_json::{Map, Value};

use super::finding::{Area, Finding};
use crate::{config, setup};

/// Where settings come from.
pub(super) struct Document {
    pub(super) content: Map<String, Value>,
    /// For people.
    pub(super) place: String,
}

/// Reads the document: the file if there is one, else what fixcore has.
pub(super) async fn read(file: Option<&Path>, client: Option<&CoreClient>) -> (Document, Option<Finding>) {
    let document = |content, place: String| Document { content, place };
    if let Some(path) = file {
        let place = format!("the file {}", path.display());
        return match read_config_file(path) {
            Ok(content) => (document(content, place), None),
            Err(error) => {
                let wrong = Finding::failed(Area::Config, "--config", error.to_string());
                (document(Map::new(), place), Some(wrong.todo("correct the file, or give another one")))
            }
        };
    }
    let defaults = || document(Map::new(), "the defaults".to_owned());
    let Some(client) = client else {
        let said = "the config document is in fixcore: the defaults are looked at in its place";
        let away = Finding::skipped(Area::Config, "document", said);
        return (defaults(), Some(away.todo("give a copy of it with --config FILE")));
    };
    let place = format!("the config {} in fixcore", client.subscriber().document());
    match config::look(client).await {
        Ok(content) if content.is_empty() => {
            let said =
                format!("{place} is not there yet: the worker stores it with its defaults when it starts");
            (defaults(), Some(Finding::note(Area::Config, "document", said)))
        }
        Ok(content) => (document(content, place), None),
        Err(error) => {
            let wrong = Finding::failed(Area::Config, "document", error.to_string());
            (document(Map::new(), place), Some(wrong.todo("correct the config document in fixcore")))
        }
    }
}

/// The settings by the document, and what is wrong with them.
pub(super) fn load(
    document: &Document,
    overrides: &Overrides,
    described: &[Described],
    environment: &Environment,
) -> (Running, Selection, Vec<Finding>) {
    let (sections, errors) = Sections::new(&setup::facts(described, environment), described);
    let inputs = Inputs { sections: &sections, document: &document.content, overrides, environment };
    let running = Running::load(inputs, None);
    running.used_variables().for_each(|(name, value)| fixworker_surface::scrub::hide(name, value));
    let broken = errors.iter().map(|error| {
        Finding::failed(Area::Program, "fix-collector", error.to_string())
            .todo("use a fix-collector of the same release")
    });
    let mut findings: Vec<Finding> = broken.collect();
    findings.extend(running.problems().iter().map(|problem| of_problem(problem, &document.place)));
    let selection = select(&running.worker().collector, described);
    findings.extend(of_selection(&selection));
    if running.worker().pool_size == 0 {
        let said = "is 0, so nothing is collected";
        findings.push(Finding::failed(Area::Config, "fixworker.pool_size", said).todo("raise it"));
    }
    if !findings.iter().any(|finding| finding.area == Area::Config) {
        let said = format!("{}: nothing is wrong", document.place);
        findings.push(Finding::ok(Area::Config, "document", said));
    }
    (running, selection, findings)
}

fn of_problem(problem: &Problem, place: &str) -> Finding {
    let what = problem.what.to_string();
    let finding = match problem.severity() {
        Severity::Error => Finding::failed(Area::Config, problem.path.as_str(), what),
        Severity::Warning => Finding::note(Area::Config, problem.path.as_str(), what),
    };
    match problem.origin {
        Origin::Document => finding.todo(format!("correct it in {place}")),
        Origin::Override => finding.todo("correct --override, or FIXWORKER_OVERRIDE"),
    }
}

fn of_selection(selection: &Selection) -> Vec<Finding> {
    let subject = "fixworker.collector";
    let missing = selection.missing.iter().map(|missing| {
        Finding::failed(Area::Config, subject, missing.to_string()).todo("correct the list of collectors")
    });
    let mut findings: Vec<Finding> = missing.collect();
    if selection.active.is_empty() && findings.is_empty() {
        let said = "names no collector, so nothing is collected";
        let todo = "name some, for example --override fixworker.collector=aws";
        findings.push(Finding::failed(Area::Config, subject, said).todo(todo));
    }
    findings
}
