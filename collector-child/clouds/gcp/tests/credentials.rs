//! Credentials and projects against a server that answers as Google Cloud does.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{any, get};
use axum::{Json, Router};
use gcp_collector::about;
use gcp_collector::auth::Credentials;
use gcp_collector::projects::{Project, project_of, projects};
use http_client::{Class, CredentialsTrouble, Hub, Roots, Settings, Transport};
use rest_client::{Endpoints, Rest};
use serde_json::{Value, json};

/// What the server was asked for tokens, and what it does.
#[derive(Default)]
struct Asked {
    grants: Mutex<Vec<HashMap<String, String>>>,
    /// Projects whose quotas were to be used.
    quotas: Mutex<Vec<String>>,
    /// Tokens that are not accepted any more.
    withdrawn: Mutex<Vec<String>>,
}

type Shared = State<Arc<Asked>>;

/// A server for one test, which is gone with its runtime.
struct Google {
    address: String,
    asked: Arc<Asked>,
}

async fn google() -> Google {
    let asked = Arc::new(Asked::default());
    let router = Router::new()
        .route("/token", any(token))
        .route("/sts", any(token))
        .route("/impersonate", any(impersonate))
        .route("/computeMetadata/v1/instance/service-accounts/default/token", get(metadata))
        .route("/v1/projects", get(list))
        .route("/v1/projects/{id}", get(one))
        .with_state(asked.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Google { address, asked }
}

async fn token(State(asked): Shared, body: String) -> (StatusCode, Json<Value>) {
    let form = form(&body);
    let mut grants = asked.grants.lock().unwrap();
    grants.push(form.clone());
    let answer = |status, told| (status, Json(told));
    if form.get("refresh_token").is_some_and(|token| token == "old") {
        let told =
            json!({"error": "invalid_grant", "error_description": "Token has been expired or revoked."});
        return answer(StatusCode::BAD_REQUEST, told);
    }
    let number = grants.len();
    answer(StatusCode::OK, json!({"access_token": format!("token-{number}"), "expires_in": 3599}))
}

/// The pairs of a form.
fn form(body: &str) -> HashMap<String, String> {
    let decoded = |text: &str| {
        let mut parts = text.split('%');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |mut text, part| {
            text.push(char::from(u8::from_str_radix(&part[..2], 16).unwrap()));
            text.push_str(&part[2..]);
            text
        })
    };
    body.split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), decoded(value)))
        .collect()
}

async fn impersonate(headers: HeaderMap, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    assert_eq!(body["scope"][0], "https://www.googleapis.com/auth/cloud-platform");
    if headers["authorization"] != "Bearer token-1" {
        let told = json!({"error": {"code": 403, "message": "no", "status": "PERMISSION_DENIED"}});
        return (StatusCode::FORBIDDEN, Json(told));
    }
    (StatusCode::OK, Json(json!({"accessToken": "of-another", "expireTime": "2100-01-01T00:00:00Z"})))
}

async fn metadata(headers: HeaderMap) -> Json<Value> {
    assert_eq!(headers["metadata-flavor"], "Google");
    Json(json!({"access_token": "of-the-machine", "expires_in": 3599}))
}

/// Three projects on three pages; the caller's token is the name of the last one.
async fn list(
    State(asked): Shared,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let token = headers["authorization"].to_str().unwrap().to_owned();
    if let Some(project) = headers.get("x-goog-user-project") {
        asked.quotas.lock().unwrap().push(project.to_str().unwrap().to_owned());
    }
    if asked.withdrawn.lock().unwrap().contains(&token) {
        let told = json!({"error": {"code": 401, "message": "bad", "status": "UNAUTHENTICATED"}});
        return (StatusCode::UNAUTHORIZED, Json(told));
    }
    let page = match query.get("pageToken").map(String::as_str) {
        None => json!({"projects": [{"projectId": "sys-1"}], "nextPageToken": "2"}),
        Some("2") => json!({
            "projects": [
                {"projectId": "one", "name": "First", "lifecycleState": "ACTIVE"},
                {"projectId": "leaving", "lifecycleState": "DELETE_REQUESTED"},
            ],
            "nextPageToken": "3",
        }),
        Some(_) => json!({"projects": [{"projectId": "two", "name": token}]}),
    };
    (StatusCode::OK, Json(page))
}

async fn one(axum::extract::Path(id): axum::extract::Path<String>) -> (StatusCode, Json<Value>) {
    if id == "one" {
        return (StatusCode::OK, Json(json!({"projectId": "one", "name": "First"})));
    }
    let told = json!({"error": {"code": 403, "message": "no", "status": "PERMISSION_DENIED",
        "errors": [{"reason": "forbidden"}]}});
    (StatusCode::FORBIDDEN, Json(told))
}

fn hub() -> Arc<Hub> {
    let settings = Settings::default();
    let transport = Transport::new(settings.limits, Roots::default(), &|_| None).unwrap();
    Arc::new(Hub::new(settings.budgets, settings.retry, transport))
}

