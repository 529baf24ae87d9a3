//! The fake Azure (`tests/clouds`), credentials that it accepts, and the child alone in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::graph::Export;
use crate::rest::{Ran, RestCloud};

/// The subscription that is collected.
pub const SUBSCRIPTION: &str = "aaaaaaaa-0000-0000-0000-000000000001";
/// The other one.
pub const OTHER: &str = "aaaaaaaa-0000-0000-0000-000000000002";

/// The organization of their tenant.
pub const ORGANIZATION: &str = "11111111-1111-1111-1111-111111111111";

/// The variables that lead to the fake, and the hosts that it is there.
pub const HOSTS: [(&str, &str); 5] = [
    ("AZURE_GRAPH_ENDPOINT", "graph.microsoft.com"),
    ("AZURE_PRICES_ENDPOINT", "prices.azure.com"),
    ("AZURE_AUTHORITY_HOST", "login.microsoftonline.com"),
    ("AZURE_RESOURCE_MANAGER_ENDPOINT", "management.azure.com"),
    ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "169.254.169.254"),
];

/// A fake Azure with two subscriptions. It ends with this value.
#[derive(Debug)]
pub struct AzureCloud {
    /// The fake, with its calls and files.
    pub fake: RestCloud,
    /// The variables that lead to it.
    pub variables: Vec<(String, String)>,
}

impl AzureCloud {
    /// With these options of `tests/clouds/cloud.py`; `None` if this test is to be skipped.
    #[track_caller]
    pub fn start(options: &[&str]) -> Option<Self> {
        let args = ["azure"].into_iter().chain(options.iter().copied());
        let fake = RestCloud::program("tests/clouds/cloud.py", args)?;
        let variables = HOSTS.map(|(name, host)| (name.to_owned(), format!("{}/_host/{host}", fake.url)));
        Some(Self { variables: variables.to_vec(), fake })
    }

    /// `fix-collector COMMAND --collector azure ARGS` with this section and variables besides.
    #[track_caller]
    pub fn run_as(&self, section: &Value, more: &[(&str, &str)], args: &[&str]) -> Ran {
        let own = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let variables: Vec<(&str, &str)> = own.chain(more.iter().copied()).collect();
        let args: Vec<&str> =
            args[..1].iter().copied().chain(["-c", "azure"]).chain(args[1..].iter().copied()).collect();
        self.fake.run(&json!({"azure": section}), &variables, &args)
    }

    /// The same with the secret of an application, and these settings besides.
    #[track_caller]
    pub fn run_with(&self, settings: &Value, args: &[&str]) -> Ran {
        let mut section = json!({"accounts": {"default": application("s3cret")}});
        for (name, value) in settings.as_object().into_iter().flatten() {
            section[name] = value.clone();
        }
        self.run_as(&section, &[], args)
    }

    /// The same with the credentials alone.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_with(&json!({}), args)
    }

    /// The file of a certificate with its key, made for this.
    pub fn certificate(&self) -> PathBuf {
        let key = KeyPair::generate(KeySize::Rsa2048).expect("a key is made");
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).expect("a key has a form");
        let part = |name: &str, der: &[u8]| {
            format!("-----BEGIN {name}-----\n{}\n-----END {name}-----\n", BASE64.encode(der))
        };
        self.fake
            .file("certificate.pem", part("PRIVATE KEY", der.as_ref()) + &part("CERTIFICATE", b"of nobody"))
    }

    /// A folder with what `az login` leaves, and a program `az` that prints tokens as the fake takes them.
    pub fn logged_in(&self) -> String {
        self.fake.file("azureProfile.json", "{}");
        let script = "#!/bin/sh\nhost=$(echo \"$*\" | sed 's|.*https://\\([^/]*\\)/.*|\\1|')\n\
                      echo \"{\\\"accessToken\\\": \\\"token-for-$host\\\", \\\"expires_on\\\": 4000000000}\"\n";
        let program = self.fake.file("az", script);
        fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("it may be executed");
        self.fake.folder().display().to_string()
    }

    /// The calls that change something: neither those for tokens nor questions that are asked by POST.
    pub fn changes(&self) -> Vec<String> {
        let asks = |call: &String| call.contains("/token ") || call.contains("/listNodes ");
        self.fake.changes().into_iter().filter(|call| !asks(call)).collect()
    }
}

/// An entry of `azure.accounts`.
pub fn application(secret: &str) -> Value {
    let tenant = "11111111-1111-1111-1111-111111111111";
    let client = "22222222-2222-2222-2222-222222222222";
    json!({"client_secret": {"tenant_id": tenant, "client_id": client, "client_secret": secret}})
}

/// The subscription, with these settings besides the credentials, and how that ended.
#[track_caller]
pub fn collect_with(cloud: &AzureCloud, settings: &Value) -> (Ran, Export) {
    let args = ["collect", "--account", SUBSCRIPTION, "-o", "graph.ndjson"];
    let ran = cloud.run_with(settings, &args);
    let graph = cloud.fake.graph("graph.ndjson");
    (ran, graph)
}

/// The node of this kind whose id ends so.
#[track_caller]
pub fn node<'g>(graph: &'g Export, kind: &str, end: &str) -> &'g Value {
    let is = |node: &&Value| {
        let id = node["reported"]["id"].as_str().unwrap_or_default();
        node["reported"]["kind"] == kind && id.ends_with(end)
    };
    graph.nodes.values().find(is).unwrap_or_else(|| panic!("no {kind} {end}"))
}

/// What is collected in tests that are about something else.
pub fn some() -> Value {
    json!({"collect": ["azure_compute_virtual_machine", "azure_compute_disk", "azure_network_interface", "azure_resource_group"]})
}
