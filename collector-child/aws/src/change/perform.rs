//! Making the calls of a table for one resource.

use std::borrow::Cow;

use aws_client::CallError;
use aws_tables::plan::{Call, Condition, EachOf, ListCall, MissingArgument, NodeCall, Path, Scope};
use ipc_proto::clean::CleanOutcome;
use serde_json::{Map, Value};

use super::Journal;
use super::access::Access;
use super::judge::{Codes, Meaning, Stop, is_fatal, later, never};
use super::words;

/// What calls are made for.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) access: &'a Access<'a>,
    pub(super) journal: &'a dyn Journal,
    /// Nothing is changed; what would be called goes to the journal.
    pub(super) dry_run: bool,
    pub(super) codes: Codes<'a>,
}

/// What came of one call of a table, which may have been many calls.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Calls that succeeded, or would be made.
    pub(super) made: usize,
    /// Calls that found nothing to change any more.
    pub(super) gone: usize,
    /// A call that was not made, because an argument had no value.
    pub(super) missing: Option<MissingArgument>,
}

impl Job<'_> {
    /// Makes a call of a table, for each of its elements if it has such.
    pub(super) async fn perform(&self, call: &NodeCall, scope: Scope<'_>) -> Result<Report, Stop> {
        let mut report = Report::default();
        match &call.each {
            None => self.element(call, scope, &mut report).await?,
            Some(EachOf::Path(path)) => self.elements(call, scope, at(path, &scope), &mut report).await?,
            Some(EachOf::Call(list)) => self.listed(call, list, scope, &mut report).await?,
        }
        Ok(report)
    }

    /// What is listed is changed when the listing is complete, because tokens for further pages may not outlive the
    /// change.
    async fn listed(
        &self,
        call: &NodeCall,
        list: &ListCall,
        scope: Scope<'_>,
        report: &mut Report,
    ) -> Result<(), Stop> {
        if !Condition::all(&list.when, &scope) {
            return Ok(());
        }
        let params = match list.call.arguments.fill(&scope) {
            Ok(params) => params,
            Err(missing) => {
                report.missing = Some(missing);
                return Ok(());
            }
        };
        let mut gathered = Vec::new();
        let mut pages = self.access.pages(&list.call.service, &list.call.operation, params);
        while let Some(page) = pages.next().await {
            self.access.progress();
            match page {
                Ok(page) => gathered.extend(items(list, page)),
                Err(error) => {
                    self.not_listed(list, &error, report)?;
                    break;
                }
            }
        }
        self.elements(call, scope, gathered, report).await
    }

    fn not_listed(&self, list: &ListCall, error: &CallError, report: &mut Report) -> Result<(), Stop> {
        match self.codes.of_call(&list.call.expected, error) {
            Meaning::Nothing => {}
            Meaning::Gone => report.gone += 1,
            Meaning::Later | Meaning::Never if self.dry_run && !is_fatal(error) => {
                self.journal.failed(format!("what would have to go first is not known: {error}"));
            }
            Meaning::Later => return Err(later(error.to_string())),
            Meaning::Never => return Err(never(error)),
        }
        Ok(())
    }

    async fn elements(
        &self,
        call: &NodeCall,
        scope: Scope<'_>,
        elements: Vec<Value>,
        report: &mut Report,
    ) -> Result<(), Stop> {
        for element in &elements {
            self.element(call, scope.with_each(element), report).await?;
        }
        Ok(())
    }

    async fn element(&self, call: &NodeCall, scope: Scope<'_>, report: &mut Report) -> Result<(), Stop> {
        if !Condition::all(&call.when, &scope) {
            return Ok(());
        }
        match call.call.arguments.fill(&scope) {
            Ok(params) => {
                if self.send(&call.call, call.failed.as_ref(), params).await? {
                    report.gone += 1;
                } else {
                    report.made += 1;
                }
            }
            Err(missing) => {
                tracing::debug!("{}:{} is not called: {missing}", call.call.service, call.call.operation);
                report.missing = Some(missing);
            }
        }
        Ok(())
    }

    /// Makes one call, or tells of it in a dry run. True: there was nothing to change any more.
    pub(super) async fn send(
        &self,
        call: &Call,
        failed: Option<&Path>,
        params: Map<String, Value>,
    ) -> Result<bool, Stop> {
        let words = words::call(&call.service, &call.operation, &params);
        if self.dry_run {
            self.journal.done(format!("would call {words}"));
            return Ok(false);
        }
        match self.access.call(&call.service, &call.operation, params).await {
            Ok(answer) => {
                let troubles = failed.map(|path| path.take(answer)).unwrap_or_default();
                let gone = self.inside(call, &troubles)?;
                if !gone {
                    self.journal.done(format!("called {words}"));
                }
                Ok(gone)
            }
            Err(error) => match self.codes.of_call(&call.expected, &error) {
                Meaning::Nothing => Ok(false),
                Meaning::Gone => Ok(true),
                Meaning::Later => Err(later(error.to_string())),
                Meaning::Never => Err(never(&error)),
            },
        }
    }

    /// Judges the troubles inside of a good answer. True if all that they say is that something is gone.
    fn inside(&self, call: &Call, troubles: &[Value]) -> Result<bool, Stop> {
        let (mut gone, mut busy, mut refused) = (0, Vec::new(), Vec::new());
        for trouble in troubles.iter().filter(|trouble| trouble.is_object()) {
            let [code, message] = ["Code", "Message"].map(|name| trouble[name].as_str().unwrap_or_default());
            match self.codes.meaning(&call.expected, code) {
                Meaning::Nothing => {}
                Meaning::Gone => gone += 1,
                Meaning::Later => busy.push(format!("{message} ({code})")),
                Meaning::Never => refused.push(format!("{message} ({code})")),
            }
        }
        let told = |told: &[String]| {
            let more = if told.len() > 1 { format!(", and {} more", told.len() - 1) } else { String::new() };
            format!("{}:{}: the service refused: {}{more}", call.service, call.operation, told[0])
        };
        if !refused.is_empty() {
            return Err(Stop::Outcome(CleanOutcome::Failed { reason: told(&refused) }));
        }
        if !busy.is_empty() {
            return Err(later(told(&busy)));
        }
        Ok(gone > 0)
    }
}

/// The elements that a path leads to.
fn at(path: &Path, scope: &Scope<'_>) -> Vec<Value> {
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
