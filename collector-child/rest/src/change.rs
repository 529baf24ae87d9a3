//! Deleting resources and changing their tags, as tables say.
//!
//! A call is made for the resource alone. A dry run makes reading calls only.

use std::borrow::Cow;

use collector::changes::Journal;
use collector::node::StoredNode;
use collector::{Failure, fault};
use engine::Plans;
use engine::change::{Silent, outcome_for_user};
use http_client::CallError;
use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::FaultKind;
use serde_json::{Map, Value};
use tables::plan::{Call, Condition, DeletePlan, EachOf, ListCall, NodeCall, Place, Scope, TagPlan};

use crate::judge::{Codes, Stop, judge};
use crate::rest::{Asked, Rest};

/// A resource that is changed.
#[derive(Debug, Clone)]
pub struct Changed {
    rest: Rest,
    kind: String,
    reported: Value,
    place: Place,
}

/// What came of a call of a table, which may have been many calls.
#[derive(Debug, Default)]
struct Report {
    /// Calls that succeeded, or would be made.
    made: usize,
    /// Calls that a condition says are not needed.
    needless: usize,
    /// What a call lacked that was not made.
    missing: Option<String>,
}

impl Changed {
    /// The resource that a node stands for, reached by this client.
    pub fn new(rest: Rest, node: &StoredNode) -> Self {
        let id = |ancestor: &Option<collector::node::Ancestor>| {
            ancestor.as_ref().map(|ancestor| ancestor.id().to_owned()).unwrap_or_default()
        };
        let (account, region) = (id(&node.ancestors.account), id(&node.ancestors.region));
        let place = Place::new(&account, &region, &region, "").with("zone", id(&node.ancestors.zone));
        Self { rest, kind: node.kind.clone(), reported: Value::Object(node.reported.clone()), place }
    }

    /// The first call that reads the resource before a change, made by itself: whether it is there. `None` if the table
    /// has no such call.
    pub async fn is_there(&self, plans: &Plans) -> Result<Option<bool>, Failure> {
        let plan = plans.get(&self.kind);
        let tags = plan.and_then(|plan| plan.tag.as_ref());
        let Some(EachOf::Call(list)) = tags.and_then(|tag| tag.set.first()?.each.as_ref()) else {
            return Ok(None);
        };
        let gone = plan.and_then(|plan| plan.delete.as_ref()).map_or(&[][..], |delete| &delete.gone);
        let scope = Scope::new(&self.reported, &self.place);
        match self.list(list, scope, Codes { gone, later: &[] }).await {
            Ok(items) => Ok(Some(!items.is_empty())),
            Err(Stop::Gone(_)) => Ok(Some(false)),
            Err(Stop::Outcome(outcome)) => {
                Err(fault(FaultKind::Unavailable, outcome.reason().unwrap_or_default()).into())
            }
            Err(Stop::Failure(failure)) => Err(failure),
        }
    }

    /// Deletes it, or tells in a dry run what would be done.
    pub async fn delete(
        &self,
        plans: &Plans,
        journal: &dyn Journal,
        dry_run: bool,
    ) -> Result<CleanOutcome, Failure> {
        let Some(plan) = plans.get(&self.kind).and_then(|plan| plan.delete.as_ref()) else {
            let reason = format!("resources of kind {} cannot be deleted", self.kind);
            return Ok(CleanOutcome::Refused { reason });
        };
        match self.by_plan(plan, journal, dry_run).await {
            Ok(()) if dry_run => Ok(CleanOutcome::Planned),
            Ok(()) => Ok(CleanOutcome::Gone),
            Err(Stop::Gone(_)) => {
                journal.done("it is gone already".to_owned());
                Ok(CleanOutcome::Gone)
            }
            Err(Stop::Outcome(outcome)) => Ok(outcome),
            Err(Stop::Failure(failure)) => Err(failure),
        }
    }

    async fn by_plan(&self, plan: &DeletePlan, journal: &dyn Journal, dry_run: bool) -> Result<(), Stop> {
        let scope = Scope::new(&self.reported, &self.place);
        if let Some(refusal) = plan.refuse.iter().find(|refusal| Condition::all(&refusal.when, &scope)) {
            return Err(Stop::Outcome(CleanOutcome::Refused { reason: refusal.reason.clone() }));
        }
        let codes = Codes { gone: &plan.gone, later: &plan.later };
        for call in &plan.calls {
            let report = self.perform(call, scope, codes, journal, dry_run).await?;
            if report.made + report.needless == 0 {
                let why = report.missing.unwrap_or_else(|| "nothing is told about the resource".to_owned());
                let reason = format!("{} cannot be called: {why}", call.call.operation);
                return Err(Stop::Outcome(CleanOutcome::Failed { reason }));
            }
        }
        Ok(())
    }

    /// Removes tags, then sets others.
    pub async fn tag(
        &self,
        plans: &Plans,
        remove: &[String],
        set: &[(String, String)],
    ) -> Result<(), Failure> {
        let plan = plans.get(&self.kind);
        let Some(tags) = plan.and_then(|plan| plan.tag.as_ref()) else {
            let message = format!("resources of kind {} have no tags that can be changed", self.kind);
            return Err(fault(FaultKind::Config, message).into());
        };
        let gone = plan.and_then(|plan| plan.delete.as_ref()).map_or(&[][..], |delete| &delete.gone);
        let codes = Codes { gone, later: &[] };
        for key in remove {
            self.tag_one(tags, (key, None), codes).await?;
        }
        for (key, value) in set {
            self.tag_one(tags, (key, Some(value)), codes).await?;
        }
        Ok(())
    }

