//! A bucket has to be empty before it can be deleted: no objects in any version, no delete markers, no parts of uploads
//! that were never finished.

use engine::change::{Job, Stop, is_fatal, never, stop};
use ipc_proto::clean::CleanOutcome;
use serde_json::{Map, Value, json};
use tables::plan::{Arguments, Call};

/// What one call deletes at most.
const TOGETHER: usize = 1000;

/// Deletes everything in a bucket of this name, page by page: there may be millions. Nothing if some of it cannot be deleted
/// anyway. `service` is what the tables call the service. How many things that were.
pub async fn empty(job: Job<'_>, service: &str, bucket: &Value) -> Result<usize, Stop> {
    let bucket = Bucket { job, service, name: bucket };
    if let Some(reason) = bucket.locked().await? {
        return Err(Stop::Outcome(CleanOutcome::Failed { reason }));
    }
    let versions = |page: &Value| {
        let listed = ["Versions", "DeleteMarkers"].into_iter().filter_map(|member| page[member].as_array());
        listed.flatten().map(identity).collect()
    };
    let uploads = |page: &Value| page["Uploads"].as_array().cloned().unwrap_or_default();
    let made = bucket.each_page("ListObjectVersions", &versions, true).await?;
    Ok(made + bucket.each_page("ListMultipartUploads", &uploads, false).await?)
}

/// A bucket that is being emptied.
#[derive(Clone, Copy)]
struct Bucket<'a> {
    job: Job<'a>,
    service: &'a str,
    name: &'a Value,
}

impl Bucket<'_> {
    /// Why its objects stay whoever deletes them.
    async fn locked(self) -> Result<Option<String>, Stop> {
        let lock = self.look("GetObjectLockConfiguration").await?;
        let retention = &lock["ObjectLockConfiguration"]["Rule"]["DefaultRetention"];
        if retention.is_object() {
            let mode = retention["Mode"].as_str().unwrap_or("unknown");
            return Ok(Some(format!(
                "its object lock keeps what is in it (mode {mode}); nothing of it was deleted"
            )));
        }
        let versioning = self.look("GetBucketVersioning").await?;
        let by_device = versioning["MFADelete"] == "Enabled";
        Ok(by_device.then(|| {
            "only the root user with its MFA device may delete what is in it; nothing of it was deleted"
                .to_owned()
        }))
    }

    /// What a setting of the bucket is; what cannot be read is not known to be in the way.
    async fn look(self, operation: &str) -> Result<Value, Stop> {
        match self.job.access.call(self.service, operation, self.params()).await {
            Err(error) if is_fatal(&error) => Err(never(&error)),
            answer => Ok(answer.unwrap_or_default()),
        }
    }

    async fn each_page(
        self,
        listing: &str,
        found: &(dyn Fn(&Value) -> Vec<Value> + Sync),
        objects: bool,
    ) -> Result<usize, Stop> {
        let job = self.job;
        let mut made = 0;
        let mut pages = job.access.pages(self.service, listing, self.params());
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
                self.delete(&items).await?;
            } else {
                for upload in &items {
                    let which = ["Key", "UploadId"].map(|name| (name, upload[name].clone()));
                    self.send("AbortMultipartUpload", which).await?;
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
    async fn delete(self, versions: &[Value]) -> Result<(), Stop> {
        let (plain, odd): (Vec<Value>, Vec<Value>) = versions.iter().cloned().partition(is_plain);
        for some in plain.chunks(TOGETHER) {
            let delete = json!({"Objects": some, "Quiet": true});
            self.send("DeleteObjects", [("Delete", delete)]).await?;
        }
        for version in odd {
            let which = ["Key", "VersionId"].map(|name| (name, version[name].clone()));
            self.send("DeleteObject", which).await?;
        }
        Ok(())
    }

    async fn send<const N: usize>(self, operation: &str, more: [(&str, Value); N]) -> Result<(), Stop> {
        let mut params = self.params();
        let more = more.into_iter().filter(|(_, value)| !value.is_null());
        params.extend(more.map(|(name, value)| (name.to_owned(), value)));
        let call = Call {
            service: self.service.to_owned(),
            operation: operation.to_owned(),
            arguments: Arguments::default(),
            expected: ["NoSuchKey", "NoSuchVersion", "NoSuchUpload"].map(str::to_owned).to_vec(),
            failed: None,
            paging: None,
        };
        let failed = "Errors".parse().ok();
        self.job.send(&call, failed.as_ref(), params).await.map(drop)
    }

    fn params(self) -> Map<String, Value> {
        Map::from_iter([("Bucket".to_owned(), self.name.clone())])
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

/// Whether XML 1.0 has all characters of the key.
fn is_plain(version: &Value) -> bool {
    let is_char =
        |c: char| !matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    version["Key"].as_str().is_some_and(|key| key.chars().all(is_char))
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
