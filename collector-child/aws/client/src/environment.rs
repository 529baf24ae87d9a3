//! What the environment and the profile files say, by the SDKs' rules: variables first, then the profile.

use std::path::PathBuf;

use aws_config::profile::ProfileSet;
use aws_runtime::env_config::EnvConfigValue;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};

use crate::endpoint::Flavor;
use crate::error::{CallError, Class, CredentialsTrouble, Place};

/// Variables, and the files that they may name, with one profile selected.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    env: Env,
    sections: ProfileSet,
    /// The profile was asked for by name, be it by `AWS_PROFILE`.
    pub(crate) named_profile: Option<String>,
}

impl Environment {
    /// Reads the files `~/.aws/config` and `~/.aws/credentials` (or those that variables name) and selects
    /// `profile`, else the one of `AWS_PROFILE`, else `default`.
    pub(crate) async fn load(profile: Option<&str>) -> Result<Self, CallError> {
        Self::read(Env::real(), Fs::real(), profile).await
    }

    /// These variables and no files.
    pub(crate) async fn of_variables(variables: &[(&str, &str)]) -> Result<Self, CallError> {
        let files: std::collections::HashMap<String, Vec<u8>> = std::collections::HashMap::new();
        Self::read(Env::from_slice(variables), Fs::from_map(files), None).await
    }

    async fn read(env: Env, fs: Fs, profile: Option<&str>) -> Result<Self, CallError> {
        let named = profile.map(str::to_owned).or_else(|| env.get("AWS_PROFILE").ok());
        let named = named.filter(|name| !name.is_empty());
        let selected = named.clone().map(Into::into);
        let sections = aws_config::profile::load(&fs, &env, &EnvConfigFiles::default(), selected)
            .await
            .map_err(|error| broken(format!("the profile files cannot be read: {}", innermost(&error))))?;
        Ok(Self { env, sections, named_profile: named })
    }

    /// The names of all profiles, sorted.
    pub(crate) fn profiles(&self) -> Vec<String> {
        let mut names: Vec<String> = self.sections.profiles().map(str::to_owned).collect();
        names.sort();
        names
    }

    /// An error if the selected profile was asked for by name and is in none of the files.
    pub(crate) fn check_profile(&self) -> Result<(), CallError> {
        match &self.named_profile {
            Some(name) if self.sections.get_profile(name).is_none() => {
                Err(broken(format!("there is no profile {name} in the profile files")))
            }
            _ => Ok(()),
        }
    }

