//! Where credentials are looked for.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rest_client::Handed;
use zeroize::Zeroizing;

/// Larger files are no certificates.
const LARGEST: u64 = 1 << 20;

/// A variable of the environment, if it is set.
pub type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where tokens come from.
#[derive(Clone)]
pub enum Source {
    /// The secret of an application.
    Secret {
        /// Its tenant.
        tenant: String,
        /// Its id.
        client: String,
        /// Its secret.
        secret: Zeroizing<String>,
    },
    /// A certificate of an application, with its private key.
    Certificate {
        /// Its tenant.
        tenant: String,
        /// Its id.
        client: String,
        /// Private key and certificate.
        pem: Zeroizing<String>,
    },
    /// A token of somebody else, whom the application trusts (workload identity). The file is read each time as it changes.
    Federated {
        /// Its tenant.
        tenant: String,
        /// Its id.
        client: String,
        /// Where the token is.
        file: String,
    },
    /// The managed identity of a virtual machine; the one with this id, if it has several.
    Machine {
        /// Id of the identity.
        client: Option<String>,
    },
    /// The same where a service tells the program how to ask.
    Hosted {
        /// Id of the identity.
        client: Option<String>,
        /// What has to be sent along.
        header: Zeroizing<String>,
    },
    /// Whoever has logged in with the command `az`.
    CommandLine {
        /// The tenant that is asked for.
        tenant: Option<String>,
    },
    /// Another process gets the tokens for this one.
    Handed {
        /// Where they come from.
        handed: Arc<Handed>,
        /// Whose they are.
        identity: String,
    },
    /// A recording: no tokens are got.
    Recorded {
        /// Whose they were.
        identity: String,
    },
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.identity())
    }
}

impl Source {
    /// Whose credentials they are, for people.
    pub fn identity(&self) -> String {
        let application =
            |client: &String, tenant: &String| format!("the application {client} of the tenant {tenant}");
        let managed = |client: &Option<String>| match client {
            Some(client) => format!("the managed identity {client}"),
            None => "the managed identity of this machine".to_owned(),
        };
        match self {
            Self::Secret { tenant, client, .. }
            | Self::Certificate { tenant, client, .. }
            | Self::Federated { tenant, client, .. } => application(client, tenant),
            Self::Machine { client } | Self::Hosted { client, .. } => managed(client),
            Self::CommandLine { .. } => "whoever has logged in with az login".to_owned(),
            Self::Recorded { identity } | Self::Handed { identity, .. } => identity.clone(),
        }
    }

    /// The credentials of the environment, in the order of the SDKs of Azure: an application with a secret or a
    /// certificate, a workload, what a service offers the program; then who has logged in with `az`, which is told by its
    /// files, and at last the machine, of which only a call could tell.
    ///
    /// # Errors
    ///
    /// Something is only half there, or a file cannot be read; the message has nothing of what is in it.
    pub fn of_environment(variable: Variable<'_>) -> Result<Self, String> {
        let set = |name: &str| {
            variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let (tenant, client) = (set("AZURE_TENANT_ID"), set("AZURE_CLIENT_ID"));
        let both = |by: &str| match (&tenant, &client) {
            (Some(tenant), Some(client)) => Ok((tenant.clone(), client.clone())),
            _ => Err(format!("{by} is set, and needs AZURE_TENANT_ID and AZURE_CLIENT_ID beside it")),
        };
        if let Some(secret) = set("AZURE_CLIENT_SECRET") {
            let (tenant, client) = both("AZURE_CLIENT_SECRET")?;
            return Ok(Self::Secret { tenant, client, secret: Zeroizing::new(secret) });
        }
        if let Some(path) = set("AZURE_CLIENT_CERTIFICATE_PATH") {
            let (tenant, client) = both("AZURE_CLIENT_CERTIFICATE_PATH")?;
            return Ok(Self::Certificate { tenant, client, pem: read(Path::new(&path))? });
        }
        if let Some(file) = set("AZURE_FEDERATED_TOKEN_FILE") {
            let (tenant, client) = both("AZURE_FEDERATED_TOKEN_FILE")?;
            return Ok(Self::Federated { tenant, client, file });
        }
        if set("IDENTITY_ENDPOINT").is_some()
            && let Some(header) = set("IDENTITY_HEADER")
        {
            return Ok(Self::Hosted { client, header: Zeroizing::new(header) });
        }
        if profile(variable).is_some_and(|profile| profile.is_file()) {
            return Ok(Self::CommandLine { tenant });
        }
        Ok(Self::Machine { client })
    }
}

/// What `az login` leaves.
fn profile(variable: Variable<'_>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let folder = set("AZURE_CONFIG_DIR").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(set("HOME")?).join(".azure")))?;
    Some(folder.join("azureProfile.json"))
}

fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    let told =
        |why: String| format!("the certificate {} of AZURE_CLIENT_CERTIFICATE_PATH: {why}", path.display());
    let size = std::fs::metadata(path).map_err(|error| told(error.to_string()))?.len();
    if size > LARGEST {
        return Err(told(format!("{size} bytes are too many for one")));
    }
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(told("it is no PEM; a .pfx file is made one with openssl pkcs12 -nodes".to_owned()))
        }
        Err(error) => Err(told(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Source, String> {
        let find = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Source::of_environment(&find)
    }

    const APPLICATION: [(&str, &str); 2] = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c")];

    fn with(more: &[(&str, &str)]) -> Result<Source, String> {
        of(&[&APPLICATION, more].concat())
    }

    #[test]
    fn the_environment_is_looked_at_in_order() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name).display().to_string();
        std::fs::write(at("cert.pem"), "PEM").unwrap();
        std::fs::write(at("azureProfile.json"), "{}").unwrap();
        let (certificate, folder) = (at("cert.pem"), home.path().display().to_string());
        let certificate = ("AZURE_CLIENT_CERTIFICATE_PATH", certificate.as_str());
        let secret = ("AZURE_CLIENT_SECRET", "s");
        let workload = ("AZURE_FEDERATED_TOKEN_FILE", "/token");
        let hosted = [("IDENTITY_ENDPOINT", "http://localhost:1"), ("IDENTITY_HEADER", "h")];
        let logged_in = ("AZURE_CONFIG_DIR", folder.as_str());
        assert!(matches!(with(&[secret, certificate, workload]), Ok(Source::Secret { .. })));
        assert!(
            matches!(with(&[certificate, workload]), Ok(Source::Certificate { pem, .. }) if *pem == "PEM")
        );
        assert!(matches!(with(&[workload, hosted[0], hosted[1]]), Ok(Source::Federated { .. })));
        assert!(matches!(with(&[hosted[0], hosted[1], logged_in]), Ok(Source::Hosted { .. })));
        assert!(matches!(of(&[logged_in]), Ok(Source::CommandLine { tenant: None })));
        assert!(matches!(with(&[]), Ok(Source::Machine { client: Some(client) }) if client == "c"));
    }

    #[test]
    fn what_is_half_there_is_told_without_it() {
        let told = of(&[("AZURE_CLIENT_SECRET", "s3cret"), ("AZURE_TENANT_ID", "t")]).unwrap_err();
        assert!(told.contains("AZURE_CLIENT_ID") && !told.contains("s3cret"), "{told}");
        let told = with(&[("AZURE_CLIENT_CERTIFICATE_PATH", "/nowhere/cert.pem")]).unwrap_err();
        assert!(told.starts_with("the certificate /nowhere/cert.pem of "), "{told}");
        let shown = format!("{:?}", with(&[("AZURE_CLIENT_SECRET", "s3cret")]).unwrap());
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
