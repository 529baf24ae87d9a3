//! The fake Google Cloud (`tests/clouds`), credentials that it accepts, and the child alone in it.

use std::path::PathBuf;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::graph::Export;
use crate::rest::{Ran, RestCloud};

/// The variable of gcloud for a service, and where it is behind the address of the fake.
const SERVICES: [(&str, &str); 13] = [
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_AIPLATFORM", "aiplatform.googleapis.com"),
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDBILLING", "cloudbilling.googleapis.com"),
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDFUNCTIONS", "cloudfunctions.googleapis.com"),
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER", "cloudresourcemanager.googleapis.com"),
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", "compute.googleapis.com/compute/v1"),
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER", "container.googleapis.com"),
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_FILE", "file.googleapis.com"),
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_FIRESTORE", "firestore.googleapis.com"),
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_MONITORING", "monitoring.googleapis.com"),
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB", "pubsub.googleapis.com"),
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECURITYCENTER", "securitycenter.googleapis.com"),
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_SQL", "sqladmin.googleapis.com"),
    ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", "storage.googleapis.com/storage/v1"),
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
        let variables = Self::variables_of(&fake.url).map(|(name, at)| (name.to_owned(), at)).to_vec();
        let told = Self::person(&fake.url, "1//s3cret");
        let credentials = fake.file("user.json", told.to_string()).display().to_string();
        Some(Self { fake, variables, credentials })
    }

    /// The variables that lead to a fake at this address.
    pub fn variables_of(url: &str) -> [(&'static str, String); 13] {
        SERVICES.map(|(name, place)| (name, format!("{url}/_host/{place}")))
    }

    /// The credential file of a person with this token, which is good if it begins with `1//`.
    pub fn person(url: &str, token: &str) -> Value {
        json!({
            "type": "authorized_user",
            "client_id": "id",
            "client_secret": "s3cret",
            "refresh_token": token,
            "token_uri": format!("{url}/_host/oauth2.googleapis.com/token"),
        })
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
