//! Tags: there are names only, so a key and its value are one name, `key--value`, as the Python worker writes them.

use collector::{Failure, FaultExt, fault};
use engine::change::{Access, Resource, TagChange, Tagging, no_such_tag};
use http_client::CallError;
use ipc_proto::fault::FaultKind;
use serde_json::{Map, Value, json};

const SERVICE: &str = "digitalocean";
/// Between key and value.
const BETWEEN: &str = "--";

/// What the API calls a resource that has tags.
struct Words {
    /// In paths.
    path: &'static str,
    /// In an answer about one.
    one: &'static str,
    /// Where it is tagged.
    kind: &'static str,
}

impl Words {
    fn of(resource: &Resource) -> Option<Self> {
        let (path, one, kind) = match resource.kind() {
            "digitalocean_droplet" => ("droplets", "droplet", "droplet"),
            "digitalocean_image" => ("images", "image", "image"),
            "digitalocean_volume" => ("volumes", "volume", "volume"),
            "digitalocean_database" => ("databases", "database", "database"),
            // A snapshot of a droplet is an image to tags.
            "digitalocean_snapshot" if resource.document()["resource_type"] == "droplet" => {
                ("snapshots", "snapshot", "image")
            }
            "digitalocean_snapshot" => ("snapshots", "snapshot", "volume_snapshot"),
            _ => return None,
        };
        Some(Self { path, one, kind })
    }
}

/// Changes tags: the new one is there before the old one goes. A name that nothing has any more stays in the list of names,
/// because firewalls and load balancers may go by it.
pub(crate) async fn change(access: &Access<'_>, tagging: &Tagging<'_>) -> Result<(), Failure> {
    let resource = tagging.resource;
    let words = Words::of(resource).ok_or_else(|| {
        fault(FaultKind::Internal, format!("resources of kind {} have no tags", resource.kind()))
    })?;
    let tagged = Tagged { access, id: resource.document()["id"].as_str().unwrap_or_default(), words };
    let mut names = tagged.names().await?;
    for change in tagging.changes() {
        let (TagChange::Remove(key) | TagChange::Set(key, _)) = change;
        let new = match change {
            TagChange::Set(key, value) => Some(name(key, value)),
            TagChange::Remove(_) => None,
        };
        let old: Vec<String> = names.iter().filter(|name| is_of(key, name)).cloned().collect();
        if new.is_none() && old.is_empty() {
            return Err(no_such_tag(key));
        }
        if let Some(new) = new.as_ref().filter(|new| !old.contains(new)) {
            tagged.add(new).await?;
            names.push(new.clone());
        }
        for old in old.iter().filter(|old| new.as_ref() != Some(old)) {
            tagged.call("DELETE /v2/tags/{name}/resources", old).await.map_err(told)?;
            names.retain(|name| name != old);
        }
    }
    Ok(())
}

struct Tagged<'a> {
    access: &'a Access<'a>,
    id: &'a str,
    words: Words,
}

impl Tagged<'_> {
    /// The names that it has now: what the node reports may be old.
    async fn names(&self) -> Result<Vec<String>, Failure> {
        let Words { path, one, .. } = self.words;
        let operation = format!("GET /v2/{path}/{{id}}");
        let params = Map::from_iter([("path".to_owned(), json!({"id": self.id}))]);
        let answer = self.access.call(SERVICE, &operation, params).await.map_err(told)?;
        if !answer[one].is_object() {
            let message = format!("the answer about {path}/{} has no {one}", self.id);
            return Err(fault(FaultKind::InvalidAnswer, message).into());
        }
        let names = answer[one]["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Names have to be there before anything can have them; one that is there already is refused.
    async fn add(&self, name: &str) -> Result<(), Failure> {
        let params = Map::from_iter([("body".to_owned(), json!({"name": name}))]);
        let made = self.access.call(SERVICE, "POST /v2/tags", params).await;
        let made = match made {
            Err(error) if matches!(error.status, Some(409 | 422)) => Some(error),
            other => other.map(|_| None).map_err(told)?,
        };
        match self.call("POST /v2/tags/{name}/resources", name).await {
            // It was refused for another reason.
            Err(error) if error.status == Some(404) => Err(told(made.unwrap_or(error))),
            other => other.map_err(told),
        }
    }

    async fn call(&self, operation: &str, name: &str) -> Result<(), CallError> {
        let resource = json!({"resource_id": self.id, "resource_type": self.words.kind});
        let params = Map::from_iter([
            ("path".to_owned(), json!({"name": name})),
            ("body".to_owned(), json!({"resources": [resource]})),
        ]);
        self.access.call(SERVICE, operation, params).await?;
        tracing::info!("called {operation} for {name} of {} {}", self.words.kind, self.id);
        Ok(())
    }
}

fn name(key: &str, value: &str) -> String {
    if value.is_empty() { key.to_owned() } else { format!("{key}{BETWEEN}{value}") }
}

/// Whether a name is this key, with whatever value.
fn is_of(key: &str, name: &str) -> bool {
    name.split_once(BETWEEN).map_or(name, |(key, _)| key) == key
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn told(error: CallError) -> Failure {
    let fault = error.to_fault();
    if error.status == Some(422) {
        return fault
            .with_hint(
                "tags have letters, digits, colons, dashes and underscores, and no more than 255 of them",
            )
            .into();
    }
    fault.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_one_name() {
        assert_eq!((name("env", "test").as_str(), name("web", "").as_str()), ("env--test", "web"));
        assert!(is_of("env", "env--test") && is_of("env", "env") && is_of("env", "env--a--b"));
        assert!(!is_of("env", "environment") && !is_of("env--a", "env--a--b"));
    }
}
