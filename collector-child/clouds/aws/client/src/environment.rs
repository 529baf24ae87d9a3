//! What the environment and the profile files say, by the SDKs' rules: variables first, then the profile.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::profile::ProfileSet;
use aws_runtime::env_config::EnvConfigValue;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_shapes::endpoints;
use aws_types::os_shim_internal::{Env, Fs};
use http_client::{CaBundle, CallError, CallPlace, Class, CredentialsTrouble, tape};
use serde::{Deserialize, Serialize};
use shapes::Service;

use crate::endpoint::{Endpoint, EndpointFault, Flavor, legacy_sts, resolve};

/// Variables, and the files that they may name, with one profile selected.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    env: Env,
    sections: ProfileSet,
    /// The profile was asked for by name, be it by `AWS_PROFILE`.
    pub(crate) named_profile: Option<String>,
    /// The names of all profiles, sorted.
    profiles: Vec<String>,
    /// By service and region: found once, as each takes looks at half a dozen variables and settings.
    endpoints: Arc<Mutex<HashMap<(&'static str, String), Endpoint>>>,
}

/// What a recording keeps of the profile files.
#[derive(Serialize, Deserialize)]
struct Told {
    settings: String,
    named_profile: Option<String>,
    profiles: Vec<String>,
}

impl Environment {
    /// Reads the files `~/.aws/config` and `~/.aws/credentials` (or those that variables name) and selects
    /// `profile`, else the one of `AWS_PROFILE`, else `default`.
    pub(crate) async fn load(profile: Option<&str>) -> Result<Self, CallError> {
        let fact = format!("profile {}", profile.unwrap_or_default());
        if tape::is_replaying() {
            let Told { settings, named_profile, profiles } = tape::recalled(&fact).ok_or_else(|| {
                broken(format!("the recording has nothing of the profile {:?}", profile.unwrap_or_default()))
            })?;
            return Ok(Self { named_profile, profiles, ..Self::of_settings(&settings).await? });
        }
        let read = Self::read(Env::real(), Fs::real(), profile).await?;
        tape::remember(&fact, || Told {
            settings: read.settings(),
            named_profile: read.named_profile.clone(),
            profiles: read.profiles.clone(),
        });
        Ok(read)
    }

