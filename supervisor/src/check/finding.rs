//! What a look at everything has found, and what it means. Pure.

use serde::Serialize;

use crate::exit_code::ExitCode;

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Area {
    Program,
    Fixcore,
    Clock,
    Config,
    Places,
    Sandbox,
    Collector,
    Account,
}

impl Area {
    fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Fixcore => "fixcore",
            Self::Clock => "clock",
            Self::Config => "config",
            Self::Places => "places",
            Self::Sandbox => "sandbox",
            Self::Collector => "collector",
            Self::Account => "account",
        }
    }
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// Nothing is in the way of a run, but somebody should know.
    Note,
    /// In the way of a run, or of a part of it.
    Failed,
    /// Not looked at, because something else has failed.
    Skipped,
}

impl State {
    fn mark(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) area: Area,
    /// Which one of its kind.
    pub(super) subject: String,
    pub(super) state: State,
    /// What is so.
    pub(super) said: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) todo: Option<String>,
    /// Whose trouble it is where that does not follow from the area: the command line in place of fixcore.
    #[serde(skip)]
    pub(super) usage: bool,
}

impl Finding {
    pub(super) fn new(area: Area, subject: &str, state: State, said: impl Into<String>) -> Self {
        let (subject, said) = (subject.to_owned(), said.into());
        Self { area, subject, state, said, todo: None, usage: false }
    }

    pub(super) fn ok(area: Area, subject: &str, said: impl Into<String>) -> Self {
        Self::new(area, subject, State::Ok, said)
    }

    pub(super) fn note(area: Area, subject: &str, said: impl Into<String>) -> Self {
        Self::new(area, subject, State::Note, said)
    }

    pub(super) fn failed(area: Area, subject: &str, said: impl Into<String>) -> Self {
        Self::new(area, subject, State::Failed, said)
    }

    pub(super) fn skipped(area: Area, subject: &str, said: impl Into<String>) -> Self {
        Self::new(area, subject, State::Skipped, said)
    }

    #[must_use]
    pub(super) fn todo(self, todo: impl Into<String>) -> Self {
        Self { todo: Some(todo.into()), ..self }
    }

    fn code(&self) -> ExitCode {
        match (self.state, self.area) {
            (State::Ok | State::Note | State::Skipped, _) => ExitCode::Fine,
            (State::Failed, _) if self.usage => ExitCode::Usage,
            (State::Failed, Area::Program | Area::Clock | Area::Config | Area::Places) => ExitCode::Usage,
            (State::Failed, Area::Fixcore) => ExitCode::Fixcore,
            (State::Failed, Area::Collector | Area::Account) => ExitCode::SomeFailed,
            (State::Failed, Area::Sandbox) => ExitCode::Internal,
        }
    }
}

/// What a run would come to, or what is in its way: the trouble that has to be mended first counts.
pub(super) fn exit_code(findings: &[Finding]) -> ExitCode {
    let has = |code| findings.iter().any(|finding| finding.code() == code);
    let collects = findings.iter().any(|finding| finding.area == Area::Account && finding.state == State::Ok);
    if has(ExitCode::Usage) {
        ExitCode::Usage
    } else if has(ExitCode::Fixcore) {
        ExitCode::Fixcore
    } else if has(ExitCode::SomeFailed) {
        if collects { ExitCode::SomeFailed } else { ExitCode::NothingCollected }
    } else if has(ExitCode::Internal) {
        ExitCode::Internal
    } else {
        ExitCode::Fine
    }
}

/// So many accounts that are fine have a line each; of more the number is told.
const LINES: usize = 20;

