//! Which team credentials are of.

use std::sync::Arc;

use collector::{Failure, FaultExt, fault};
use ipc_proto::fault::FaultKind;
use rest_client::{Bearer, Rest};
use serde_json::{Map, json};
use tables::plan::Place;

use crate::cloud::{BUILT, advisor};
use crate::config::{Credentials, DigitalOceanConfig};
use crate::spaces::{self, Keys};

/// A call that tells the team.
pub(crate) const PROBE: (&str, &str) = ("digitalocean", "GET /v2/projects");

/// A client with these credentials; `account` is what troubles are told of.
pub(crate) fn client(credentials: Credentials<'_>, account: &str) -> Result<Rest, Failure> {
    let rest = BUILT.client(account)?.with_advisor(advisor()).with_catalog(&s3::CATALOG);
    let rest = rest.with_auth("token", Arc::new(Bearer::new(credentials.token)));
    Ok(match credentials.keys {
        Some(keys) => {
            spaces::check_endpoint(std::env::var(spaces::ENDPOINT).ok().as_deref())?;
            rest.with_auth(spaces::SERVICE, Arc::new(Keys::new(keys)))
        }
        None => rest,
    })
}

/// The number of the team, asked of the API: that of the owner of a project.
pub(crate) async fn team(rest: &Rest) -> Result<String, Failure> {
    let params = Map::from_iter([("query".to_owned(), json!({"per_page": 1}))]);
    let place = Place::new("", "", "", "");
    let answer = rest.ask(PROBE, &params, &place, "projects").await.map_err(|error| error.to_fault())?;
    let owner = &answer["projects"][0]["owner_id"];
    let owner = owner.as_u64().map(|number| number.to_string()).or_else(|| owner.as_str().map(str::to_owned));
    owner.filter(|owner| !owner.is_empty()).ok_or_else(|| {
        let message = "the token sees no project with an owner, so it is not known which team it is of";
        let hint = "give the token the scope project:read";
        fault(FaultKind::Credentials, message).with_hint(hint).into()
    })
}

/// The credentials of a team, with a client that was asked whose they are.
pub(crate) struct Found<'c> {
    pub(crate) rest: Rest,
    pub(crate) credentials: Credentials<'c>,
    /// Which of those of the settings they are.
    pub(crate) at: usize,
}

/// Finds the credentials of a team among those of the settings.
pub(crate) async fn of_team<'c>(config: &'c DigitalOceanConfig, wanted: &str) -> Result<Found<'c>, Failure> {
    let mut trouble = None;
    for (at, credentials) in config.all()?.into_iter().enumerate() {
        let rest = client(credentials, wanted)?;
        match team(&rest).await {
            Ok(team) if team == wanted => return Ok(Found { rest, credentials, at }),
            Ok(_) => {}
            Err(failure) => trouble = trouble.or(Some(failure)),
        }
    }
    // One that could not be asked may be it.
    Err(trouble.unwrap_or_else(|| {
        let message = format!("none of the tokens in the section digitalocean is of the team {wanted}");
        let hint =
            "add a token of the team to digitalocean.credentials, or leave it to a worker that has one";
        fault(FaultKind::WrongAccount, message).with_hint(hint).into()
    }))
}