impl Google {
    /// A client with the credentials of this file, or of the environment.
    fn client(&self, file: Option<&Value>) -> Rest {
        let hub = hub();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        if let Some(file) = file {
            std::fs::write(&path, file.to_string()).unwrap();
        }
        let setting = file.map_or_else(String::new, |_| path.display().to_string());
        let host = self.address.trim_start_matches("http://").to_owned();
        let variable = move |name: &str| (name == "GCE_METADATA_HOST").then(|| host.clone());
        let credentials = Credentials::find(hub.clone(), &setting, &variable).unwrap();
        let endpoints = Endpoints::default().with("cloudresourcemanager", &self.address);
        Rest::new(hub, about().unwrap().0, "", endpoints).with_auth("bearer", Arc::new(credentials))
    }

    fn user(&self, refresh_token: &str) -> Value {
        json!({"type": "authorized_user", "client_id": "c", "client_secret": "s",
            "refresh_token": refresh_token, "token_uri": format!("{}/token", self.address)})
    }

    fn key(&self) -> Value {
        let key = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let der = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&key).unwrap();
        let body = data_encoding::BASE64.encode(der.as_ref());
        json!({"type": "service_account", "client_email": "a@p", "project_id": "one",
            "private_key": format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"),
            "token_uri": format!("{}/token", self.address)})
    }
}

/// The name of the last project is the token that asked for it.
fn seen_by(found: &[Project]) -> &str {
    let ids: Vec<&str> = found.iter().map(|project| project.id.as_str()).collect();
    assert_eq!(ids, ["one", "two"]);
    &found[1].name
}

#[tokio::test]
async fn calls_of_people_count_for_the_project_that_they_have_chosen() {
    let google = google().await;
    let mut user = google.user("new");
    projects(&google.client(Some(&user))).await.unwrap();
    assert!(google.asked.quotas.lock().unwrap().is_empty());
    user["quota_project_id"] = "my-quotas".into();
    projects(&google.client(Some(&user))).await.unwrap();
    assert_eq!(google.asked.quotas.lock().unwrap().first().map(String::as_str), Some("my-quotas"));
    google.asked.quotas.lock().unwrap().clear();
    projects(&google.client(Some(&google.key()))).await.unwrap();
    assert!(google.asked.quotas.lock().unwrap().is_empty(), "a service account brings its own");
}

#[tokio::test]
async fn a_key_lists_its_projects_with_one_token() {
    let google = google().await;
    let client = google.client(Some(&google.key()));
    for _ in 0..2 {
        assert_eq!(seen_by(&projects(&client).await.unwrap()), "Bearer token-1");
    }
    let grants = google.asked.grants.lock().unwrap();
    assert_eq!(grants.len(), 1, "the token is kept");
    assert_eq!(grants[0]["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
}

#[tokio::test]
async fn a_token_that_is_withdrawn_is_got_anew_once() {
    let google = google().await;
    let client = google.client(Some(&google.user("1//r")));
    assert_eq!(seen_by(&projects(&client).await.unwrap()), "Bearer token-1");
    google.asked.withdrawn.lock().unwrap().push("Bearer token-1".to_owned());
    assert_eq!(seen_by(&projects(&client).await.unwrap()), "Bearer token-2");
    google.asked.withdrawn.lock().unwrap().extend((2..9).map(|at| format!("Bearer token-{at}")));
    let error = projects(&client).await.unwrap_err();
    assert_eq!(error.class, Class::Credentials(CredentialsTrouble::Invalid), "{error}");
    assert_eq!(google.asked.grants.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn federation_and_impersonation_follow_each_other() {
    let google = google().await;
    let folder = tempfile::tempdir().unwrap();
    let subject = folder.path().join("subject.json");
    std::fs::write(&subject, r#"{"id": "of-the-provider"}"#).unwrap();
    let file = json!({
        "type": "external_account", "audience": "//iam/pool", "subject_token_type": "urn:jwt",
        "token_url": format!("{}/sts", google.address),
        "credential_source": {"file": subject, "format": {"type": "json", "subject_token_field_name": "id"}},
        "service_account_impersonation_url": format!("{}/impersonate", google.address),
    });
    let client = google.client(Some(&file));
    assert_eq!(seen_by(&projects(&client).await.unwrap()), "Bearer of-another");
    let grants = google.asked.grants.lock().unwrap();
    assert_eq!(grants[0]["subject_token"], "of-the-provider");
    assert_eq!(grants[0]["audience"], "//iam/pool");
}

#[tokio::test]
async fn a_machine_has_a_token_of_its_own() {
    let google = google().await;
    let client = google.client(None);
    assert_eq!(seen_by(&projects(&client).await.unwrap()), "Bearer of-the-machine");
}

#[tokio::test]
async fn credentials_that_are_over_say_so() {
    let google = google().await;
    let error = projects(&google.client(Some(&google.user("old")))).await.unwrap_err();
    assert_eq!(error.class, Class::Credentials(CredentialsTrouble::Expired));
    assert!(error.to_string().contains("Token has been expired or revoked."), "{error}");
    assert_eq!(google.asked.grants.lock().unwrap().len(), 1, "it is not asked again");
}

#[tokio::test]
async fn only_projects_that_can_be_seen_are_ones_own() {
    let google = google().await;
    let client = google.client(Some(&google.user("1//r")));
    let found = project_of(&client, "one").await.unwrap().map(|project| project.id);
    assert_eq!(found.as_deref(), Some("one"));
    assert_eq!(project_of(&client, "of-others").await.unwrap(), None);
}
