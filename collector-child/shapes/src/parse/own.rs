//! Whether a document is the one that the operation answers with. Proxies and wrong addresses answer with status 200, too,
//! and read by the shape their page would be an empty list.

use roxmltree::Node;
use serde_json::{Map, Value};

use super::{Source, error};
use crate::answer::{Answer, Garbage, GarbageKind};
use crate::shape::{Location, Structure};
use crate::{Protocol, Shape};

/// The roots of answers of S3 that are no payload: no model tells them. From the reference of its API.
const ROOTS_OF_S3: [(&str, &str); 23] = [
    ("CompleteMultipartUpload", "CompleteMultipartUploadResult"),
    ("CreateMultipartUpload", "InitiateMultipartUploadResult"),
    ("DeleteObjects", "DeleteResult"),
    ("GetBucketAccelerateConfiguration", "AccelerateConfiguration"),
    ("GetBucketAcl", "AccessControlPolicy"),
    ("GetBucketCors", "CORSConfiguration"),
    ("GetBucketLifecycle", "LifecycleConfiguration"),
    ("GetBucketLifecycleConfiguration", "LifecycleConfiguration"),
    ("GetBucketLocation", "LocationConstraint"),
    ("GetBucketLogging", "BucketLoggingStatus"),
    ("GetBucketNotificationConfiguration", "NotificationConfiguration"),
    ("GetBucketRequestPayment", "RequestPaymentConfiguration"),
    ("GetBucketTagging", "Tagging"),
    ("GetBucketVersioning", "VersioningConfiguration"),
    ("GetBucketWebsite", "WebsiteConfiguration"),
    ("GetObjectAcl", "AccessControlPolicy"),
    ("GetObjectTagging", "Tagging"),
    ("ListBuckets", "ListAllMyBucketsResult"),
    ("ListMultipartUploads", "ListMultipartUploadsResult"),
    ("ListObjectVersions", "ListVersionsResult"),
    ("ListObjects", "ListBucketResult"),
    ("ListObjectsV2", "ListBucketResult"),
    ("ListParts", "ListPartsResult"),
];

