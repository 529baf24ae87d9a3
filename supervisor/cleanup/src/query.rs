//! What fixcore is asked for: the resources to delete, with everything around them.

/// The search for the resources of `clouds` (cloud ids, at least one) that are marked for cleanup, with their
/// ancestors and descendants over default and delete edges.
pub fn query<'a>(clouds: impl IntoIterator<Item = &'a str>) -> String {
    let clouds: Vec<String> = clouds.into_iter().map(quoted).collect();
    format!(
        "/desired.clean == true and /metadata.cleaned != true and /metadata.protected!=true \
         and /ancestors.cloud.reported.id in [{}] <-default,delete[0:]->",
        clouds.join(", ")
    )
}

/// A string of fixcore's query language, which has the escapes of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_has_the_form_of_the_peer() {
        assert_eq!(
            query(["example"]),
            "/desired.clean == true and /metadata.cleaned != true and /metadata.protected!=true \
             and /ancestors.cloud.reported.id in [\"example\"] <-default,delete[0:]->"
        );
        assert!(query(["aws", "a\"b"]).contains(r#"in ["aws", "a\"b"] <-"#));
    }
}
