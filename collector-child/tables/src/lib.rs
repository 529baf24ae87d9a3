//! The language of the kind tables, and the plans they compile to.
//!
//! # What it does
//!
//! ```text
//! kinds/*.toml --[compile]--> plans (JSON) --[plan]--> calls, properties, links, edges
//!                  ^    ^
//!        operations     kinds
//!        (shapes)   (inventory)
//! ```
//!
//! [`compile`](mod@compile) runs in a build script: it reads the tables, follows every path through the shapes of the
//! operations, finds by convention what the tables leave out, and refuses what does not fit. What is left, a
//! [`plan::FilePlan`] for each file, has no names to be looked up and no choices to be made. At run time
//! [`plan::KindPlan::properties`], [`plan::Path`], [`plan::Template`] and [`plan::Condition`] apply it to the documents
//! that come from the cloud.
//!
//! # Invariants
//!
//! - The crate does no I/O and reads no clock; but [`mod@build`], which is the build script of every cloud, reads and writes
//!   the files of one.
//! - A plan applies to every document: what does not have the expected form is null, and nothing panics.
//! - Written as text and read again, a plan is the same. Paths, templates, conditions and functions are texts in it.
//! - A kind with a mistake has no plan, and neither have the kinds below it.
//! - Where convention finds two members that agree equally well it decides nothing.
//!
//! The feature `compiler` is what build scripts and writers of tables need; who runs plans does without.
//!
#![doc = include_str!("../LANGUAGE.md")]

#[cfg(feature = "compiler")]
pub mod build;
#[cfg(feature = "compiler")]
pub mod compile;
pub mod plan;

mod eval;
