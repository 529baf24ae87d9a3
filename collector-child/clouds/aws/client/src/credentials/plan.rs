//! What a profile says about its credentials: keys, a process, single sign-on, or roles on top of those of
//! another profile. The rules are botocore's, which all SDKs share in the main.

use aws_config::profile::{Profile, ProfileSet};

/// Where the credentials of a profile come from: the base, and the roles to assume one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) base: Base,
    pub(super) roles: Vec<Step>,
}

/// What needs no other credentials. The profile is the one that says so.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Base {
    Keys {
        profile: String,
        id: String,
        secret: String,
        token: Option<String>,
    },
    Process {
        profile: String,
        command: String,
    },
    SignOn(SignOn),
    WebIdentity {
        profile: String,
        token_file: String,
        role_arn: String,
        session_name: Option<String>,
    },
    /// The variables with keys.
    Environment,
    Container,
    Instance,
}

/// Single sign-on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignOn {
    pub(super) profile: String,
    /// The section `sso-session`, if the profile has one.
    pub(super) session: Option<String>,
    pub(super) start_url: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) role: String,
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) profile: String,
    pub(super) arn: String,
    pub(super) session_name: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) seconds: Option<u32>,
}

/// Why the profile cannot be used, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) advice: Option<String>,
}

/// Neither secrets nor commands, whose arguments may be secret.
impl std::fmt::Debug for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keys { profile, id, .. } => write!(f, "Keys({profile}, {id})"),
            Self::Process { profile, .. } => write!(f, "Process({profile})"),
            Self::SignOn(sign_on) => write!(f, "{sign_on:?}"),
            Self::WebIdentity { profile, role_arn, .. } => write!(f, "WebIdentity({profile}, {role_arn})"),
            Self::Environment => f.write_str("Environment"),
            Self::Container => f.write_str("Container"),
            Self::Instance => f.write_str("Instance"),
        }
    }
}

type Planned<T> = Result<T, Wrong>;

fn wrong<T>(message: String) -> Planned<T> {
    Err(Wrong { message, advice: None })
}

/// A setting of a profile that is not blank.
fn get<'a>(profile: &'a Profile, setting: &str) -> Option<&'a str> {
    profile.get(setting).map(str::trim).filter(|value| !value.is_empty())
}

fn owned(profile: &Profile, setting: &str) -> Option<String> {
    get(profile, setting).map(str::to_owned)
}

/// What the selected profile says; `None` if it says nothing about credentials, or is not there.
pub(super) fn plan(profiles: &ProfileSet) -> Planned<Option<Plan>> {
    let mut name = profiles.selected_profile();
    let mut path: Vec<&str> = Vec::new();
    let mut roles = Vec::new();
    loop {
        let Some(profile) = profiles.get_profile(name) else {
            let Some(from) = path.last() else { return Ok(None) };
            return wrong(format!("the profile {from} has the source_profile {name}, which does not exist"));
        };
        if path.contains(&name) {
            path.push(name);
            return wrong(format!("the source profiles lead in a circle: {}", path.join(", ")));
        }
        // A source profile with keys is not asked for more.
        let keys_do = !path.is_empty() && get(profile, "aws_access_key_id").is_some();
        path.push(name);
        let next = if keys_do { Next::Keys } else { next(profile, &mut roles)? };
        let base = match next {
            Next::Profile(next) => {
                name = next;
                continue;
            }
            Next::Keys => keys(profile)?,
            Next::Named(base) => Some(base),
            Next::Base => base(profiles, profile)?,
        };
        roles.reverse();
        return match base {
            Some(base) => Ok(Some(Plan { base, roles })),
            None if roles.is_empty() => Ok(None),
            None => wrong(format!("the profile {name}, the source of a role, has no credentials")),
        };
    }
}

/// Where the plan goes on.
enum Next<'a> {
    Profile(&'a str),
    Keys,
    Named(Base),
    Base,
}

