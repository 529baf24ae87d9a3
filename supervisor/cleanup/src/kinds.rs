//! The kinds of all collectors, as these describe them.

use decisions::cleanup::Kinds;
use serde::Deserialize;

/// Reads the lists in `Described::kinds_json` of all collectors.
pub fn read<'a>(lists: impl IntoIterator<Item = &'a str>) -> Result<Kinds, serde_json::Error> {
    #[derive(Deserialize)]
    struct Kind {
        fqn: String,
        #[serde(default)]
        bases: Option<Vec<String>>,
    }
    let mut all = Vec::new();
    for list in lists {
        let kinds: Vec<Kind> = serde_json::from_str(list)?;
        all.extend(kinds.into_iter().map(|kind| (kind.fqn, kind.bases.unwrap_or_default())));
    }
    Ok(Kinds::new(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_together() {
        let kinds = read([
            r#"[{"fqn": "quota", "bases": ["phantom_resource"]}, {"fqn": "color", "runtime_kind": "string"}]"#,
            r#"[{"fqn": "x_quota", "bases": ["quota"]}, {"fqn": "x_region", "bases": null}]"#,
        ])
        .unwrap();
        assert!(kinds.is_phantom("x_quota") && !kinds.is_phantom("x_region"));
        assert!(read(["junk"]).is_err());
    }
}
