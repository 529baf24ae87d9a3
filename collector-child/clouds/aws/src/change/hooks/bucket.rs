//! A bucket has to be empty before it can be deleted: no objects in any version, no delete markers, no parts of uploads
//! that were never finished. And its tags are set all at once.

use collector::Failure;
use engine::change::{Access, Job, Resource, Stop, Tagging, applied, is_fatal, never, stop, words};
use ipc_proto::clean::CleanOutcome;
use serde_json::{Map, Value, json};
use tables::plan::{Arguments, Call};

use super::told;

const SERVICE: &str = "s3";
/// What one call deletes at most.
const TOGETHER: usize = 1000;

/// Deletes everything in it, page by page: there may be millions. Nothing if some of it cannot be deleted anyway.
pub(super) async fn empty(job: Job<'_>, resource: &Resource) -> Result<usize, Stop> {
    let bucket = &resource.document()["name"];
    if let Some(reason) = locked(job, bucket).await? {
        return Err(Stop::Outcome(CleanOutcome::Failed { reason }));
    }
    let versions = |page: &Value| {
        let listed = ["Versions", "DeleteMarkers"].into_iter().filter_map(|member| page[member].as_array());
        listed.flatten().map(identity).collect()
    };
    let uploads = |page: &Value| page["Uploads"].as_array().cloned().unwrap_or_default();
    let made = each_page(job, bucket, "ListObjectVersions", &versions, true).await?;
    Ok(made + each_page(job, bucket, "ListMultipartUploads", &uploads, false).await?)
}

/// Why its objects stay whoever deletes them.
async fn locked(job: Job<'_>, bucket: &Value) -> Result<Option<String>, Stop> {
    let lock = look(job, bucket, "GetObjectLockConfiguration").await?;
    let retention = &lock["ObjectLockConfiguration"]["Rule"]["DefaultRetention"];
    if retention.is_object() {
        let mode = retention["Mode"].as_str().unwrap_or("unknown");
        return Ok(Some(format!(
            "its object lock keeps what is in it (mode {mode}); nothing of it was deleted"
        )));
    }
    let versioning = look(job, bucket, "GetBucketVersioning").await?;
    let by_device = versioning["MFADelete"] == "Enabled";
    Ok(by_device.then(|| {
        "only the root user with its MFA device may delete what is in it; nothing of it was deleted"
            .to_owned()
    }))
}

/// What a setting of the bucket is; what cannot be read is not known to be in the way.
async fn look(job: Job<'_>, bucket: &Value, operation: &str) -> Result<Value, Stop> {
    let params = Map::from_iter([("Bucket".to_owned(), bucket.clone())]);
    match job.access.call(SERVICE, operation, params).await {
        Err(error) if is_fatal(&error) => Err(never(&error)),
        answer => Ok(answer.unwrap_or_default()),
    }
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
) -> Result<usize, Stop> {
    let mut made = 0;
    let params = Map::from_iter([("Bucket".to_owned(), bucket.clone())]);
    let mut pages = job.access.pages(SERVICE, listing, params);
    while let Some(page) = pages.next().await {
        job.access.progress();
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                // If the bucket is gone, the deletion itself will find the same.
                return stop(job.codes.of_call(&[], &error), &error).map_or(Ok(made), Err);
            }
        };
        let items = found(&page);
        made += items.len();
        if objects {
            delete(job, bucket, &items).await?;
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
            return Ok(made);
        }
    }
    Ok(made)
}

/// Deletes versions of objects: many with one call, but for those whose key no XML can carry.
async fn delete(job: Job<'_>, bucket: &Value, versions: &[Value]) -> Result<(), Stop> {
    let (plain, odd): (Vec<Value>, Vec<Value>) = versions.iter().cloned().partition(is_plain);
    for some in plain.chunks(TOGETHER) {
        let delete = json!({"Objects": some, "Quiet": true});
        send(job, bucket, "DeleteObjects", [("Delete", delete)]).await?;
    }
    for version in odd {
        let which = ["Key", "VersionId"].map(|name| (name, version[name].clone()));
        send(job, bucket, "DeleteObject", which).await?;
    }
    Ok(())
}

/// Whether XML 1.0 has all characters of the key.
fn is_plain(version: &Value) -> bool {
    let is_char =
        |c: char| !matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    version["Key"].as_str().is_some_and(|key| key.chars().all(is_char))
}

async fn send<const N: usize>(
    job: Job<'_>,
    bucket: &Value,
    operation: &str,
    params: [(&str, Value); N],
) -> Result<(), Stop> {
    let params = params.into_iter().filter(|(_, value)| !value.is_null());
    let params = params.map(|(name, value)| (name.to_owned(), value));
    let params: Map<_, _> = [("Bucket".to_owned(), bucket.clone())].into_iter().chain(params).collect();
    let call = Call {
        service: SERVICE.to_owned(),
        operation: operation.to_owned(),
        arguments: Arguments::default(),
        expected: ["NoSuchKey", "NoSuchVersion", "NoSuchUpload"].map(str::to_owned).to_vec(),
        failed: None,
        paging: None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_no_xml_can_carry_are_known() {
        let plain = |key: &str| is_plain(&json!({"Key": key}));
        for key in ["a/b c", "tab\t line\n return\r", "ü \u{1F600}", "\u{7f}"] {
            assert!(plain(key), "{key:?}");
        }
        for key in ["a\0", "bell\x07", "\x0b", "escape\x1b[0m", "\u{ffff}"] {
            assert!(!plain(key), "{key:?}");
        }
    }
}
