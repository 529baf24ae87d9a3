//! The lines of a program that are no part of a graph.

use collector::{FaultExt, fault};
use ipc_proto::fault::{Fault, FaultKind, Level, Retry};
use serde::Deserialize;

/// What a program says: an object with one member.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    /// An account that can be collected.
    Account(Known),
    /// Whose account the credentials are.
    Identity(Known),
    /// A trouble; the work goes on.
    Fault(Trouble),
    /// What it does now.
    Step(String),
    /// How far it is.
    Progress(Progress),
    /// Something was changed, or would be in a dry run.
    Log(String),
    /// How a deletion ended.
    Cleaned(Cleaned),
    /// Everything was said.
    Done(Empty),
    /// It is over, without success.
    Error(Trouble),
}

/// An account, as the program names it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: Option<String>,
    /// One of its clouds, if it has several.
    #[serde(default)]
    pub(super) cloud: Option<String>,
    /// One of its kinds of accounts, if it has several.
    #[serde(default)]
    pub(super) kind: Option<String>,
    /// What the program wants to be told again when it collects it.
    #[serde(default)]
    pub(super) scope: Option<String>,
}

/// A trouble, for people.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trouble {
    message: String,
    /// By the names of the report.
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    hint: Option<String>,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    service: Option<String>,
    /// Another attempt may end better.
    #[serde(default)]
    later: Option<bool>,
    /// Only worth knowing.
    #[serde(default)]
    info: bool,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    pub(super) name: String,
    pub(super) current: u32,
    pub(super) total: u32,
}

/// How a deletion ended; reasons are phrases without the name of the resource.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cleaned {
    Gone,
    Planned,
    Later(String),
    Failed(String),
    Refused(String),
}

/// No members, or some that a later version has.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Empty {}

impl Word {
    /// Reads a line. The error says what is wrong with it.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|error| {
            let text = error.to_string();
            text.split(" at line ").next().unwrap_or(&text).to_owned()
        })
    }
}

impl Trouble {
    pub(super) fn fault(self) -> Fault {
        let named = self.kind.as_deref();
        let kind = FaultKind::ALL.into_iter().find(|kind| Some(kind.name()) == named);
        let mut told = fault(kind.unwrap_or(FaultKind::Internal), self.message);
        if let Some(hint) = self.hint {
            told = told.with_hint(hint);
        }
        if let Some(region) = self.region {
            told = told.scope_region(region);
        }
        if let Some(service) = self.service {
            told = told.scope_service(service);
        }
        match self.later {
            Some(true) => told = told.with_retry(Retry::Later),
            Some(false) => told = told.with_retry(Retry::Never),
            None => {}
        }
        if self.info {
            told.level = Level::Info;
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        let known = |id: &str| Known {
            id: id.to_owned(),
            name: Some("n".to_owned()),
            cloud: None,
            kind: None,
            scope: None,
        };
        for (line, word) in [
            (r#"{"account": {"id": "1", "name": "n"}}"#, Word::Account(known("1"))),
            (r#"{"step": "reading"}"#, Word::Step("reading".to_owned())),
            (r#"{"cleaned": "gone"}"#, Word::Cleaned(Cleaned::Gone)),
            (r#"{"cleaned": {"later": "in use"}}"#, Word::Cleaned(Cleaned::Later("in use".to_owned()))),
            (r#"{"done": {"nodes": 3}}"#, Word::Done(Empty {})),
        ] {
            assert_eq!(Word::parse(line.as_bytes()).unwrap(), word);
        }
        assert!(Word::parse(b"{\"acount\": {}}").unwrap_err().contains("unknown variant `acount`"));
        assert!(Word::parse(b"hello").is_err());
    }

    #[test]
    fn troubles_are_faults() {
        let Word::Error(trouble) = Word::parse(
            br#"{"error": {"message": "no", "kind": "credentials", "hint": "log in", "later": true, "region": "r"}}"#,
        )
        .unwrap() else {
            panic!()
        };
        let fault = trouble.fault();
        assert_eq!((fault.kind, fault.retry), (FaultKind::Credentials, Retry::Later));
        assert_eq!((fault.hint.as_deref(), fault.scope.region.as_deref()), (Some("log in"), Some("r")));
        let Word::Fault(odd) = Word::parse(br#"{"fault": {"message": "m", "kind": "odd"}}"#).unwrap() else {
            panic!()
        };
        assert_eq!(odd.fault().kind, FaultKind::Internal);
    }
}