/// Notes the role of the profile, if it has one, and says what it is assumed with.
fn next<'a>(profile: &'a Profile, roles: &mut Vec<Step>) -> Planned<Next<'a>> {
    let name = profile.name();
    let Some(arn) = get(profile, "role_arn").filter(|_| get(profile, "web_identity_token_file").is_none())
    else {
        return Ok(Next::Base);
    };
    if let Some(device) = get(profile, "mfa_serial") {
        return Err(Wrong {
            message: format!(
                "the profile {name} wants a code of the MFA device {device} (mfa_serial), and nobody is here to type it"
            ),
            advice: Some(format!(
                "use a role whose trust policy asks for no MFA, or keys that were made with it: \
                 credential_process = aws configure export-credentials --profile {name}"
            )),
        });
    }
    let seconds = match get(profile, "duration_seconds").map(str::parse) {
        None => None,
        Some(Ok(seconds)) => Some(seconds),
        Some(Err(_)) => return wrong(format!("duration_seconds of the profile {name} is not a number")),
    };
    roles.push(Step {
        profile: name.to_owned(),
        arn: arn.to_owned(),
        session_name: owned(profile, "role_session_name"),
        external_id: owned(profile, "external_id"),
        seconds,
    });
    match (get(profile, "source_profile"), get(profile, "credential_source")) {
        (Some(_), Some(_)) => wrong(format!(
            "the profile {name} has both source_profile and credential_source, and only one can be meant"
        )),
        (None, None) => wrong(format!(
            "the profile {name} has a role_arn, but says not with which credentials: source_profile, \
             credential_source and web_identity_token_file are missing"
        )),
        // It is its own source: its keys are the base.
        (Some(source), None) if source == name => Ok(Next::Keys),
        (Some(source), None) => Ok(Next::Profile(source)),
        (None, Some(source)) => named(name, source).map(Next::Named),
    }
}

fn named(profile: &str, source: &str) -> Planned<Base> {
    let is = |known: &str| source.eq_ignore_ascii_case(known);
    match () {
        () if is("Environment") => Ok(Base::Environment),
        () if is("EcsContainer") => Ok(Base::Container),
        () if is("Ec2InstanceMetadata") => Ok(Base::Instance),
        () => wrong(format!(
            "the profile {profile} has the credential_source {source}; there are Environment, EcsContainer and Ec2InstanceMetadata"
        )),
    }
}

/// What the profile has without a role.
fn base(profiles: &ProfileSet, profile: &Profile) -> Planned<Option<Base>> {
    let name = || profile.name().to_owned();
    if let Some(token_file) = owned(profile, "web_identity_token_file") {
        let Some(role_arn) = owned(profile, "role_arn") else {
            return wrong(format!("the profile {} has a web_identity_token_file, but no role_arn", name()));
        };
        let session_name = owned(profile, "role_session_name");
        return Ok(Some(Base::WebIdentity { profile: name(), token_file, role_arn, session_name }));
    }
    if let Some(sign_on) = sign_on(profiles, profile)? {
        return Ok(Some(Base::SignOn(sign_on)));
    }
    if let Some(keys) = keys(profile)? {
        return Ok(Some(keys));
    }
    if get(profile, "login_session").is_some() {
        return Err(Wrong {
            message: format!(
                "the profile {} is a log-in to the console (login_session), which is not supported",
                name()
            ),
            advice: Some(format!(
                "make another profile with credential_process = aws configure export-credentials --profile {}",
                name()
            )),
        });
    }
    if let Some(command) = owned(profile, "credential_process") {
        return Ok(Some(Base::Process { profile: name(), command }));
    }
    if let Some(source) = get(profile, "credential_source") {
        return named(profile.name(), source).map(Some);
    }
    match get(profile, "sso_session").or_else(|| get(profile, "sso_start_url")) {
        Some(_) => wrong(format!(
            "the single sign-on of the profile {} has no sso_account_id and sso_role_name",
            name()
        )),
        None => Ok(None),
    }
}

