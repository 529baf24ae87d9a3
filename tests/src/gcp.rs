//! The fake Google Cloud (`tests/clouds`), credentials that it accepts, and the child alone in it.

use std::path::PathBuf;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::graph::Export;
use crate::rest::{Ran, RestCloud};

/// How gcloud's variables call a service, and where it is behind the address of the fake.
const SERVICES: [(&str, &str); 13] = [
    ("AIPLATFORM", "aiplatform.googleapis.com"),
    ("CLOUDBILLING", "cloudbilling.googleapis.com"),
    ("CLOUDFUNCTIONS", "cloudfunctions.googleapis.com"),
    ("CLOUDRESOURCEMANAGER", "cloudresourcemanager.googleapis.com"),
    ("COMPUTE", "compute.googleapis.com/compute/v1"),
    ("CONTAINER", "container.googleapis.com"),
    ("FILE", "file.googleapis.com"),
    ("FIRESTORE", "firestore.googleapis.com"),
    ("MONITORING", "monitoring.googleapis.com"),
    ("PUBSUB", "pubsub.googleapis.com"),
    ("SECURITYCENTER", "securitycenter.googleapis.com"),
    ("SQL", "sqladmin.googleapis.com"),
    ("STORAGE", "storage.googleapis.com/storage/v1"),
];

/// A fake Google Cloud with two projects, `demo-project` and `second-project`. It ends with this value.
#[derive(Debug)]
pub struct GcpCloud {
    /// The fake, with its calls and files.
    pub fake: RestCloud,
    /// The variables that lead to it.
    pub variables: Vec<(String, String)>,
    /// A credential file of a person.
    pub credentials: String,
}

impl GcpCloud {
    /// With these options of `tests/clouds/cloud.py`; `None` if this test is to be skipped.
    #[track_caller]
    pub fn start(options: &[&str]) -> Option<Self> {
        let args = ["gcp"].into_iter().chain(options.iter().copied());
        let fake = RestCloud::program("tests/clouds/cloud.py", args)?;
        let at = |place: &str| format!("{}/_host/{place}", fake.url);
        let variable =
            |(name, place): (&str, &str)| (format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}"), at(place));
        let variables = SERVICES.map(variable).to_vec();
        let told = json!({
            "type": "authorized_user",
            "client_id": "id",
            "client_secret": "s3cret",
            "refresh_token": "1//s3cret",
            "token_uri": at("oauth2.googleapis.com/token"),
        });
        let credentials = fake.file("user.json", told.to_string()).display().to_string();
        Some(Self { fake, variables, credentials })
    }

    /// The file of a service account, with a key that is made for it.
    pub fn service_account(&self) -> PathBuf {
        let key = KeyPair::generate(KeySize::Rsa2048).expect("a key is made");
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).expect("a key has a form");
        let body = BASE64.encode(der.as_ref());
        let told = json!({
            "type": "service_account",
            "project_id": "demo-project",
            "private_key_id": "0",
            "private_key": format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"),
            "client_email": "collector@demo-project.iam.gserviceaccount.com",
            "token_uri": format!("{}/_host/oauth2.googleapis.com/token", self.fake.url),
        });
        self.fake.file("key.json", told.to_string())
    }

    /// `fix-collector COMMAND --collector gcp ARGS` with these settings besides the credentials.
    #[track_caller]
    pub fn run_with(&self, settings: &Value, args: &[&str]) -> Ran {
        let mut section = json!({"service_account": [self.credentials]});
        for (name, value) in settings.as_object().into_iter().flatten() {
            section[name] = value.clone();
        }
        let variables: Vec<(&str, &str)> =
            self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let args: Vec<&str> =
            args[..1].iter().copied().chain(["-c", "gcp"]).chain(args[1..].iter().copied()).collect();
        self.fake.run(&json!({"gcp": section}), &variables, &args)
    }

    /// The calls that change something: neither those for tokens nor questions that are asked by POST.
    pub fn changes(&self) -> Vec<String> {
        let asks = |call: &String| call.contains("/token ") || call.contains("/listInstances ");
        self.fake.changes().into_iter().filter(|call| !asks(call)).collect()
    }

    /// The same with the credentials alone.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_with(&json!({}), args)
    }
}

/// The demo project, with these settings besides the credentials, and how that ended.
#[track_caller]
pub fn collect_with(cloud: &GcpCloud, settings: &Value) -> (Ran, Export) {
    let args = ["collect", "--account", "demo-project", "-o", "graph.ndjson"];
    let ran = cloud.run_with(settings, &args);
    let graph = cloud.fake.graph("graph.ndjson");
    (ran, graph)
}

/// The demo project, all of it.
#[track_caller]
pub fn collect(cloud: &GcpCloud) -> (Ran, Export) {
    collect_with(cloud, &json!({}))
}

/// What is collected in tests that are about something else.
pub fn some() -> Value {
    json!({"collect": ["gcp_instance", "gcp_disk", "gcp_network", "gcp_bucket", "gcp_container_cluster"]})
}

/// The node of this kind and id.
#[track_caller]
pub fn node<'g>(graph: &'g Export, kind: &str, id: &str) -> &'g Value {
    let is = |node: &&Value| node["reported"]["kind"] == kind && node["reported"]["id"] == id;
    graph.nodes.values().find(is).unwrap_or_else(|| panic!("no {kind} {id}"))
}

/// How many nodes there are of a kind.
pub fn count(graph: &Export, kind: &str) -> usize {
    graph.nodes.values().filter(|node| node["reported"]["kind"] == kind).count()
}
