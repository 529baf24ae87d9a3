//! The protocol S3, which the object stores of several clouds speak.
//!
//! Below the clouds, because they know nothing of each other: the operations as data ([`CATALOG`]); signatures of requests
//! (`sign`), which other services want as well; and how a bucket is emptied (`change`), which has to be before it is deleted.
//! The table in `data/` is written by the scripts beside the other tables of its kind, and is there by a link.

use shapes::Catalog;

#[cfg(feature = "change")]
mod empty;
#[cfg(feature = "sign")]
mod sign;

#[cfg(feature = "change")]
pub use empty::empty;
#[cfg(feature = "sign")]
pub use sign::{Manner, Signer, identity, key, sign};

/// The operations of S3 for clouds that have no other ones with shapes: its one service is `s3`.
pub static CATALOG: Catalog =
    Catalog::new("s3", "the only one is s3", &[("s3", include_bytes!("../data/s3.gz"))]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        CATALOG.check().unwrap();
        let service = CATALOG.service("s3").unwrap();
        for operation in ["ListBuckets", "ListObjectVersions", "DeleteObjects", "DeleteBucket"] {
            assert!(service.operation(operation).is_some(), "{operation}");
        }
    }
}
