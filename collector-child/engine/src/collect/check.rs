//! Whether the credentials of the account work, asked before anything else and whenever a call doubts it.

use collector::Failure;
use http_client::Class;

use super::context::Job;

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
