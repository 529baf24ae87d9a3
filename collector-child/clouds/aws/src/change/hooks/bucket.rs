//! The tags of a bucket are set all at once.

use collector::Failure;
use engine::change::{Access, Tagging, applied, words};
use serde_json::{Map, json};

use super::told;

const SERVICE: &str = "s3";

/// Changes tags, and leaves the others as they are.
pub(super) async fn tags(access: &Access<'_>, tagging: &Tagging<'_>) -> Result<(), Failure> {
    let bucket = tagging.resource.document()["name"].clone();
    let of_bucket = || Map::from_iter([("Bucket".to_owned(), bucket.clone())]);
    let before = match access.call(SERVICE, "GetBucketTagging", of_bucket()).await {
        Ok(answer) => answer["TagSet"].as_array().cloned().unwrap_or_default(),
        Err(error) if error.has_code(&["NoSuchTagSet"]) => Vec::new(),
        Err(error) => return Err(told(error)),
    };
    let tags = applied(before, tagging)?;
    let mut params = of_bucket();
    let operation = if tags.is_empty() {
        "DeleteBucketTagging"
    } else {
        params.insert("Tagging".to_owned(), json!({"TagSet": tags}));
        "PutBucketTagging"
    };
    let words = words::call(SERVICE, operation, &params);
    access.call(SERVICE, operation, params).await.map_err(told)?;
    tracing::info!("called {words}");
    Ok(())
}
