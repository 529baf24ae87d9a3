//! Organizations and users: those of the settings, and the owners of its repositories.

use engine::hooks::prelude::*;
use tokio::sync::OnceCell;

use crate::cloud::{SERVICE, Told, of_settings};
use crate::config::Wishes;

/// Names that are asked for at once.
const AT_ONCE: usize = 4;

pub(crate) struct Owners;

/// All of them, asked for once: who is no organization is a user.
#[derive(Debug, Default)]
struct Known(OnceCell<Found>);

#[derive(Debug, Default)]
struct Found {
    organizations: Vec<Value>,
    users: Vec<Value>,
}

impl Hook for Owners {
    fn name(&self) -> &'static str {
        "owners"
    }

    fn collect<'a>(
        &'a self,
        context: Context<'a>,
        plan: &'static KindPlan,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move {
            let known = context.shared::<Known>();
            let wishes = of_settings(context)?;
            let found = known.0.get_or_try_init(|| find(context, wishes)).await?;
            let of_kind = if plan.kind == "github_org" { &found.organizations } else { &found.users };
            Ok(of_kind.clone())
        })
    }
}

async fn find(context: Context<'_>, wishes: &Wishes) -> Result<Found, Failure> {
    let named = |name: &&str, list: &[String]| list.iter().any(|known| known.eq_ignore_ascii_case(name));
    let mut owners: Vec<&str> = Vec::new();
    for name in wishes.repositories.iter().map(|name| name.owner.as_str()) {
        if !named(&name, &wishes.organizations)
            && !owners.iter().any(|known| known.eq_ignore_ascii_case(name))
        {
            owners.push(name);
        }
    }
    let organizations: Vec<&str> = wishes.organizations.iter().map(String::as_str).collect();
    let organizations =
        gather(AT_ONCE, organizations, |name| Box::pin(told(context, "organization", name))).await?;
    let of_owners = gather(AT_ONCE, owners.clone(), |name| Box::pin(organization(context, name))).await?;
    let mut users: Vec<&str> = wishes.users.iter().map(String::as_str).collect();
    for (name, organization) in owners.iter().zip(&of_owners) {
        if matches!(organization, Owner::NoOrganization) && !named(name, &wishes.users) {
            users.push(name);
        }
    }
    let users = gather(AT_ONCE, users, |name| Box::pin(told(context, "user", name))).await?;
    let of_owners = of_owners.into_iter().filter_map(|owner| match owner {
        Owner::Organization(found) => Some(found),
        _ => None,
    });
    Ok(Found {
        organizations: organizations.into_iter().flatten().chain(of_owners).collect(),
        users: users.into_iter().flatten().collect(),
    })
}

/// Who owns a repository.
enum Owner {
    Organization(Value),
    NoOrganization,
    /// That was told.
    NotKnown,
}

async fn organization(context: Context<'_>, name: &str) -> Result<Owner, Failure> {
    let ask = context.ask(SERVICE, "GET /orgs/{name}").with("path", json!({"name": name}));
    match ask.raw().await {
        Ok(found) => Ok(Owner::Organization(found)),
        Err(error) if error.status == Some(404) => Ok(Owner::NoOrganization),
        Err(error) => {
            context.trouble(error, "organization", name, &["repos"]).await.map(|()| Owner::NotKnown)
        }
    }
}

async fn told(context: Context<'_>, noun: &'static str, name: &str) -> Result<Option<Value>, Failure> {
    let (operation, settings): (_, &[&str]) = match noun {
        "organization" => ("GET /orgs/{name}", &["organizations"]),
        _ => ("GET /users/{name}", &["users", "repos"]),
    };
    let ask = context.ask(SERVICE, operation).with("path", json!({"name": name}));
    match ask.raw().await {
        Ok(found) => Ok(Some(found)),
        Err(error) => context.trouble(error, noun, name, settings).await.map(|()| None),
    }
}
