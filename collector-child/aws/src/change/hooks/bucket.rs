//! A bucket has to be empty before it can be deleted: no objects in any version, no delete markers, no parts of uploads
//! that were never finished. And its tags are set all at once.

use aws_tables::plan::{Arguments, Call};
use serde_json::{Map, Value, json};

use super::super::access::Access;
use super::super::judge::{Meaning, Stop, later, never};
use super::super::perform::Job;
use super::super::tag::{Tagging, applied};
use super::super::{Resource, words};
use super::told;
use crate::failure::Failure;

const SERVICE: &str = "s3";
/// What one call deletes at most.
const TOGETHER: usize = 1000;

/// Deletes everything in it, page by page: there may be millions.
pub(super) async fn empty(job: Job<'_>, resource: &Resource) -> Result<(), Stop> {
    let bucket = &resource.document()["name"];
    let versions = |page: &Value| {
        let listed = ["Versions", "DeleteMarkers"].into_iter().filter_map(|member| page[member].as_array());
        listed.flatten().map(identity).collect()
    };
    let uploads = |page: &Value| page["Uploads"].as_array().cloned().unwrap_or_default();
    each_page(job, bucket, "ListObjectVersions", &versions, true).await?;
    each_page(job, bucket, "ListMultipartUploads", &uploads, false).await
}

/// What names a version of an object.
fn identity(version: &Value) -> Value {
    let mut identity = Map::from_iter([("Key".to_owned(), version["Key"].clone())]);
    if let Some(id) = version.get("VersionId").filter(|id| !id.is_null()) {
        identity.insert("VersionId".to_owned(), id.clone());
    }
    Value::Object(identity)
}

async fn each_page(
    job: Job<'_>,
    bucket: &Value,
    listing: &str,
    found: &(dyn Fn(&Value) -> Vec<Value> + Sync),
    objects: bool,
) -> Result<(), Stop> {
    let params = Map::from_iter([("Bucket".to_owned(), bucket.clone())]);
    let mut pages = job.access.pages(SERVICE, listing, params);
    while let Some(page) = pages.next().await {
        job.access.progress();
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                return match job.codes.of_call(&[], &error) {
                    // The deletion itself will find the same.
                    Meaning::Nothing | Meaning::Gone => Ok(()),
                    Meaning::Later => Err(later(error.to_string())),
                    Meaning::Never => Err(never(&error)),
                };
            }
        };
        let items = found(&page);
        if objects {
            for some in items.chunks(TOGETHER) {
                let delete = json!({"Objects": some, "Quiet": true});
                send(job, bucket, "DeleteObjects", [("Delete", delete)]).await?;
            }
        } else {
            for upload in &items {
                let which = ["Key", "UploadId"].map(|name| (name, upload[name].clone()));
                send(job, bucket, "AbortMultipartUpload", which).await?;
            }
        }
        if job.dry_run && !items.is_empty() {
            if pages.next().await.is_some() {
                job.journal.done("would go on like that with more pages".to_owned());
            }
            return Ok(());
        }
    }
    Ok(())
}

async fn send<const N: usize>(
    job: Job<'_>,
    bucket: &Value,
    operation: &str,
    params: [(&str, Value); N],
) -> Result<(), Stop> {
    let params = params.map(|(name, value)| (name.to_owned(), value));
    let params: Map<_, _> = [("Bucket".to_owned(), bucket.clone())].into_iter().chain(params).collect();
    let call = Call {
        service: SERVICE.to_owned(),
        operation: operation.to_owned(),
        arguments: Arguments::default(),
        expected: Vec::new(),
    };
    let failed = "Errors".parse().ok();
    job.send(&call, failed.as_ref(), params).await.map(drop)
}

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
