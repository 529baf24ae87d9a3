//! The tables are those that the script writes, and the script is the one that wrote them.

use aws_shapes::{endpoints, service, services};
use serde_json::Value;

const AGAIN: &str =
    "run scripts/export_operations.py with the botocore that it names, and check in what it writes";

fn root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sha256(file: &str) -> String {
    let bytes = std::fs::read(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    data_encoding::HEXLOWER.encode(digest.as_ref())
}

fn manifest() -> Value {
    serde_json::from_slice(&std::fs::read(root().join("data/MANIFEST.json")).expect("the manifest"))
        .expect("JSON")
}

#[test]
fn the_scripts_are_those_that_wrote_the_tables() {
    let manifest = manifest();
    for (hash, script) in [("script_sha256", "export_operations.py"), ("paging_sha256", "paging.py")] {
        let now = sha256(&format!("scripts/{script}"));
        assert_eq!(manifest[hash].as_str(), Some(now.as_str()), "{script} changed: {AGAIN}");
    }
}

#[test]
fn the_files_are_those_that_were_written() {
    let manifest = manifest();
    let files = manifest["files_sha256"].as_object().expect("files");
    for (file, expected) in files {
        assert_eq!(
            Some(sha256(&format!("data/{file}")).as_str()),
            expected.as_str(),
            "{file} is another: {AGAIN}"
        );
    }
    let present = std::fs::read_dir(root().join("data")).expect("the folder").count();
    assert_eq!(present, files.len() + 1, "data/ holds files that the manifest does not name: {AGAIN}");
}

#[test]
fn the_program_knows_what_was_written() {
    let manifest = manifest();
    let known: Vec<&str> = services().collect();
    let written = manifest["services"].as_object().expect("services");
    assert_eq!(known, written.keys().map(String::as_str).collect::<Vec<_>>(), "src/data.rs has another list");
    for (name, counts) in written {
        let operations = service(name).expect("it is listed").operations().count();
        assert_eq!(Some(operations as u64), counts["operations"].as_u64(), "{name}");
    }
}

#[test]
fn regions_are_found_in_their_partitions() {
    for (region, partition) in [
        ("us-east-1", "aws"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-gov-future-1", "aws-us-gov"),
        ("cn-north-1", "aws-cn"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("eusc-de-east-1", "aws-eusc"),
        ("eu-future-9", "aws"),
    ] {
        assert_eq!(
            endpoints().partition_of(region).map(|found| found.id.as_str()),
            Some(partition),
            "{region}"
        );
    }
    assert_eq!(endpoints().partition_of("nowhere"), None);
    let aws = endpoints().partition("aws").expect("aws");
    assert_eq!(aws.defaults.hostname.as_deref(), Some("{service}.{region}.{dnsSuffix}"));
    let iam = &aws.services["iam"];
    assert!(!iam.regionalized);
    let global = &iam.endpoints[iam.partition_endpoint.as_deref().expect("a partition endpoint")];
    assert_eq!(global.hostname.as_deref(), Some("iam.amazonaws.com"));
    assert_eq!(global.signing_region.as_deref(), Some("us-east-1"));
    assert!(aws.defaults.variants.iter().any(|variant| variant.fips && variant.dual_stack));
    assert_eq!(aws.services["api.pricing"].defaults.signing_name.as_deref(), Some("pricing"));
}
