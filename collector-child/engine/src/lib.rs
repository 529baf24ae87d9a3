//! Collects one account of any cloud by kind tables.
//!
//! # What it does
//!
//! ```text
//! kinds/*.toml --build script--> plans
//! Cloud: facts, accounts, ways into them, hooks ---> Tabled: a collector
//! Entered: client, regions, what is wanted ---> collect (regions x kinds) --> graph --> Sink
//!                                                 ^    \--> hooks (Rust, where a table cannot say it)
//!                                               Client (a cloud's own, over http-client)
//! ```
//!
//! A cloud is a type that implements [`Cloud`], with a [`Client`] and hooks; everything else is here, compiled once.
//!
//! # Invariants
//!
//! - The engine knows no cloud and no wire.
//! - No error costs more than what it is about: a property, a resource, a page, a call. Two things cost the account:
//!   credentials that are not valid any more, because everything would then look empty, and whatever is wanted to cost it
//!   ([`Wanted::without_holes`]).
//! - Failed calls are told once per region and cause, not once per call.
//! - Edges never lead into the wrong region: a node is looked for near by first, see [`graph::Graph::find`].
//! - Memory grows with what is sent, not with what the cloud answers: documents are dropped page by page.

pub mod change;
mod cloud;
mod collect;
mod facts;
mod faults;
pub mod glob;
pub mod graph;
pub mod hooks;
pub mod metrics;
mod places;
mod plans;
mod regions;
mod said;
mod tabled;
mod top;

pub use cloud::{Changes, Client, Cloud, Entered, Everything, Wanted, Way, no_change, no_seal};
pub use collect::bounded::{each, gather};
pub use collect::{
    AccountFacts, Ask, Assignment, Context, Draft, Pages, calls_at_once, collect, lock, longest_first,
};
pub use facts::{Check, CloudFacts, MadeByCloud, Measuring};
pub use faults::{ErrorLog, listed};
pub use places::{Places, places};
pub use plans::{Plans, is_global, is_regional};
pub use regions::{Named, Region, RegionIndex, Regions, Zone, ZoneIndex};
pub use tabled::Tabled;
pub use top::{Top, TopNode};
