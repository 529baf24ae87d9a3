//! What convention finds by itself, and what it leaves to the table.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use serde_json::json;
use support::{compiled, plan, properties};
use tables::compile::{How, PropertyReport};

/// What was found about the properties of a kind.
fn found(text: &str, owner: &str) -> Vec<PropertyReport> {
    let compiled = compiled(text);
    compiled
        .reports
        .iter()
        .flat_map(|report| report.properties.clone())
        .filter(|row| row.owner == owner)
        .collect()
}

#[track_caller]
fn path_of<'a>(rows: &'a [PropertyReport], name: &str) -> (How, &'a str) {
    let row = rows.iter().find(|row| row.name == name).unwrap();
    (row.how, row.path.as_str())
}

#[test]
fn names_agree_without_the_words_of_the_kind() {
    let rows = found(
        "service = \"ec2\"\n[aws_ec2_instance]\nlist = { op = \"DescribeInstances\", items = \"Reservations[].Instances[]\" }\n",
        "aws_ec2_instance",
    );
    for (name, expected) in [
        ("id", (How::Convention, "InstanceId")),
        ("tags", (How::Convention, "Tags")),
        ("instance_image_id", (How::Convention, "ImageId")),
        ("instance_type", (How::Convention, "InstanceType")),
        ("instance_state", (How::Convention, "State")),
        // An object with a single member is that member where a scalar is wanted.
        ("instance_enclave_options", (How::Convention, "EnclaveOptions.Enabled")),
        ("instance_licenses", (How::Convention, "Licenses[].LicenseConfigurationArn")),
        ("instance_block_device_mappings", (How::Convention, "BlockDeviceMappings")),
        // Nothing is called so, or it would not fit.
        ("instance_status", (How::Open, "")),
        ("arn", (How::Absent, "")),
        ("name", (How::Absent, "")),
    ] {
        assert_eq!(path_of(&rows, name), expected, "{name}");
    }
}

#[test]
fn the_first_word_of_most_properties_is_left_out() {
    let rows = found(
        "service = \"ec2\"\n[aws_ec2_network_interface]\n\
         list = { op = \"DescribeNetworkInterfaces\", items = \"NetworkInterfaces\" }\n",
        "aws_ec2_network_interface",
    );
    assert_eq!(path_of(&rows, "nic_subnet_id"), (How::Convention, "SubnetId"));
    assert_eq!(path_of(&rows, "nic_ipv6_prefixes"), (How::Convention, "Ipv6Prefixes[].Ipv6Prefix"));
}

#[test]
fn lists_are_unwrapped() {
    let text = "service = \"cloudfront\"\n[aws_cloudfront_distribution]\n\
                list = { op = \"ListDistributions\", items = \"DistributionList.Items\" }\n\
                calls = { op = \"GetDistribution\", args = { Id = \"{Id}\" }, take = \"Distribution\", into = \".\" }\n";
    let rows = found(text, "aws_cloudfront_distribution_config");
    assert_eq!(path_of(&rows, "aliases"), (How::Convention, "Aliases.Items"));
    assert_eq!(path_of(&rows, "origins"), (How::Convention, "Origins.Items"));
}

#[test]
fn two_that_agree_equally_well_have_to_be_told_apart() {
    let text = "service = \"bedrock\"\n[aws_bedrock_guardrail]\n\
                list = { op = \"ListGuardrails\", items = \"guardrails\" }\n\
                calls = { op = \"GetGuardrail\", args = { guardrailIdentifier = \"{id}\" }, into = \".\" }\n";
    let compiled = compiled(text);
    let mistake =
        compiled.mistakes.iter().map(ToString::to_string).find(|text| text.contains("id (string)")).unwrap();
    assert!(mistake.contains("id (string): say which: id, guardrailId"), "{mistake}");
}

#[test]
fn nested_kinds_are_mapped_and_may_have_exceptions() {
    let base = include_str!("tables/kms.toml");
    let plan = plan(
        &format!(
            "{base}\n[nested.aws_kms_multiregion_primary_key]\nunset = [\"region\"]\n\
             [aws_kms_key.nested.aws_kms_multiregion_replica_key.map]\nregion = {{ path = \"Region\", fn = \"upper\" }}\n"
        ),
        "aws_kms_key",
    );
    let key = json!({"Arn": "arn:1", "Region": "eu-west-1"});
    let document = json!({
        "KeyId": "k",
        "MultiRegionConfiguration": {"MultiRegionKeyType": "PRIMARY", "PrimaryKey": key, "ReplicaKeys": [key, key]},
    });
    let replica = json!({"arn": "arn:1", "region": "EU-WEST-1"});
    assert_eq!(
        properties(&plan, &document)["kms_multiregion_configuration"],
        json!({
            "multi_region_key_type": "PRIMARY", "primary_key": {"arn": "arn:1"}, "replica_keys": [replica, replica],
        })
    );
}

