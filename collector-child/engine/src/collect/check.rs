//! Whether the credentials of the account work, asked before anything else and whenever a call doubts it.

use collector::Failure;
use http_client::Class;

use super::context::{Job, lock};

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

/// Asks the cloud who we are before the collection begins. Any error ends the account.
pub(super) async fn authenticate(job: &Job<'_>) -> Result<(), Failure> {
    let answer = job.client.still_valid().await;
    job.sink.work(1);
    answer.map_err(|error| error.to_fault().into())
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
