//! The config document at fixcore: read, completed, stored, watched.

use fixworker_fixcore::{CoreClient, CoreError};
use fixworker_settings::document::DocumentError;
use fixworker_settings::home_files::{HomeFilePolicy, write_home_files};
use fixworker_settings::{Environment, Fetched, Inputs, Overrides, Running, Sections, Severity};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use thiserror::Error;

/// What settings are made of, besides the document.
#[derive(Debug)]
pub struct Sources {
    /// What this worker knows.
    pub sections: Sections,
    /// The overrides of the command line.
    pub overrides: Overrides,
    /// For placeholders.
    pub environment: Environment,
}

/// Why there are no settings.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// fixcore did not answer as it should.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The document is none.
    #[error("the config {id} in fixcore cannot be used: {source}")]
    Document {
        /// Its id.
        id: String,
        /// What is wrong.
        source: DocumentError,
    },
}

/// Settings, and the revision of the document they come from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub running: Running,
    /// The revision, to tell our own change from those of others.
    pub revision: Option<String>,
}

/// Reads the document, completes it with defaults, and stores it if that changed anything. What cannot be stored
/// is logged: the worker can work without.
pub async fn start(client: &CoreClient, sources: &Sources) -> Result<Loaded, ConfigError> {
    let (fetched, mut revision) = fetch(client).await?;
    let id = client.subscriber().document();
    if let Err(error) = client.patch_config_model(sources.sections.model()).await {
        tracing::error!("{error}; the settings are used, but fixcore does not know their types");
    }
    let filled = fetched.raw.fill_defaults(&sources.sections);
    if filled.changed {
        match client.put_config(id, filled.document.to_json(), !filled.has_unknown_keys).await {
            Ok(stored) => revision = stored.or(revision),
            Err(error) => tracing::error!("{error}; the settings are used, but not stored"),
        }
    }
    Ok(Loaded { running: load(sources, &fetched, None), revision })
}

/// The settings before fixcore has said anything: defaults, and the overrides of the command line.
pub fn offline(sources: &Sources) -> Running {
    let document = serde_json::Map::new();
    let Sources { sections, overrides, environment } = sources;
    Running::load(Inputs { sections, document: &document, overrides, environment }, None)
}

/// The document that counts as fixcore has it now; nothing is stored. An empty one if there is none yet.
pub async fn look(client: &CoreClient) -> Result<Map<String, Value>, ConfigError> {
    Ok(fetch(client).await?.0.effective)
}

/// Reads the document again, after somebody changed it. `None` if there is none any more (fixcore was started
/// empty): the settings in use stay.
pub async fn reload(
    client: &CoreClient,
    sources: &Sources,
    previous: &Running,
) -> Result<Option<Loaded>, ConfigError> {
    let (fetched, revision) = fetch(client).await?;
    if fetched.is_empty() {
        return Ok(None);
    }
    Ok(Some(Loaded { running: load(sources, &fetched, Some(previous)), revision }))
}

async fn fetch(client: &CoreClient) -> Result<(Fetched, Option<String>), ConfigError> {
    let id = client.subscriber().document();
    let Some(answer) = client.get_config(id).await? else {
        return Ok((Fetched::nothing(), None));
    };
    let fetched = Fetched::parse(answer.body.expose_secret())
        .map_err(|source| ConfigError::Document { id: id.to_owned(), source })?;
    Ok((fetched, answer.revision))
}

fn load(sources: &Sources, fetched: &Fetched, previous: Option<&Running>) -> Running {
    let inputs = Inputs {
        sections: &sources.sections,
        document: &fetched.effective,
        overrides: &sources.overrides,
        environment: &sources.environment,
    };
    let running = Running::load(inputs, previous);
    running.used_variables().for_each(|(name, value)| fixworker_surface::scrub::hide(name, value));
    for problem in running.problems() {
        let known = previous.is_some_and(|previous| previous.problems().contains(problem));
        match problem.severity() {
            _ if known => {}
            Severity::Warning => tracing::warn!("config: {problem}"),
            Severity::Error => tracing::error!("config: {problem}"),
        }
    }
    running
}

/// Writes the files of `files_in_home_dir` that `policy` allows; troubles are logged, each file for itself.
pub fn write_files(running: &Running, policy: &HomeFilePolicy) {
    let files = running.worker().home_files();
    if files.is_empty() {
        return;
    }
    let Some(home) = std::env::home_dir() else {
        tracing::error!("files of files_in_home_dir were not written: there is no home directory; set HOME");
        return;
    };
    for outcome in write_home_files(&home, &files, policy) {
        match outcome.result {
            Ok(done) => tracing::debug!("home file {}: {done:?}", outcome.path),
            Err(error) => tracing::error!("{error}"),
        }
    }
}
