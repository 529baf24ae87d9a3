//! Where credentials are looked for.

use std::path::{Path, PathBuf};

use super::key::Source;

/// Larger files are no credential files.
const LARGEST: u64 = 1 << 20;

/// A variable of the environment, if it is set.
pub type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The credentials that a setting names: a file, or with an empty text what the programs of Google Cloud would use (AIP-4110):
/// the file of `GOOGLE_APPLICATION_CREDENTIALS`, else that of `gcloud auth application-default login`, else the metadata server.
/// What is wrong, for people; it names files, and nothing of what is in them.
pub(crate) fn source(setting: &str, variable: Variable<'_>) -> Result<Source, String> {
    let setting = setting.trim();
    if !setting.is_empty() {
        return read(&at_home(setting, variable), "gcp.service_account");
    }
    if let Some(path) = variable("GOOGLE_APPLICATION_CREDENTIALS").filter(|path| !path.trim().is_empty()) {
        return read(Path::new(path.trim()), "GOOGLE_APPLICATION_CREDENTIALS");
    }
    match gcloud(variable).filter(|path| path.is_file()) {
        Some(path) => read(&path, "gcloud"),
        None => Ok(Source::Metadata),
    }
}

/// The file that `gcloud auth application-default login` writes.
fn gcloud(variable: Variable<'_>) -> Option<PathBuf> {
    let folder = match variable("CLOUDSDK_CONFIG").filter(|path| !path.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => {
            PathBuf::from(variable("HOME").filter(|home| !home.is_empty())?).join(".config").join("gcloud")
        }
    };
    Some(folder.join("application_default_credentials.json"))
}

fn at_home(path: &str, variable: Variable<'_>) -> PathBuf {
    match (path.strip_prefix("~/"), variable("HOME")) {
        (Some(rest), Some(home)) if !home.is_empty() => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    }
}

fn read(path: &Path, named_by: &str) -> Result<Source, String> {
    let told = |why: String| format!("the credential file {} of {named_by}: {why}", path.display());
    let size = std::fs::metadata(path).map_err(|error| told(error.to_string()))?.len();
    if size > LARGEST {
        return Err(told(format!("{size} bytes are too many for one")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
    let text = zeroize::Zeroizing::new(text);
    Source::parse(&text).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str =
        r#"{"type": "authorized_user", "client_id": "ID", "client_secret": "s", "refresh_token": "r"}"#;

    fn user(id: &str) -> String {
        USER.replace("ID", id)
    }

    fn client(source: Result<Source, String>) -> String {
        match source.unwrap() {
            Source::User(user) => user.client_id,
            Source::Metadata => "metadata".to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_named_goes_before_what_is_found() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name).display().to_string();
        std::fs::create_dir_all(home.path().join(".config/gcloud")).unwrap();
        for (file, id) in [
            ("key.json", "key"),
            ("adc.json", "adc"),
            (".config/gcloud/application_default_credentials.json", "gcloud"),
        ] {
            std::fs::write(at(file), user(id)).unwrap();
        }
        let of = |setting: &str, variables: &[(&str, String)]| {
            let find = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
            };
            source(setting, &find)
        };
        let here = ("HOME", home.path().display().to_string());
        let named = ("GOOGLE_APPLICATION_CREDENTIALS", at("adc.json"));
        assert_eq!(client(of("~/key.json", &[here.clone(), named.clone()])), "key");
        assert_eq!(client(of("", &[here.clone(), named.clone()])), "adc");
        assert_eq!(client(of("", std::slice::from_ref(&here))), "gcloud");
        assert_eq!(client(of("", &[("CLOUDSDK_CONFIG", at(".config/gcloud"))])), "gcloud");
        assert_eq!(client(of("", &[("HOME", at("nobody"))])), "metadata");
        let told = of("/nowhere/key.json", &[here]).unwrap_err();
        assert!(told.starts_with("the credential file /nowhere/key.json of gcp.service_account: "), "{told}");
    }
}
