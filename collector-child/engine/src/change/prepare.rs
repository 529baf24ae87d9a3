//! What has to be taken away before a resource can be deleted.
//!
//! All of it is looked up before anything is taken away, as it is now and not as it was collected: of two steps for one
//! thing the first would hide it from the second. A look that fails is no reason to leave the resource; a thing that
//! cannot be taken away is one to leave the rest of them.

use serde_json::{Value, json};
use tables::plan::{DeletePlan, EachOf, Hold, ListCall, NodeCall, Scope};

use super::judge::{Stop, Trouble, is_fatal, stop};
use super::memory::{Done, Memory, Who};
use super::perform::{Elements, Job, Listed, Report, at};
use super::resource::Resource;

/// What came of the preparations.
#[derive(Debug, Default)]
pub struct Prepared {
    /// Something was taken away, so that another try makes sense.
    pub made: usize,
    /// What was not.
    pub troubles: Vec<Trouble>,
}

/// What it means that it cannot be read what keeps a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It is not known to keep it.
    Passes,
    /// It may.
    Keeps,
}

/// What a listing was about, and what it found: several steps may be about the same.
type Looks = Vec<(Value, Option<Vec<Value>>)>;

impl Job<'_> {
    /// What keeps the resource whatever is taken away.
    pub async fn held(
        &self,
        holds: &[Hold],
        scope: Scope<'_>,
        unread: Unread,
    ) -> Result<Option<String>, Stop> {
        for hold in holds {
            let items = match self.list(&hold.list, scope).await {
                Listed::Items(items) => items,
                Listed::Missing(missing) if unread == Unread::Keeps => {
                    return Ok(Some(format!("what keeps it cannot be asked: {missing}")));
                }
                Listed::Gone(_) | Listed::Missing(_) => continue,
                Listed::Failed(error, meaning) if is_fatal(&error) => {
                    return stop(meaning, &error).map_or(Ok(None), Err);
                }
                Listed::Failed(error, _) if unread == Unread::Keeps => {
                    return Ok(Some(format!("whether something keeps it is not known: {error}")));
                }
                Listed::Failed(error, _) => {
                    tracing::info!("what keeps the resource is not known: {error}");
                    continue;
                }
            };
            let keeps = |item: &&Value| tables::plan::Condition::all(&hold.when, &scope.with_each(item));
            if let Some(item) = items.iter().find(keeps) {
                let words = hold.reason.fill(&scope.with_each(item));
                return Ok(Some(words.unwrap_or_else(|| hold.reason.to_string())));
            }
        }
        Ok(None)
    }

    /// Takes away what the table says, or tells of it in a dry run.
    pub async fn prepare(
        &self,
        plan: &DeletePlan,
        resource: &Resource,
        scope: Scope<'_>,
        known: (&Memory, &Who),
    ) -> Result<Prepared, Stop> {
        let mut prepared = Prepared::default();
        if let Some(hook) = &plan.hook {
            match self.hooks.before(hook, *self, resource, known).await {
                Ok(made) => prepared.made += made,
                Err(stop) => prepared.troubles.push(Trouble::of(stop)?),
            }
        }
        let mut looks = Looks::new();
        let mut found = Vec::with_capacity(plan.before.len());
        for call in &plan.before {
            found.push(self.look(call, scope, &mut looks, &mut prepared).await?);
        }
        for (call, elements) in plan.before.iter().zip(found) {
            let mut report = Report::default();
            let ended = self.each(call, scope, &elements, &mut report).await;
            prepared.made += report.made;
            if let Err(stop) = ended {
                prepared.troubles.push(Trouble::of(stop)?);
                break;
            }
        }
        Ok(prepared)
    }

    /// What a step is for, without what was done a moment ago.
    async fn look(
        &self,
        call: &NodeCall,
        scope: Scope<'_>,
        looks: &mut Looks,
        prepared: &mut Prepared,
    ) -> Result<Elements, Stop> {
        let elements = match &call.each {
            None => return Ok(Elements::Itself),
            Some(EachOf::Path(path)) => at(path, &scope),
            Some(EachOf::Call(list)) => self.listed_once(list, scope, looks, prepared).await?,
        };
        Ok(Elements::Each(elements))
    }

    async fn listed_once(
        &self,
        list: &ListCall,
        scope: Scope<'_>,
        looks: &mut Looks,
        prepared: &mut Prepared,
    ) -> Result<Vec<Value>, Stop> {
        let about = json!([list.call.operation, list.call.arguments.fill(&scope).ok(), list.items]);
        if let Some((_, found)) = looks.iter().find(|(look, _)| *look == about) {
            return Ok(found.clone().unwrap_or_default());
        }
        let found = match self.list(list, scope).await {
            Listed::Items(items) => Some(items),
            // The deletion will find the same, or needs the same argument.
            Listed::Gone(_) | Listed::Missing(_) => None,
            Listed::Failed(error, meaning) => {
                let Some(stop) = stop(meaning, &error) else { return Ok(Vec::new()) };
                let trouble = Trouble::of(stop)?;
                if self.dry_run {
                    self.journal.failed(format!("what would have to go first is not known: {error}"));
                } else {
                    prepared.troubles.push(trouble);
                }
                None
            }
        };
        looks.push((about, found.clone()));
        Ok(found.unwrap_or_default())
    }
}

impl<'a> Done<'a> {
    /// What this memory knows of this resource.
    pub fn of((memory, who): (&'a Memory, &'a Who)) -> Self {
        Self { memory, who }
    }
}
