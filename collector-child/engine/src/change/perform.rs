//! Making the calls of a table for one resource.

use std::borrow::Cow;
use std::fmt;

use collector::changes::Journal;
use http_client::CallError;
use ipc_proto::clean::CleanOutcome;
use serde_json::{Map, Value};
use tables::plan::{Call, Condition, EachOf, ListCall, MissingArgument, NodeCall, Path, Scope};

use super::access::Access;
use super::hooks::ChangeHooks;
use super::judge::{Codes, Meaning, Stop, is_fatal, later, stop};
use super::memory::Done;
use super::words;

/// The member by which some answers say whether it was done.
const DONE: &str = "Success";

/// What calls are made for.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// What tables cannot say.
    pub hooks: &'a dyn ChangeHooks,
    /// Calls.
    pub access: &'a Access<'a>,
    /// Where what was done is told.
    pub journal: &'a dyn Journal,
    /// Nothing is changed; what would be called goes to the journal.
    pub dry_run: bool,
    /// What codes mean.
    pub codes: Codes<'a>,
    /// What was taken away from the resource already, while something is.
    pub done: Option<Done<'a>>,
}

/// What came of one call of a table, which may have been many calls.
#[derive(Debug, Default)]
pub struct Report {
    /// Calls that succeeded, or would be made.
    pub made: usize,
    /// What the cloud says of a thing that is not there any more.
    pub gone: Option<String>,
    /// Calls that a condition says are not needed.
    pub needless: usize,
    /// A call that was not made, because an argument had no value.
    pub missing: Option<MissingArgument>,
}

/// What one call is made for.
#[derive(Debug)]
pub enum Elements {
    /// The resource itself.
    Itself,
    /// Each of these.
    Each(Vec<Value>),
}

/// What a call that changes something has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// It is done.
    Done,
    /// There was nothing to change any more, as the cloud says.
    Gone(String),
}

/// What a listing found.
#[derive(Debug)]
pub enum Listed {
    /// These.
    Items(Vec<Value>),
    /// The resource is not there, as the cloud says.
    Gone(String),
    /// An argument has no value.
    Missing(MissingArgument),
    /// It failed.
    Failed(CallError, Meaning),
}

impl fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("dry_run", &self.dry_run).finish_non_exhaustive()
    }
}

