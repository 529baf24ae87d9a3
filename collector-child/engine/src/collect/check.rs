//! Whether the credentials of the account work, asked before anything else and whenever a call doubts it.

use collector::{Failure, Sink};
use http_client::{CallError, Class, CredentialsTrouble};

use super::context::{Job, lock};
use crate::cloud::Client;

/// Asks the cloud who we are. An error ends the account: without credentials everything would look empty, and an empty
/// graph would replace the good one that fixcore has.
pub(super) async fn credentials_still_valid(job: &Job<'_>) -> Result<(), Failure> {
    let answer = job.client.still_valid().await;
    job.sink.work(1);
    match answer {
        Ok(()) => Ok(()),
        // A service that is only out of order now says nothing about the credentials.
        Err(error) if matches!(error.class, Class::Credentials(_) | Class::AccessDenied { .. }) => {
            Err(error.to_fault().into())
        }
        Err(error) => {
            tracing::debug!("the credentials could not be checked: {error}");
            Ok(())
        }
    }
}

/// Asks the cloud who we are as the collection begins. Any error ends the account.
pub(super) async fn authenticate(job: &Job<'_>) -> Result<(), Failure> {
    reach(&*job.client, job.sink).await
}

/// The same of an account that is not collected.
pub(crate) async fn reach(client: &dyn Client, sink: &dyn Sink) -> Result<(), Failure> {
    let answer = client.still_valid().await;
    sink.work(1);
    answer.map_err(|error| refused(error).to_fault().into())
}

/// Which of the first calls is answered first is chance. A refusal here says the same whatever the others were told.
fn refused(error: CallError) -> CallError {
    match error.class {
        Class::RegionRefuses => error.change(|trouble| {
            trouble.class = Class::Credentials(CredentialsTrouble::Invalid);
            trouble.advice = None;
        }),
        _ => error,
    }
}

/// Asks whether regions are there in which no host was found: what a cloud lists for a region may lack a host, and costs its
/// own kinds then.
pub(super) async fn nameless(job: &Job<'_>) {
    let nameless = lock(&job.reach).nameless(&job.regions);
    for region in nameless {
        let there = job.client.is_there(job.regions.get(region)).await;
        job.sink.work(1);
        if there {
            lock(&job.reach).read(region);
        }
    }
}