#[test]
fn kinds_that_contain_themselves_are_mapped_once() {
    let text = "service = \"wafv2\"\n[aws_waf_web_acl]\n\
                list = { op = \"ListWebACLs\", args = { Scope = \"REGIONAL\" }, items = \"WebACLs\" }\n\
                calls = { op = \"GetWebACL\", args = { Name = \"{Name}\", Scope = \"REGIONAL\", Id = \"{Id}\" }, take = \"WebACL\", into = \".\" }\n";
    let rows = found(text, "aws_waf_and_statement");
    assert!(rows.iter().filter(|row| row.name == "statements").count() == 1, "{rows:#?}");
}

#[test]
fn nested_kinds_of_several_kinds_of_documents_may_lack_some_members() {
    let text = "service = \"wafv2\"\n[aws_waf_web_acl]\n\
                list = { op = \"ListWebACLs\", args = { Scope = \"REGIONAL\" }, items = \"WebACLs\" }\n\
                calls = { op = \"GetWebACL\", args = { Name = \"{Name}\", Scope = \"REGIONAL\", Id = \"{Id}\" }, take = \"WebACL\", into = \".\" }\n\
                [nested.aws_waf_rate_limit]\noptional = [\"name\"]\n\
                [nested.aws_waf_response_inspection_part]\noptional = [\"name\", \"identifier\", \"success_values\", \"failure_values\"]\n\
                [nested.aws_waf_response_inspection_part.map]\n\
                success_values = { any = [\"SuccessValues\", \"SuccessStrings\", \"SuccessCodes\"], each_fn = \"str\" }\n";
    let of = |kind: &str, name: &str| {
        let rows = found(text, kind);
        let mut found: Vec<_> =
            rows.iter().filter(|row| row.name == name).map(|row| (row.how, row.path.clone())).collect();
        found.sort_by(|one, other| one.1.cmp(&other.1));
        found.dedup();
        found
    };
    let name = |path: &str| (How::Convention, path.to_owned());
    assert_eq!(of("aws_waf_rate_limit", "name"), [(How::Absent, String::new()), name("Name")]);
    let values = |path: &str| (How::Entry, format!("{path} each:str"));
    assert_eq!(
        of("aws_waf_response_inspection_part", "success_values"),
        [values("SuccessCodes"), values("SuccessStrings"), values("SuccessValues")]
    );
    let mistakes = compiled(text).mistakes.iter().map(ToString::to_string).collect::<String>();
    assert!(!mistakes.contains("rate_limit") && !mistakes.contains("inspection_part"), "{mistakes}");
}

#[test]
fn members_that_nothing_uses_are_named() {
    let compiled = compiled(include_str!("tables/kms.toml"));
    let (owner, members) = &compiled.reports[0].unused[0];
    assert_eq!(owner, "aws_kms_key");
    assert!(members.contains(&"KeyAgreementAlgorithms".to_owned()), "{members:?}");
    assert!(!members.contains(&"KeySpec".to_owned()), "{members:?}");
}

#[test]
fn missing_lists_are_empty_where_the_file_says_so() {
    let text = |head: &str| {
        format!(
            "service = \"acm\"\n{head}\n[aws_acm_certificate]\nlist = {{ op = \"DescribeCertificate\", args = {{ CertificateArn = \"c\" }}, items = \"Certificate\" }}\n\
             unset = [\"sha1_fingerprint\", \"expires\", \"dns_names\", \"certificate_transparency_logging\"]\n\
             [aws_acm_certificate.map]\nid = \"CertificateArn\"\n"
        )
    };
    let document = json!({"CertificateArn": "c", "DomainName": "d"});
    let made = |head: &str| properties(&plan(&text(head), "aws_acm_certificate"), &document);
    assert_eq!(made("empty_lists = true").get("subject_alternative_names"), Some(&json!([])));
    assert_eq!(made("").get("subject_alternative_names"), None);
    let absent =
        text("empty_lists = true").replace("unset =", "absent = [\"subject_alternative_names\"]\nunset =");
    let made = properties(&plan(&absent, "aws_acm_certificate"), &document);
    assert_eq!(made.get("subject_alternative_names"), None);
}