/// Single sign-on, if an account or a role of it is named.
fn sign_on(profiles: &ProfileSet, profile: &Profile) -> Planned<Option<SignOn>> {
    let name = profile.name();
    let (account, role) = (owned(profile, "sso_account_id"), owned(profile, "sso_role_name"));
    if account.is_none() && role.is_none() {
        return Ok(None);
    }
    let session_name = owned(profile, "sso_session");
    let session = session_name.as_deref().map(|session| profiles.sso_session(session));
    if let (Some(session), Some(None)) = (&session_name, &session) {
        return wrong(format!(
            "the profile {name} has the sso_session {session}, but there is no section [sso-session {session}]"
        ));
    }
    let of_session = |setting: &str| session.flatten()?.get(setting).map(str::to_owned);
    let either = |setting: &str| of_session(setting).or_else(|| owned(profile, setting));
    let (start_url, region) = (either("sso_start_url"), either("sso_region"));
    let (Some(account), Some(role), Some(start_url), Some(region)) = (&account, &role, &start_url, &region)
    else {
        let all = [
            ("sso_account_id", &account),
            ("sso_role_name", &role),
            ("sso_start_url", &start_url),
            ("sso_region", &region),
        ];
        let missing = all.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name);
        let missing: Vec<&str> = missing.collect();
        return wrong(format!(
            "the single sign-on of the profile {name} has no {}",
            missing.join(" and no ")
        ));
    };
    Ok(Some(SignOn {
        profile: name.to_owned(),
        session: session_name,
        start_url: start_url.clone(),
        region: region.clone(),
        account: account.clone(),
        role: role.clone(),
    }))
}

