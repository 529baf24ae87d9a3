//! From bytes to a document, or to what they are instead of one.

use roxmltree::{Document, Error, ParsingOptions};

use super::repair;
use crate::answer::{Garbage, GarbageKind};

/// More elements and texts than any page has; about 1 GiB of memory.
const MAX_NODES: u32 = 16_000_000;

/// Reads XML and hands it on: a document borrows from its text.
pub(super) fn read<T>(status: u16, body: &[u8], then: impl FnOnce(&Document<'_>) -> T) -> Result<T, Garbage> {
    // A byte that is not UTF-8 spoils its own text, not the page.
    let text = String::from_utf8_lossy(body);
    // S3 keeps connections alive with blanks before the document, which may not stand there.
    let trimmed = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let error = match parsed(trimmed) {
        Ok(document) => return finish(status, body, &document, then),
        Err(error) => error,
    };
    let repaired = repair::xml(trimmed);
    match repaired.as_deref().and_then(|text| parsed(text).ok()) {
        Some(document) => finish(status, body, &document, then),
        None => Err(Garbage::new(status, not_xml(trimmed, &error), body)),
    }
}

fn parsed(text: &str) -> Result<Document<'_>, Error> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options)
}

fn finish<T>(
    status: u16,
    body: &[u8],
    document: &Document<'_>,
    then: impl FnOnce(&Document<'_>) -> T,
) -> Result<T, Garbage> {
    if document.root_element().tag_name().name().eq_ignore_ascii_case("html") {
        return Err(Garbage::new(status, GarbageKind::Html, body));
    }
    Ok(then(document))
}

fn not_xml(text: &str, error: &Error) -> GarbageKind {
    match error {
        _ if is_html(text.as_bytes()) => GarbageKind::Html,
        Error::UnclosedRootNode | Error::UnexpectedEndOfStream => GarbageKind::Truncated,
        Error::NoRootNode if text.is_empty() => GarbageKind::Truncated,
        // A document that ends within a tag or an entity is reported as malformed there.
        _ if text.starts_with('<') && !text.trim_end().ends_with('>') => GarbageKind::Truncated,
        _ => GarbageKind::NotXml(error.to_string()),
    }
}

/// What is not JSON.
pub(super) fn not_json(status: u16, body: &[u8], error: &serde_json::Error) -> Garbage {
    let kind = if is_html(body) {
        GarbageKind::Html
    } else if error.is_eof() {
        GarbageKind::Truncated
    } else {
        GarbageKind::NotJson(error.to_string())
    };
    Garbage::new(status, kind, body)
}

/// A page for people begins like this.
pub(super) fn is_html(body: &[u8]) -> bool {
    let begin = String::from_utf8_lossy(&body[..body.len().min(512)]).to_ascii_lowercase();
    let begin = begin.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let declared = begin.starts_with("<?xml") || begin.starts_with("<!--");
    begin.starts_with("<!doctype html") || begin.starts_with("<html") || (declared && begin.contains("<html"))
}