impl Source<'_> {
    /// Refuses XML of the protocols query and ec2 whose root is another.
    pub(super) fn own_root(&self, root: Node<'_, '_>) -> Result<(), Answer> {
        let wanted = format!("{}Response", self.operation.name);
        if root.tag_name().name() != wanted {
            return Err(self.other_root(root, &wanted));
        }
        self.no_error_within(root, |_| false)
    }

    /// Refuses XML of the protocol rest-xml whose root is another, or, where its name is not known, without anything that
    /// the shape knows. Only where the operation answers with nothing does the root of an empty document say nothing.
    pub(super) fn own_document(&self, structure: &Structure, root: Node<'_, '_>) -> Result<(), Answer> {
        let name = root.tag_name().name();
        let mut elements =
            root.children().filter(Node::is_element).map(|element| element.tag_name().name()).peekable();
        let s3 = self.service.name == "s3";
        let says_nothing = || structure.members.iter().all(|member| member.traits.location != Location::Body);
        if !s3 && elements.peek().is_none() && says_nothing() {
            return Ok(());
        }
        self.no_error_within(root, |name| structure.by_wire(name).is_some())?;
        let operation = self.operation.name;
        let wanted = match self.operation.output.map(|id| self.service.shape(id)) {
            Some(Shape::Structure(output)) if output.payload().is_some() => {
                output.payload().map(crate::shape::Member::wire)
            }
            _ if s3 => ROOTS_OF_S3.iter().find(|(known, _)| *known == operation).map(|(_, root)| *root),
            _ => None,
        };
        // The usual name; stand-ins of S3 use it as well.
        let named = ["Response", "Result"].into_iter().any(|end| name.strip_suffix(end) == Some(operation));
        let known = named
            || wanted == Some(name)
            || wanted.is_none() && s3 && elements.any(|element| structure.by_wire(element).is_some());
        if known { Ok(()) } else { Err(self.other_root(root, wanted.unwrap_or(operation))) }
    }

    /// Refuses an error in the clothes of an answer.
    fn no_error_within(&self, root: Node<'_, '_>, known: impl Fn(&str) -> bool) -> Result<(), Answer> {
        let mut names = root.children().filter(Node::is_element).map(|element| element.tag_name().name());
        match names.find(|name| matches!(*name, "Error" | "Errors") && !known(name)) {
            Some(name) => Err(self.foreign(&format!("it holds {name}"))),
            None => Ok(()),
        }
    }

    /// Refuses an object that complains, where the operation answers with nothing: servers that stand in for the cloud send
    /// back what was deleted, a proxy says why it stopped the call.
    fn no_complaint(&self, sent: &Map<String, Value>) -> Result<(), Answer> {
        const COMPLAINTS: [&str; 7] = ["message", "error", "errors", "detail", "reason", "blocked", "status"];
        if let Some(told) = self.error_in(sent) {
            return Err(told);
        }
        let complains =
            |name: &String| COMPLAINTS.iter().any(|complaint| name.eq_ignore_ascii_case(complaint));
        if sent.keys().any(complains) { Err(self.foreign("no member is known")) } else { Ok(()) }
    }

    fn other_root(&self, root: Node<'_, '_>, wanted: &str) -> Answer {
        self.foreign(&format!("{} is not {wanted}", root.tag_name().name()))
    }

    /// Refuses JSON in which no member is known: there is always one, or nothing at all.
    pub(super) fn own_members(&self, structure: &Structure, read: &Map<String, Value>) -> Result<(), Answer> {
        if !read.is_empty() && !self.names_an_error() {
            return Ok(());
        }
        let Ok(Value::Object(sent)) = serde_json::from_slice::<Value>(self.body) else { return Ok(()) };
        let known = |name: &str| {
            structure.by_wire(name).is_some_and(|member| member.traits.location == Location::Body)
        };
        if let Some(told) = self.error_in(&sent) {
            return Err(told);
        }
        if sent.is_empty() || sent.keys().any(|name| known(name)) {
            return Ok(());
        }
        Err(self.foreign("no member is known"))
    }

    /// Whether it is worth to look for an error in JSON.
    fn names_an_error(&self) -> bool {
        String::from_utf8_lossy(&self.body[..self.body.len().min(200)]).contains("\"__type\"")
    }

    /// The error that an object is: with the name of its type, by itself or in the envelope in which a front end answers
    /// that knows no such operation.
    fn error_in(&self, sent: &Map<String, Value>) -> Option<Answer> {
        let envelope = sent.get("Output").and_then(Value::as_object).filter(|_| sent.contains_key("Version"));
        let told = envelope.unwrap_or(sent);
        let kind = told.get("__type")?.as_str()?;
        ["Exception", "Error", "Failure", "Fault"].iter().any(|end| kind.ends_with(end)).then(|| {
            // The server's fault, so that the call is made again.
            let source = Source { status: 500, ..*self };
            Answer::Error(error::from_object(&source, told))
        })
    }

    /// Refuses nothing where something has to be.
    pub(super) fn not_blank(&self) -> Result<(), Answer> {
        // No Content: what changes something may say so, but no listing is empty in that way.
        let no_content = self.status == 204 && !self.reads();
        if no_content || !self.is_blank() {
            return Ok(());
        }
        Err(Answer::Garbage(Garbage::new(self.status, GarbageKind::Truncated, self.body)))
    }

    /// Whether the operation answers a question. Where all requests look the same, all answers have a body.
    fn reads(&self) -> bool {
        self.service.protocol == Protocol::Json || self.operation.method == "GET"
    }

    /// Refuses what came where the operation answers with nothing.
    pub(super) fn nothing_else(&self) -> Result<(), Answer> {
        match self.service.protocol {
            _ if self.is_blank() => Ok(()),
            Protocol::Json | Protocol::RestJson => match serde_json::from_slice::<Value>(self.body) {
                Ok(Value::Object(sent)) => self.no_complaint(&sent),
                Ok(Value::Null) => Ok(()),
                Ok(_) => Err(self.foreign("no object")),
                Err(error) => Err(Answer::Garbage(super::document::not_json(self.status, self.body, &error))),
            },
            _ => super::document::read(self.status, self.body, |document| {
                let name = document.root_element().tag_name().name();
                let ends = ["Response", "Result"];
                let own = ends.into_iter().any(|end| name.strip_suffix(end) == Some(self.operation.name));
                if own { Ok(()) } else { Err(self.other_root(document.root_element(), self.operation.name)) }
            })
            .map_err(Answer::Garbage)?,
        }
    }
}