/// The keys of the profile; half a pair is an error.
fn keys(profile: &Profile) -> Planned<Option<Base>> {
    let of = |setting| owned(profile, setting);
    let token = of("aws_session_token").or_else(|| of("aws_security_token"));
    let name = profile.name().to_owned();
    match (of("aws_access_key_id"), of("aws_secret_access_key")) {
        (Some(id), Some(secret)) => Ok(Some(Base::Keys { profile: name, id, secret, token })),
        (Some(_), None) => wrong(format!(
            "the profile {name} has an aws_access_key_id, but aws_secret_access_key is missing"
        )),
        (None, Some(_)) => wrong(format!(
            "the profile {name} has an aws_secret_access_key, but aws_access_key_id is missing"
        )),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    async fn planned(profile: &str, config: &str) -> Planned<Option<Plan>> {
        let environment = Environment::of_test(&[], config, Some(profile)).await.unwrap();
        plan(environment.sections())
    }

    async fn refused(config: &str) -> String {
        planned("p", config).await.unwrap_err().message
    }

    fn bases(id: &str, profile: &str) -> Base {
        let (id, secret) = (id.to_owned(), "s".to_owned());
        Base::Keys { profile: profile.to_owned(), id, secret, token: None }
    }

    #[tokio::test]
    async fn roles_are_assumed_from_the_base_on() {
        let config = "[profile p]\nrole_arn = arn:aws:iam::3:role/c\nsource_profile = b\nexternal_id = e\n\
            duration_seconds = 7200\nrole_session_name = me\n\
            [profile b]\nrole_arn = arn:aws:iam::2:role/b\nsource_profile = a\n\
            [profile a]\naws_access_key_id = A\naws_secret_access_key = s\n\
            role_arn = arn:aws:iam::1:role/not-used\nsource_profile = nobody\n";
        let found = planned("p", config).await.unwrap().unwrap();
        assert_eq!(found.base, bases("A", "a"));
        let arns: Vec<&str> = found.roles.iter().map(|role| role.arn.as_str()).collect();
        assert_eq!(arns, ["arn:aws:iam::2:role/b", "arn:aws:iam::3:role/c"]);
        let last = &found.roles[1];
        assert_eq!((last.external_id.as_deref(), last.seconds), (Some("e"), Some(7200)));
        assert_eq!(last.session_name.as_deref(), Some("me"));
    }

    #[tokio::test]
    async fn a_profile_may_be_its_own_source() {
        let config = "[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = p\n\
            aws_access_key_id = A\naws_secret_access_key = s\n";
        let found = planned("p", config).await.unwrap().unwrap();
        assert_eq!((found.base, found.roles.len()), (bases("A", "p"), 1));
        let without = "[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = p\n";
        assert_eq!(refused(without).await, "the profile p, the source of a role, has no credentials");
    }

    #[tokio::test]
    async fn circles_and_ends_in_nothing_are_named() {
        let role = "role_arn = arn:aws:iam::1:role/x\n";
        let circle = format!(
            "[profile p]\n{role}source_profile = q\n[profile q]\n{role}source_profile = r\n\
             [profile r]\n{role}source_profile = q\n"
        );
        assert_eq!(refused(&circle).await, "the source profiles lead in a circle: p, q, r, q");
        let gone = format!("[profile p]\n{role}source_profile = gone\n");
        assert_eq!(refused(&gone).await, "the profile p has the source_profile gone, which does not exist");
        let empty = format!("[profile p]\n{role}source_profile = q\n[profile q]\nregion = eu-west-1\n");
        assert_eq!(refused(&empty).await, "the profile q, the source of a role, has no credentials");
    }

    #[tokio::test]
    async fn sources_that_have_a_name_are_known() {
        let config =
            |source| format!("[profile p]\nrole_arn = arn:aws:iam::1:role/x\ncredential_source = {source}\n");
        for (source, base) in [
            ("Environment", Base::Environment),
            ("EcsContainer", Base::Container),
            ("ec2instancemetadata", Base::Instance),
        ] {
            assert_eq!(planned("p", &config(source)).await.unwrap().unwrap().base, base);
        }
        assert!(refused(&config("Vault")).await.contains("credential_source Vault"));
        let both = config("Environment") + "source_profile = q\n";
        assert!(refused(&both).await.contains("both source_profile and credential_source"));
        let neither = "[profile p]\nrole_arn = arn:aws:iam::1:role/x\n";
        assert!(refused(neither).await.contains("says not with which credentials"));
    }

    #[tokio::test]
    async fn half_a_pair_says_which_half_is_missing() {
        let id = "[profile p]\naws_access_key_id = A\n";
        assert!(refused(id).await.ends_with("aws_secret_access_key is missing"));
        let secret = "[profile p]\naws_secret_access_key = s\naws_access_key_id =\n";
        assert!(refused(secret).await.ends_with("aws_access_key_id is missing"));
    }

    #[tokio::test]
    async fn what_needs_a_person_is_refused_in_words() {
        let role = "[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = q\n\
            mfa_serial = arn:aws:iam::1:mfa/jane\n";
        let told = planned("p", role).await.unwrap_err();
        assert!(told.message.contains("MFA device arn:aws:iam::1:mfa/jane (mfa_serial)"), "{told:?}");
        let login = "[profile p]\nlogin_session = arn:aws:iam::1:user/x\n";
        assert!(planned("p", login).await.unwrap_err().advice.unwrap().contains("export-credentials"));
    }

    #[tokio::test]
    async fn single_sign_on_is_put_together_from_its_sections() {
        let session = "[profile p]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = R\n\
            [sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://x\n";
        let Base::SignOn(found) = planned("p", session).await.unwrap().unwrap().base else { panic!() };
        assert_eq!((found.session.as_deref(), found.region.as_str()), (Some("corp"), "eu-west-1"));
        let gone = session.replace("sso-session corp", "sso-session other");
        assert!(refused(&gone).await.contains("no section [sso-session corp]"));
        let parts = "[profile p]\nsso_account_id = 1\nsso_start_url = https://x\n";
        assert_eq!(
            refused(parts).await,
            "the single sign-on of the profile p has no sso_role_name and no sso_region"
        );
        let token_only = "[profile p]\nsso_session = corp\n[sso-session corp]\nsso_region = eu-west-1\n";
        assert!(refused(token_only).await.contains("no sso_account_id and sso_role_name"));
    }

    #[tokio::test]
    async fn a_profile_without_credentials_says_nothing() {
        assert_eq!(planned("p", "[profile p]\nregion = eu-west-1\n").await, Ok(None));
        assert_eq!(planned("default", "").await, Ok(None));
        let process = "[profile p]\ncredential_process = get --password hunter2\n";
        let found = planned("p", process).await.unwrap();
        assert!(
            matches!(&found.as_ref().unwrap().base, Base::Process { command, .. } if command.ends_with("hunter2"))
        );
        assert!(!format!("{found:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn web_identity_needs_its_role() {
        let config = "[profile p]\nweb_identity_token_file = /t\nrole_arn = arn:aws:iam::1:role/x\n";
        let found = planned("p", config).await.unwrap().unwrap();
        assert!(matches!(found.base, Base::WebIdentity { .. }) && found.roles.is_empty());
        assert!(refused("[profile p]\nweb_identity_token_file = /t\n").await.ends_with("no role_arn"));
    }
}
