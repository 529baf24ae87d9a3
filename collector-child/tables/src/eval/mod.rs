//! Applies plans to documents.

mod apply;
mod function;