    async fn tag_one(
        &self,
        plan: &TagPlan,
        (key, value): (&str, Option<&str>),
        codes: Codes<'_>,
    ) -> Result<(), Failure> {
        let calls = if value.is_some() { &plan.set } else { &plan.remove };
        let (key, value) = (Value::from(key), value.map_or(Value::Null, Value::from));
        let scope = Scope::new(&self.reported, &self.place).with_tag(&key, &value);
        let mut made = 0;
        for call in calls {
            let report = self.perform(call, scope, codes, &Silent, false).await.map_err(for_user)?;
            made += report.made;
            if let Some(missing) = report.missing {
                let message = format!("{} cannot be called: {missing}", call.call.operation);
                return Err(fault(FaultKind::Resource, message).into());
            }
        }
        if made == 0 {
            let message = "none of the calls that change tags of such resources fits this one";
            return Err(fault(FaultKind::Resource, message).into());
        }
        Ok(())
    }

    async fn perform(
        &self,
        call: &NodeCall,
        scope: Scope<'_>,
        codes: Codes<'_>,
        journal: &dyn Journal,
        dry_run: bool,
    ) -> Result<Report, Stop> {
        let mut report = Report::default();
        // What cannot become true with any element is known before elements are asked for.
        let fits = |condition: &Condition| condition.is_about_element() || condition.holds(&scope);
        if !call.when.iter().all(fits) {
            report.needless += 1;
            return Ok(report);
        }
        let elements = match &call.each {
            None => None,
            Some(EachOf::Path(path)) => Some(match path.get(&scope).map(Cow::into_owned) {
                Some(Value::Array(elements)) => elements,
                other => other.into_iter().collect(),
            }),
            Some(EachOf::Call(list)) => Some(self.list(list, scope, codes).await?),
        };
        let Some(elements) = elements else {
            self.element(call, scope, codes, journal, dry_run, &mut report).await?;
            return Ok(report);
        };
        for element in &elements {
            self.element(call, scope.with_each(element), codes, journal, dry_run, &mut report).await?;
        }
        Ok(report)
    }

    async fn element(
        &self,
        call: &NodeCall,
        scope: Scope<'_>,
        codes: Codes<'_>,
        journal: &dyn Journal,
        dry_run: bool,
        report: &mut Report,
    ) -> Result<(), Stop> {
        if !Condition::all(&call.when, &scope) {
            report.needless += 1;
            return Ok(());
        }
        let params = match call.call.arguments.fill(&scope) {
            Ok(params) => params,
            Err(missing) => {
                report.missing = Some(missing.to_string());
                return Ok(());
            }
        };
        let words = words(&call.call.operation, &params);
        report.made += 1;
        if dry_run {
            journal.done(format!("would call {words}"));
            return Ok(());
        }
        match self.call(call, &params).await {
            Ok(_) => {
                journal.done(format!("called {words}"));
                Ok(())
            }
            Err(error) => judge(codes, &call.call.expected, &error).map_or(Ok(()), Err),
        }
    }

    async fn call(&self, call: &NodeCall, params: &Map<String, Value>) -> Result<Value, CallError> {
        self.rest.call(self.asked(&call.call), params).await
    }

    fn asked<'a>(&'a self, call: &'a Call) -> Asked<'a> {
        Asked {
            service: &call.service,
            operation: &call.operation,
            paging: call.paging.as_deref(),
            list: None,
            place: &self.place,
        }
    }

    async fn list(&self, list: &ListCall, scope: Scope<'_>, codes: Codes<'_>) -> Result<Vec<Value>, Stop> {
        let params = list.call.arguments.fill(&scope).map_err(|missing| {
            let reason = format!("{} cannot be called: {missing}", list.call.operation);
            Stop::Outcome(CleanOutcome::Failed { reason })
        })?;
        let mut items = Vec::new();
        let mut pages = self.rest.pages(self.asked(&list.call), params);
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => items.extend(match &list.items {
                    Some(path) => path.take(page),
                    None => vec![page],
                }),
                Err(error) => match judge(codes, &list.call.expected, &error) {
                    Some(stop) => return Err(stop),
                    None => break,
                },
            }
        }
        Ok(items)
    }
}

/// A call in words, for logs that people read: its operation with the path filled in.
fn words(operation: &str, params: &Map<String, Value>) -> String {
    let mut words = operation.to_owned();
    for (name, value) in params.get("path").and_then(Value::as_object).into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        words = words.replace(&format!("{{{name}}}"), &text);
    }
    words
}

/// What ends a change, said to somebody who waits for a tag.
fn for_user(stop: Stop) -> Failure {
    match stop {
        Stop::Failure(failure) => failure,
        Stop::Gone(told) => fault(FaultKind::Resource, format!("it does not exist any more: {told}")).into(),
        Stop::Outcome(outcome) => outcome_for_user(&outcome),
    }
}