impl Job<'_> {
    /// Makes a call of a table, for each of its elements if it has such.
    pub async fn perform(&self, call: &NodeCall, scope: Scope<'_>) -> Result<Report, Stop> {
        let mut report = Report::default();
        // What cannot become true with any element is known before elements are asked for.
        let fits = |condition: &Condition| condition.is_about_element() || condition.holds(&scope);
        if !call.when.iter().all(fits) {
            report.needless += 1;
            return Ok(report);
        }
        let elements = match &call.each {
            None => Elements::Itself,
            Some(EachOf::Path(path)) => Elements::Each(at(path, &scope)),
            Some(EachOf::Call(list)) => match self.list(list, scope).await {
                Listed::Items(items) => Elements::Each(items),
                Listed::Gone(told) => {
                    report.gone = Some(told);
                    return Ok(report);
                }
                Listed::Missing(missing) => {
                    report.missing = Some(missing);
                    return Ok(report);
                }
                Listed::Failed(error, _) if self.dry_run && !is_fatal(&error) => {
                    self.journal.failed(format!("whether it can be deleted is not known: {error}"));
                    return Ok(Report { needless: 1, ..report });
                }
                Listed::Failed(error, meaning) => return Err(stopped(meaning, &error)),
            },
        };
        self.each(call, scope, &elements, &mut report).await?;
        Ok(report)
    }

    /// Makes a call for the elements that were found.
    pub async fn each(
        &self,
        call: &NodeCall,
        scope: Scope<'_>,
        elements: &Elements,
        report: &mut Report,
    ) -> Result<(), Stop> {
        match elements {
            Elements::Itself => self.element(call, scope, report).await,
            Elements::Each(elements) => {
                for element in elements {
                    self.element(call, scope.with_each(element), report).await?;
                }
                Ok(())
            }
        }
    }

    /// What is listed is changed when the listing is complete, because tokens for further pages may not outlive the
    /// change.
    pub async fn list(&self, list: &ListCall, scope: Scope<'_>) -> Listed {
        if !Condition::all(&list.when, &scope) {
            return Listed::Items(Vec::new());
        }
        let params = match list.call.arguments.fill(&scope) {
            Ok(params) => params,
            Err(missing) => return Listed::Missing(missing),
        };
        let mut gathered = Vec::new();
        let mut pages = self.access.pages(&list.call.service, &list.call.operation, params);
        while let Some(page) = pages.next().await {
            self.access.progress();
            match page {
                Ok(page) => gathered.extend(items(list, page)),
                Err(error) => {
                    return match self.codes.of_call(&list.call.expected, &error) {
                        Meaning::Nothing => Listed::Items(gathered),
                        Meaning::Gone => Listed::Gone(error.to_string()),
                        meaning => Listed::Failed(error, meaning),
                    };
                }
            }
        }
        Listed::Items(gathered)
    }

    async fn element(&self, call: &NodeCall, scope: Scope<'_>, report: &mut Report) -> Result<(), Stop> {
        if !Condition::all(&call.when, &scope) {
            report.needless += 1;
            return Ok(());
        }
        match call.call.arguments.fill(&scope) {
            Ok(params) => {
                let what =
                    self.done.filter(|_| !self.dry_run).map(|done| (done, Value::from(params.clone())));
                if what.as_ref().is_some_and(|(done, what)| done.has(&call.call.operation, what)) {
                    report.needless += 1;
                    return Ok(());
                }
                match self.send(&call.call, call.failed.as_ref(), params).await? {
                    Sent::Gone(told) => report.gone = Some(told),
                    Sent::Done => report.made += 1,
                }
                if let Some((done, what)) = what {
                    done.keeps(&call.call.operation, &what);
                }
            }
            Err(missing) => {
                tracing::debug!("{} is not called: {missing}", called(&call.call));
                report.missing = Some(missing);
            }
        }
        Ok(())
    }

    /// Makes one call, or tells of it in a dry run.
    pub async fn send(
        &self,
        call: &Call,
        failed: Option<&Path>,
        params: Map<String, Value>,
    ) -> Result<Sent, Stop> {
        let words = words::call(&call.service, &call.operation, &params);
        if self.dry_run {
            self.journal.done(format!("would call {words}"));
            return Ok(Sent::Done);
        }
        match self.access.call(&call.service, &call.operation, params).await {
            Ok(answer) if answer[DONE] == Value::Bool(false) => {
                let reason = format!("{} answers that it was not done, and does not say why", called(call));
                Err(Stop::Outcome(CleanOutcome::Failed { reason }))
            }
            Ok(answer) => {
                let troubles = failed.map(|path| path.take(answer)).unwrap_or_default();
                let sent = self.inside(call, &troubles)?;
                if sent == Sent::Done {
                    self.journal.done(format!("called {words}"));
                }
                Ok(sent)
            }
            Err(error) => match self.codes.of_call(&call.expected, &error) {
                Meaning::Nothing => Ok(Sent::Done),
                Meaning::Gone => Ok(Sent::Gone(error.to_string())),
                meaning => Err(stopped(meaning, &error)),
            },
        }
    }

    /// Judges the troubles inside of a good answer.
    fn inside(&self, call: &Call, troubles: &[Value]) -> Result<Sent, Stop> {
        let (mut gone, mut held, mut busy, mut refused) = (None, Vec::new(), Vec::new(), Vec::new());
        for trouble in troubles.iter().filter(|trouble| trouble.is_object()) {
            let [code, message] = ["Code", "Message"].map(|name| trouble[name].as_str().unwrap_or_default());
            match self.codes.meaning(&call.expected, code, message) {
                Meaning::Nothing => {}
                Meaning::Gone => gone = Some(format!("{message} ({code})")),
                Meaning::Held => held.push(format!("{message} ({code})")),
                Meaning::Later => busy.push(format!("{message} ({code})")),
                Meaning::Never => refused.push(format!("{message} ({code})")),
            }
        }
        let told = |told: &[String]| {
            let more = if told.len() > 1 { format!(", and {} more", told.len() - 1) } else { String::new() };
            format!("{}: the service refused: {}{more}", called(call), told[0])
        };
        if !refused.is_empty() {
            return Err(Stop::Outcome(CleanOutcome::Failed { reason: told(&refused) }));
        }
        if !held.is_empty() {
            return Err(Stop::Held(told(&held)));
        }
        if !busy.is_empty() {
            return Err(later(told(&busy)));
        }
        Ok(gone.map_or(Sent::Done, Sent::Gone))
    }
}

/// The operation of a call in words.
pub(super) fn called(call: &Call) -> String {
    words::operation(&call.service, &call.operation)
}

/// The end because of an error that is one.
fn stopped(meaning: Meaning, error: &CallError) -> Stop {
    stop(meaning, error).unwrap_or_else(|| later(error.to_string()))
}

/// The elements that a path leads to.
pub(super) fn at(path: &Path, scope: &Scope<'_>) -> Vec<Value> {
    match path.get(scope).map(Cow::into_owned) {
        None => Vec::new(),
        Some(Value::Array(elements)) => elements,
        Some(element) => vec![element],
    }
}

/// The items of a page of a listing.
fn items(list: &ListCall, page: Value) -> Vec<Value> {
    let items = match &list.items {
        Some(path) => path.take(page),
        None => vec![page],
    };
    let document = |item| match item {
        Value::Object(_) => item,
        other => Value::Object(Map::from_iter([("$item".to_owned(), other)])),
    };
    items.into_iter().filter(|item| !item.is_null()).map(document).collect()
}