    /// The variables, and in place of all files what [`Self::settings`] gave in another process.
    pub(crate) async fn of_settings(settings: &str) -> Result<Self, CallError> {
        let files = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, settings).build();
        let (env, only) = (Env::real(), Some("default".into()));
        let sections = aws_config::profile::load(&Fs::real(), &env, &files, only)
            .await
            .map_err(|error| broken(format!("the settings of the profile: {}", innermost(&error))))?;
        Ok(Self { env, sections, named_profile: None, profiles: Vec::new(), endpoints: Arc::default() })
    }

    /// What variables and the selected profile say about regions and addresses, as a profile file without secrets.
    pub(crate) fn settings(&self) -> String {
        let mut settings = vec!["[default]".to_owned()];
        let mut set = |name: &str, value: Option<String>| {
            settings.extend(
                value.filter(|value| !value.contains(['\n', '\r'])).map(|value| format!("{name} = {value}")),
            );
        };
        set("region", self.region());
        set("ca_bundle", self.value("", "ca_bundle"));
        let Flavor { fips, dual_stack } = self.flavor();
        set("use_fips_endpoint", fips.then(|| "true".to_owned()));
        set("use_dualstack_endpoint", dual_stack.then(|| "true".to_owned()));
        set("sts_regional_endpoints", self.legacy_sts().then(|| "legacy".to_owned()));
        // No service is called so: this is the address of all that have none of their own.
        let of_all = self.endpoint_url("no-service");
        set("endpoint_url", of_all.clone());
        let own = self.own_addresses(of_all.as_deref());
        set("services", (!own.is_empty()).then(|| "own".to_owned()));
        settings.extend(own);
        settings.join("\n") + "\n"
    }

    /// The section with the addresses of single services, as far as the profile has some. Variables with such pass by
    /// themselves.
    fn own_addresses(&self, of_all: Option<&str>) -> Vec<String> {
        if self.sections.get("services").is_none() {
            return Vec::new();
        }
        let services = aws_shapes::services().filter_map(|name| aws_shapes::service(name).ok());
        let ids: BTreeSet<&str> = services.map(|service| service.id).collect();
        let own = ids.iter().filter_map(|id| Some((id, self.endpoint_url(id)?)));
        let own = own.filter(|(_, url)| Some(url.as_str()) != of_all && !url.contains(['\n', '\r']));
        let mut lines: Vec<String> = own
            .map(|(id, url)| format!("{} =\n  endpoint_url = {url}", id.to_lowercase().replace(' ', "_")))
            .collect();
        if !lines.is_empty() {
            lines.insert(0, "[services own]".to_owned());
        }
        lines
    }

    /// These variables and no files.
    pub(crate) async fn of_variables(variables: &[(&str, &str)]) -> Result<Self, CallError> {
        let files: std::collections::HashMap<String, Vec<u8>> = std::collections::HashMap::new();
        Self::read(Env::from_slice(variables), Fs::from_map(files), None).await
    }

    async fn read(env: Env, fs: Fs, profile: Option<&str>) -> Result<Self, CallError> {
        let variable = |name| env.get(name).ok().filter(|name| !name.is_empty());
        // The second one is of the time before AWS_PROFILE; boto3 and others still read it.
        let of_variables = || variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE"));
        let named = profile.map(str::to_owned).or_else(of_variables);
        let selected = named.clone().map(Into::into);
        let sections = aws_config::profile::load(&fs, &env, &EnvConfigFiles::default(), selected)
            .await
            .map_err(|error| broken(format!("the profile files cannot be read: {}", innermost(&error))))?;
        let mut profiles: Vec<String> = sections.profiles().map(str::to_owned).collect();
        profiles.sort();
        Ok(Self { env, sections, named_profile: named, profiles, endpoints: Arc::default() })
    }

    /// The names of all profiles, sorted.
    pub(crate) fn profiles(&self) -> &[String] {
        &self.profiles
    }

    /// An error if the selected profile was asked for by name and is in none of the files.
    pub(crate) fn check_profile(&self) -> Result<(), CallError> {
        match &self.named_profile {
            Some(name) if !self.profiles.contains(name) => {
                let known = match self.profiles() {
                    [] => "they have no profiles".to_owned(),
                    known => format!("they have {}", known.join(", ")),
                };
                let advice = format!(
                    "check the name in aws.profiles or AWS_PROFILE, and ~/.aws/config and ~/.aws/credentials: {known}"
                );
                let error = broken(format!("there is no profile {name:?} in the profile files"));
                Err(error.advising(advice))
            }
            _ => Ok(()),
        }
    }

    /// All profiles and sections of single sign-on, with the selected profile.
    pub(crate) fn sections(&self) -> &ProfileSet {
        &self.sections
    }

    /// A variable.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.env.get(name).ok().filter(|value| !value.is_empty())
    }

    /// A setting: of the variable, else of the selected profile. One that is empty counts as not set.
    pub(crate) fn value(&self, variable: &str, setting: &str) -> Option<String> {
        let of_profile = || EnvConfigValue::new().profile(setting).load(&self.env, Some(&self.sections));
        let value = self.variable(variable).or_else(|| Some(of_profile()?.0.into_owned()))?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// True or not; the variable comes first.
    pub(crate) fn switch(&self, variable: &str, setting: &str) -> bool {
        self.value(variable, setting).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Where requests to a service go from a region.
    pub(crate) fn endpoint(&self, service: &Service, region: &str) -> Result<Endpoint, EndpointFault> {
        let mut known = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (service.name, region.to_owned());
        if let Some(endpoint) = known.get(&key) {
            return Ok(endpoint.clone());
        }
        let custom = self.endpoint_url(service.id);
        let legacy = custom.is_none() && service.name == "sts" && self.legacy_sts();
        let endpoint = match legacy_sts(region).filter(|_| legacy) {
            Some(endpoint) => endpoint,
            None => resolve(service, region, self.flavor(), custom.as_deref())?,
        };
        known.insert(key, endpoint.clone());
        Ok(endpoint)
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
        self.value("AWS_REGION", "").or_else(|| self.value("AWS_DEFAULT_REGION", "region"))
    }

    /// The region whose STS is asked for a role: the first in the partition of the role of the one that is meant and those
    /// that the settings `wish`, else the one that stands for the partition.
    pub(crate) fn sts_region(&self, role_arn: &str, wished: &[String]) -> String {
        let partition = role_arn.split(':').nth(1).and_then(|id| endpoints().partition(id));
        // A region that is newer than the tables may be anywhere.
        let fits = |region: &String| match (partition, endpoints().partition_of(region)) {
            (Some(partition), Some(of)) => of.id == partition.id,
            _ => true,
        };
        let of_role = || partition.map(|partition| partition.implicit_global_region.clone());
        let named = self.region().into_iter().chain(wished.iter().cloned()).find(fits);
        named.or_else(of_role).unwrap_or_else(|| "us-east-1".to_owned())
    }

    /// The file of roots to trust instead of the machine's, and the setting that names it: botocore's order.
    pub(crate) fn ca_bundle(&self) -> Option<CaBundle> {
        let of = |path: Option<String>, named_by| Some(CaBundle { path: path?.into(), named_by });
        of(self.variable("AWS_CA_BUNDLE"), "AWS_CA_BUNDLE")
            .or_else(|| of(self.value("", "ca_bundle"), "the profile's ca_bundle"))
            .or_else(|| of(self.variable("REQUESTS_CA_BUNDLE"), "REQUESTS_CA_BUNDLE"))
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
    let place = CallPlace { service: "credentials", operation: "profile", ..crate::PLACE };
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
            assert_eq!(error.message, "there is no profile \"gone\" in the profile files");
        }
    }

    #[tokio::test]
    async fn the_old_variable_names_a_profile_too() {
        let old = read(&[("AWS_DEFAULT_PROFILE", "mock")], None).await;
        assert!(old.flavor().fips);
        let both = read(&[("AWS_DEFAULT_PROFILE", "gone"), ("AWS_PROFILE", "mock")], None).await;
        assert!(both.check_profile().is_ok());
    }

    #[tokio::test]
    async fn sts_is_asked_where_the_user_is_or_where_the_role_is() {
        let set = read(&[("AWS_REGION", "eusc-de-east-1")], None).await;
        assert_eq!(set.sts_region("arn:aws-eusc:iam::1:role/x", &["eu-west-1".to_owned()]), "eusc-de-east-1");
        assert_eq!(set.sts_region("arn:aws:iam::1:role/x", &[]), "us-east-1", "it is not there");
        let unset = Environment::of_test(&[], "", None).await.unwrap();
        assert_eq!(unset.sts_region("arn:aws-eusc:iam::1:role/x", &[]), "eusc-de-east-1");
        assert_eq!(unset.sts_region("arn:aws-iso-b:iam::1:role/x", &[]), "us-isob-east-1");
        assert_eq!(unset.sts_region("arn:aws:iam::1:role/x", &[]), "us-east-1");
        assert_eq!(unset.sts_region("nonsense", &[]), "us-east-1");
        let wished = ["cn-north-1".to_owned(), "eu-west-1".to_owned()];
        assert_eq!(unset.sts_region("arn:aws:iam::1:role/x", &wished), "eu-west-1");
        assert_eq!(unset.sts_region("arn:aws-cn:iam::1:role/x", &wished), "cn-north-1");
        assert_eq!(unset.sts_region("arn:aws-us-gov:iam::1:role/x", &wished), "us-gov-west-1");
    }

    #[tokio::test]
    async fn the_bundle_of_roots_is_looked_for_in_the_order_of_botocore() {
        let config = "[default]\nca_bundle = /profile.pem\n[profile other]\n";
        let all = [("AWS_CA_BUNDLE", "/aws.pem"), ("REQUESTS_CA_BUNDLE", "/requests.pem")];
        for (variables, profile, expected) in [
            (&all[..], None, Some(("/aws.pem", "AWS_CA_BUNDLE"))),
            (&all[1..], None, Some(("/profile.pem", "the profile's ca_bundle"))),
            (&all[1..], Some("other"), Some(("/requests.pem", "REQUESTS_CA_BUNDLE"))),
            (&[], Some("other"), None),
        ] {
            let environment = Environment::of_test(variables, config, profile).await.unwrap();
            let found = environment.ca_bundle();
            let found = found.as_ref().map(|bundle| (bundle.path.to_str().unwrap(), bundle.named_by));
            assert_eq!(found, expected);
        }
    }

    #[tokio::test]
    async fn the_settings_of_a_profile_mean_the_same_in_another_process_and_have_no_secrets() {
        let config = "[profile mock]\nregion = eu-south-1\nservices = locals\nuse_fips_endpoint = true\n\
            aws_secret_access_key = hunter2\nca_bundle = /a.pem\nendpoint_url = http://all:1\n\
            [services locals]\ns3 =\n  endpoint_url = http://s3-only:2\nelastic_load_balancing_v2 =\n  \
            endpoint_url = http://elb:3\n";
        let of_profile = Environment::of_test(&[], config, Some("mock")).await.unwrap();
        let settings = of_profile.settings();
        assert!(!settings.contains("hunter2"), "{settings}");
        let there = Environment::of_settings(&settings).await.unwrap();
        assert_eq!(there.sections.get("region"), Some("eu-south-1"));
        assert!(there.flavor().fips && !there.flavor().dual_stack && !there.legacy_sts());
        assert_eq!(there.endpoint_url("S3").as_deref(), Some("http://s3-only:2"), "{settings}");
        for service in ["S3", "Elastic Load Balancing v2", "EC2"] {
            assert_eq!(
                there.endpoint_url(service),
                of_profile.endpoint_url(service),
                "{service}: {settings}"
            );
        }
        let plain = Environment::of_test(&[("AWS_REGION", "eu-west-3")], "", None).await.unwrap();
        assert_eq!(plain.settings(), "[default]\nregion = eu-west-3\n");
    }

    #[tokio::test]
    async fn files_that_are_broken_are_an_error() {
        let error = Environment::of_test(&[], "[default\nx", None).await.unwrap_err();
        assert!(error.message.starts_with("the profile files cannot be read: "), "{}", error.message);
    }
}