/// The findings for people, each with what to do.
pub(super) fn table(findings: &[Finding]) -> String {
    let fine = |finding: &Finding| finding.area == Area::Account && finding.state == State::Ok;
    let many = findings.iter().filter(|finding| fine(finding)).count();
    let shown: Vec<&Finding> = findings.iter().filter(|finding| many <= LINES || !fine(finding)).collect();
    let width = shown.iter().map(|finding| finding.subject.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for Finding { area, subject, state, said, todo, .. } in shown {
        let line = format!("{:<8}{:<11}{subject:<width$}  {said}", state.mark(), area.name());
        text.extend([line.trim_end(), "\n"]);
        if let Some(todo) = todo {
            text.extend([" ".repeat(8).as_str(), "-> ", todo, "\n"]);
        }
    }
    if many > LINES {
        let line = format!("{:<8}{:<11}{many} others\n", State::Ok.mark(), Area::Account.name());
        text.push_str(&line);
    }
    text.push_str(&summary(findings));
    text
}

fn summary(findings: &[Finding]) -> String {
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let counts = [(State::Failed, "failed"), (State::Skipped, "not looked at"), (State::Note, "to know")];
    let counts = counts.map(|(state, words)| (count(state), words));
    let some: Vec<_> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, words)| format!("{n} {words}")).collect();
    let code = exit_code(findings);
    let rest = if some.is_empty() { String::new() } else { format!(", {}", some.join(", ")) };
    format!("{} fine{rest}: {} (exit code {})\n", count(State::Ok), meaning(code), code as u8)
}

fn meaning(code: ExitCode) -> &'static str {
    match code {
        ExitCode::Fine => "nothing is in the way of a run",
        ExitCode::Internal => "a wall around children does not hold",
        ExitCode::Usage => "the settings or this host have to be mended first",
        ExitCode::SomeFailed => "some accounts or collectors would fail",
        ExitCode::NothingCollected => "nothing would be collected",
        ExitCode::Fixcore => "there is no way to fixcore",
        ExitCode::Forced => "it was called off",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(states: &[(Area, State)]) -> Vec<Finding> {
        states.iter().map(|(area, state)| Finding::new(*area, "x", *state, "said")).collect()
    }

    #[test]
    fn what_has_to_be_mended_first_is_the_exit_code() {
        use State::{Failed, Note, Ok, Skipped};
        let code = |states: &[(Area, State)]| exit_code(&of(states)) as u8;
        assert_eq!(code(&[]), 0);
        assert_eq!(code(&[(Area::Fixcore, Ok), (Area::Places, Note), (Area::Account, Skipped)]), 0);
        assert_eq!(code(&[(Area::Account, Ok), (Area::Account, Failed)]), 3);
        assert_eq!(code(&[(Area::Account, Ok), (Area::Collector, Failed)]), 3);
        assert_eq!(code(&[(Area::Collector, Ok), (Area::Account, Failed)]), 4);
        assert_eq!(code(&[(Area::Collector, Failed)]), 4);
        assert_eq!(code(&[(Area::Fixcore, Failed), (Area::Account, Failed)]), 5);
        assert_eq!(code(&[(Area::Fixcore, Failed), (Area::Config, Failed)]), 2);
        assert_eq!(code(&[(Area::Sandbox, Failed)]), 1);
        assert_eq!(code(&[(Area::Sandbox, Failed), (Area::Account, Failed)]), 4);
        let wrong = Finding { usage: true, ..Finding::failed(Area::Fixcore, "x", "no such file") };
        assert_eq!(exit_code(&[wrong]) as u8, 2);
    }

    #[test]
    fn every_failing_line_is_followed_by_what_to_do() {
        let findings = [
            Finding::ok(Area::Fixcore, "http://core:8900", "is there"),
            Finding::failed(Area::Account, "aws:prod", "no such role").todo("make the role"),
        ];
        let expected = "\
ok      fixcore    http://core:8900  is there
FAILED  account    aws:prod          no such role
        -> make the role
1 fine, 1 failed: nothing would be collected (exit code 4)
";
        assert_eq!(table(&findings), expected);
    }

    #[test]
    fn of_many_accounts_those_that_are_fine_are_counted() {
        let mut findings: Vec<_> =
            (0..=LINES).map(|n| Finding::ok(Area::Account, &n.to_string(), "fine")).collect();
        findings.push(Finding::failed(Area::Account, "last", "no"));
        let text = table(&findings);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("21 others") && text.contains("FAILED  account    last"), "{text}");
    }
}