    /// A variable.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.env.get(name).ok().filter(|value| !value.is_empty())
    }

    fn value(&self, variable: &str, setting: &str) -> Option<String> {
        let value = EnvConfigValue::new().env(variable).profile(setting);
        let (value, _) = value.load(&self.env, Some(&self.sections))?;
        Some(value.into_owned()).filter(|value| !value.is_empty())
    }

    fn switch(&self, variable: &str, setting: &str) -> bool {
        self.value(variable, setting).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The configured address of the service with this id (`Elastic Load Balancing v2`).
    pub(crate) fn endpoint_url(&self, service_id: &str) -> Option<String> {
        if self.switch("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls") {
            return None;
        }
        let value = EnvConfigValue::new().env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let (value, _) = value.service_id(service_id).load(&self.env, Some(&self.sections))?;
        Some(value.into_owned()).filter(|value| !value.is_empty())
    }

    /// Which hosts are wanted.
    pub(crate) fn flavor(&self) -> Flavor {
        Flavor {
            fips: self.switch("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
            dual_stack: self.switch("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"),
        }
    }

    /// STS by its old, global host.
    pub(crate) fn legacy_sts(&self) -> bool {
        self.value("AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints").as_deref() == Some("legacy")
    }

    /// The region that is meant when none is said.
    pub(crate) fn region(&self) -> Option<String> {
        self.variable("AWS_REGION").or_else(|| self.value("AWS_DEFAULT_REGION", "region"))
    }

    /// The file of roots to trust instead of the machine's.
    pub(crate) fn ca_bundle(&self) -> Option<PathBuf> {
        self.value("AWS_CA_BUNDLE", "ca_bundle").map(PathBuf::from)
    }

    #[cfg(test)]
    pub(crate) async fn of_test(
        variables: &[(&str, &str)],
        config: &str,
        profile: Option<&str>,
    ) -> Result<Self, CallError> {
        let files = std::collections::HashMap::from([("/home/x/.aws/config".to_owned(), config.to_owned())]);
        let all: Vec<(&str, &str)> = variables.iter().copied().chain([("HOME", "/home/x")]).collect();
        Self::read(Env::from_slice(&all), Fs::from_map(files), profile).await
    }
}

fn broken(message: String) -> CallError {
    let place = Place { service: "credentials", operation: "profile", ..Place::default() };
    CallError::new(Class::Credentials(CredentialsTrouble::Broken), place, message)
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let causes =
        std::iter::successors(Some(error), |error: &&(dyn std::error::Error + 'static)| (*error).source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[default]\nregion = eu-west-1\nendpoint_url = http://default\n\
        [profile mock]\nservices = locals\nuse_fips_endpoint = true\n\
        [services locals]\ns3 =\n  endpoint_url = http://s3-only\n";

    async fn read(variables: &[(&str, &str)], profile: Option<&str>) -> Environment {
        Environment::of_test(variables, CONFIG, profile).await.unwrap()
    }

    #[tokio::test]
    async fn addresses_of_services_come_from_variables_then_from_the_profile() {
        let plain = read(&[], None).await;
        assert_eq!(plain.endpoint_url("EC2").as_deref(), Some("http://default"));
        let all = [
            ("AWS_ENDPOINT_URL", "http://all"),
            ("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", "http://elbv2"),
        ];
        let set = read(&all, None).await;
        assert_eq!(set.endpoint_url("Elastic Load Balancing v2").as_deref(), Some("http://elbv2"));
        assert_eq!(set.endpoint_url("EC2").as_deref(), Some("http://all"));
        let profile = read(&[], Some("mock")).await;
        assert_eq!(profile.endpoint_url("S3").as_deref(), Some("http://s3-only"));
        assert_eq!(profile.endpoint_url("EC2"), None);
        let ignored = read(&[all[0], ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True")], None).await;
        assert_eq!(ignored.endpoint_url("EC2"), None);
    }

    #[tokio::test]
    async fn switches_and_regions_are_read() {
        let plain = read(&[], None).await;
        assert_eq!((plain.flavor(), plain.region().as_deref()), (Flavor::default(), Some("eu-west-1")));
        let profile = read(&[("AWS_PROFILE", "mock"), ("AWS_REGION", "eu-north-1")], None).await;
        assert_eq!(profile.flavor(), Flavor { fips: true, dual_stack: false });
        assert_eq!(profile.region().as_deref(), Some("eu-north-1"));
        let set = [("AWS_USE_FIPS_ENDPOINT", "false"), ("AWS_USE_DUALSTACK_ENDPOINT", "true")];
        let over = read(&set, Some("mock")).await;
        assert_eq!(over.flavor(), Flavor { fips: false, dual_stack: true });
    }

    #[tokio::test]
    async fn a_profile_that_is_asked_for_must_exist() {
        assert_eq!(read(&[], None).await.profiles(), ["default", "mock"]);
        assert!(read(&[], None).await.check_profile().is_ok());
        for missing in [read(&[], Some("gone")).await, read(&[("AWS_PROFILE", "gone")], None).await] {
            let error = missing.check_profile().unwrap_err();
            assert_eq!(error.class, Class::Credentials(CredentialsTrouble::Broken));
            assert_eq!(error.message, "there is no profile gone in the profile files");
        }
    }

    #[tokio::test]
    async fn files_that_are_broken_are_an_error() {
        let error = Environment::of_test(&[], "[default\nx", None).await.unwrap_err();
        assert!(error.message.starts_with("the profile files cannot be read: "), "{}", error.message);
    }
}
