//! The repositories of the settings.

use std::sync::Arc;

use collector::{config_fault, fault};
use engine::hooks::prelude::*;
use http_client::CallError;
use ipc_proto::fault::FaultKind;
use tokio::sync::OnceCell;

use crate::apart::{keep_apart, once};
use crate::cloud::{SERVICE, Told, of_settings};
use crate::config::{Name, Wishes};

/// Repositories that are asked for at once.
const AT_ONCE: usize = 4;

pub(crate) struct Repositories;

/// Their documents, asked for once.
#[derive(Debug, Default)]
pub(crate) struct Known(OnceCell<Vec<Value>>);

impl Hook for Repositories {
    fn name(&self) -> &'static str {
        "repositories"
    }

    fn collect<'a>(
        &'a self,
        context: Context<'a>,
        _plan: &'static KindPlan,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move {
            let known: Arc<Known> = context.shared();
            Ok(known.all(context).await?.to_vec())
        })
    }
}

impl Known {
    /// All repositories that GitHub shows.
    pub(crate) async fn all(&self, context: Context<'_>) -> Result<&[Value], Failure> {
        let wishes = of_settings(context)?;
        Ok(self.0.get_or_try_init(|| find(context, wishes)).await?)
    }
}

async fn find(context: Context<'_>, wishes: &Wishes) -> Result<Vec<Value>, Failure> {
    for name in &wishes.wrong {
        let message = format!("github.repos has {name}, which is no name of a repository");
        context.report(config_fault(message, "write it like OWNER/NAME"));
    }
    let names = wishes.repositories.iter().collect();
    let found = gather(AT_ONCE, names, |name| Box::pin(repository(context, name))).await?;
    let mut found: Vec<Value> = found.into_iter().flatten().collect();
    once(&mut found);
    keep_apart(&mut found, |one| one["name"].as_str().map(str::to_owned), |one| one["full_name"].clone());
    Ok(found)
}

async fn repository(context: Context<'_>, name: &Name) -> Result<Option<Value>, Failure> {
    let Name { owner, repository } = name;
    let full_name = format!("{owner}/{repository}");
    let ask = context.ask(SERVICE, "GET /repos/{owner}/{repository}");
    let mut told = ask.with("path", json!({"owner": owner, "repository": repository})).raw().await;
    if let Some(number) = told.as_ref().err().and_then(moved) {
        let ask = context.ask(SERVICE, "GET /repositories/{number}");
        told = ask.with("path", json!({"number": number})).raw().await;
    }
    match told {
        Ok(found) if found["full_name"].is_string() => Ok(Some(found)),
        Ok(_) => {
            let told = format!("the answer about the repository {full_name} has no full_name");
            context.report(fault(FaultKind::InvalidAnswer, told));
            Ok(None)
        }
        Err(error) => context.trouble(error, "repository", &full_name, &["repos"]).await.map(|()| None),
    }
}

/// The number of a repository that has another name now: GitHub leads there. Only the number is taken, so that nobody is sent
/// to another host.
fn moved(error: &CallError) -> Option<u64> {
    let (_, number) = error.location.as_deref()?.rsplit_once("/repositories/")?;
    number.parse().ok()
}
