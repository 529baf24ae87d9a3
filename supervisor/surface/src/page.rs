//! The status page: markup of what [`crate::status`] knows. Pure.
//!
//! The same markup goes out as the page and, whenever it changes, over the stream of events: a browser with JavaScript
//! puts what has changed in its place, one without loads the page again. Its parts are files in `page/`.

mod accounts;
mod html;
mod sections;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use jiff::Timestamp;

use self::html::{Html, put};
use crate::history::{RunRecord, RunSummary};
use crate::status::{Condition, Query, View};

/// The style sheet.
pub(crate) const CSS: &str = include_str!("page/page.css");
/// The script.
pub(crate) const JS: &str = include_str!("page/page.js");
/// The icon.
pub(crate) const ICON: &str = include_str!("page/icon.svg");
const FRAME: &str = include_str!("page/page.html");
const PLACE: &str = "<!--main-->";

/// Nothing but what this server sends, no script in the markup, nobody else's frame around it.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                                 img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What is on the page.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    /// How the worker is.
    pub(crate) condition: &'a Condition,
    /// Accounts, faults, cleanup.
    pub(crate) view: &'a View,
    /// The run of the past that is looked at.
    pub(crate) past: Option<&'a RunRecord>,
    /// The last runs.
    pub(crate) runs: &'a [Arc<RunSummary>],
    /// What somebody wants to see.
    pub(crate) query: &'a Query,
    /// Now.
    pub(crate) now: Timestamp,
}

impl Page<'_> {
    /// The part that changes, in one line.
    pub(crate) fn main(&self) -> String {
        let mut html = Html::default();
        put!(html, "<main id=\"main\">");
        sections::head(&mut html, self);
        put!(html, "<div class=\"cards\">");
        sections::connections(&mut html, self);
        sections::sandbox(&mut html, self.condition);
        put!(html, "</div>");
        sections::run(&mut html, self);
        accounts::section(&mut html, self);
        sections::faults(&mut html, self);
        if self.past.is_none() {
            sections::cleanup(&mut html, self);
        }
        sections::runs(&mut html, self);
        put!(html, "</main>");
        html.into_string()
    }

    /// The whole page.
    pub(crate) fn document(&self) -> String {
        FRAME.replacen(PLACE, &self.main(), 1)
    }
}
