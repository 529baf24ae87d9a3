//! Answers that are none, answers that are odd, and any bytes.

use aws_shapes::{service, services};
use proptest::prelude::*;
use serde_json::{Value, json};
use shapes::{Answer, Garbage, GarbageKind, ServiceError, parse, parse_noting};

fn read(at: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Result<Value, Answer> {
    let (name, operation) = at.split_once(':').expect("service:operation");
    let service = service(name).expect("a service");
    let operation = service.operation(operation).expect("an operation");
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    parse(service, operation, status, &headers, body.as_bytes())
}

fn garbage(at: &str, status: u16, body: &str) -> Garbage {
    match read(at, status, &[], body) {
        Err(Answer::Garbage(garbage)) => garbage,
        other => panic!("{at} {body}: {other:?}"),
    }
}

fn error(at: &str, status: u16, headers: &[(&str, &str)], body: &str) -> ServiceError {
    match read(at, status, headers, body) {
        Err(Answer::Error(error)) => error,
        other => panic!("{at} {body}: {other:?}"),
    }
}

/// Operations of EC2 answer whether it was done; most shapes do not have it.
#[test]
fn an_answer_that_it_was_not_done_is_an_error() {
    for at in ["ec2:DeleteVolume", "ec2:CreateTags", "ec2:DeleteSecurityGroup", "ec2:DeregisterImage"] {
        let operation = at.split_once(':').unwrap().1;
        let body = |told| {
            format!(
                "<{operation}Response><requestId>r-1</requestId><return>{told}</return></{operation}Response>"
            )
        };
        let told = error(at, 200, &[], &body("false"));
        assert_eq!((told.code.as_str(), told.request_id.as_deref()), ("return: false", Some("r-1")), "{at}");
        assert!(told.message.contains("not done"), "{}", told.message);
        assert!(read(at, 200, &[], &body("true")).is_ok(), "{at}");
    }
}

const PAGE: &str =
    "<!DOCTYPE html>\n<html><head><title>Proxy</title></head><body>Please log in<br></body></html>";
const ONE_OF_EACH: [&str; 6] = [
    "sts:GetCallerIdentity",
    "ec2:DescribeInstances",
    "kms:ListKeys",
    "lambda:ListFunctions",
    "s3:ListBuckets",
    "cloudfront:ListDistributions",
];

#[test]
fn pages_of_proxies_are_told_as_such() {
    for at in ONE_OF_EACH {
        for status in [200, 403, 502] {
            let told = garbage(at, status, PAGE);
            assert_eq!(told.kind, GarbageKind::Html, "{at} {status}");
            assert_eq!(told.status, status);
            assert!(told.excerpt.starts_with("<!DOCTYPE html> <html>"), "{}", told.excerpt);
        }
    }
    assert_eq!(garbage("sns:DeleteTopic", 200, PAGE).kind, GarbageKind::Html);
}

#[test]
fn answers_that_end_too_early_are_told_as_such() {
    let cut = [
        ("sts:GetCallerIdentity", "<GetCallerIdentityResponse><GetCallerIdentityResult><Acc"),
        ("sts:GetCallerIdentity", ""),
        ("ec2:DescribeInstances", "<DescribeInstancesResponse><reservationSet><item>"),
        ("ec2:DescribeInstances", "<DescribeInstancesResponse><requestId>a &am"),
        ("s3:ListBuckets", "<?xml version=\"1.0\"?><ListAllMyBucketsResult>"),
        ("kms:ListKeys", "{\"Keys\": [{\"KeyId\": \"a"),
        ("lambda:ListFunctions", "{\"Functions\":"),
    ];
    for (at, body) in cut {
        assert_eq!(garbage(at, 200, body).kind, GarbageKind::Truncated, "{at} {body}");
    }
}

#[test]
fn what_is_not_of_the_service_is_told_as_such() {
    let foreign = |at, body| matches!(garbage(at, 200, body).kind, GarbageKind::Foreign(_));
    assert!(foreign("sts:GetCallerIdentity", "<SomethingElse/>"));
    assert!(foreign("kms:ListKeys", "[1]"));
    assert!(foreign("lambda:ListFunctions", "\"x\""));
    assert!(matches!(garbage("kms:ListKeys", 200, "<xml/>").kind, GarbageKind::NotJson(_)));
    assert!(matches!(garbage("ec2:DescribeInstances", 200, "{\"a\": 1}\n>").kind, GarbageKind::NotXml(_)));
    assert!(matches!(
        garbage("ec2:DescribeInstances", 503, "upstream connect error").kind,
        GarbageKind::NotXml(_)
    ));
    let shown = garbage("kms:ListKeys", 200, &format!("\u{1b}[31m{}", "ä".repeat(500))).excerpt;
    assert!(shown.chars().count() <= 120 && !shown.contains('\u{1b}'), "{shown}");
}

/// A proxy that answers for the service, with status 200: an error, in every protocol.
#[test]
fn documents_that_the_operation_does_not_answer_with_are_foreign() {
    let blocked = "<blocked><reason>policy 4711</reason></blocked>";
    for (at, body) in [
        ("ec2:DescribeVolumes", blocked),
        ("ec2:DescribeVolumes", "<DescribeVpcsResponse><vpcSet/></DescribeVpcsResponse>"),
        (
            "ec2:DescribeVpcs",
            "<DescribeVpcsResponse><Errors><Error><Code>InternalError</Code></Error></Errors></DescribeVpcsResponse>",
        ),
        ("s3:ListBuckets", "<ListAllMyBucketsResult><Error><Code>x</Code></Error></ListAllMyBucketsResult>"),
        ("route53:ListHostedZones", "<ListHostedZonesResponse><Error/></ListHostedZonesResponse>"),
        ("ec2:DeleteVolume", blocked),
        ("sns:ListTopics", blocked),
        (
            "sns:ListTopics",
            "<ListSubscriptionsResponse><ListSubscriptionsResult/></ListSubscriptionsResponse>",
        ),
        ("sns:DeleteTopic", blocked),
        ("iam:DeleteRole", "<DeleteUserResponse/>"),
        ("s3:ListBuckets", blocked),
        ("s3:ListBuckets", "<LocationConstraint/>"),
        ("s3:GetBucketAcl", "<ListAllMyBucketsResult><Owner><ID>o</ID></Owner></ListAllMyBucketsResult>"),
        ("s3:GetBucketEncryption", "<Tagging><TagSet/></Tagging>"),
        ("s3:DeleteBucket", blocked),
        (
            "route53:ListHostedZones",
            "<ListHealthChecksResponse><IsTruncated>false</IsTruncated></ListHealthChecksResponse>",
        ),
        ("cloudfront:ListDistributions", "<x/>"),
        ("route53:ListHostedZones", "<x/>"),
        ("cloudfront:ListDistributions", "<FunctionList><Quantity>0</Quantity></FunctionList>"),
        ("logs:DescribeLogGroups", r#"{"blocked": "policy 4711"}"#),
        ("kms:EnableKey", r#"{"blocked": "policy 4711"}"#),
        ("lambda:ListFunctions", r#"{"blocked": "policy 4711"}"#),
        ("lambda:DeleteFunction", "[]"),
    ] {
        let kind = garbage(at, 200, body).kind;
        assert!(matches!(kind, GarbageKind::Foreign(_)), "{at} {body}: {kind:?}");
    }
    for at in ["ec2:DescribeVolumes", "sns:ListTopics", "sns:DeleteTopic", "s3:ListBuckets"] {
        let kind = garbage(at, 200, r#"{"blocked": "policy 4711"}"#).kind;
        assert!(matches!(kind, GarbageKind::NotXml(_)), "{at}: {kind:?}");
    }
    for at in ["kms:ListKeys", "lambda:ListFunctions", "kms:EnableKey"] {
        assert!(matches!(garbage(at, 200, blocked).kind, GarbageKind::NotJson(_)), "{at}");
    }
    for at in ONE_OF_EACH.into_iter().chain(["sns:DeleteTopic", "s3:GetBucketEncryption"]) {
        assert_eq!(garbage(at, 200, " ").kind, GarbageKind::Truncated, "{at}: something is due");
    }
}

#[test]
fn errors_that_come_with_status_200_are_errors() {
    let ec2 = "<Response><Errors><Error><Code>InternalError</Code><Message>trouble inside</Message></Error></Errors>\
               <RequestID>r</RequestID></Response>";
    let query = "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code></Error></ErrorResponse>";
    let envelope =
        r#"{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}"#;
    for (at, body, code) in [
        ("ec2:DescribeVolumes", ec2, "InternalError"),
        ("ec2:DeleteVolume", ec2, "InternalError"),
        ("sns:ListTopics", query, "Throttling"),
        ("sns:DeleteTopic", query, "Throttling"),
        ("s3:ListBuckets", "<Error><Code>SlowDown</Code></Error>", "SlowDown"),
        ("route53:ListHostedZones", query, "Throttling"),
        ("kms:ListKeys", r#"{"__type":"InternalFailure","message":"trouble"}"#, "InternalFailure"),
        ("kms:EnableKey", r#"{"__type":"a.b#KMSInternalException"}"#, "KMSInternalException"),
        ("kms:ListKeys", envelope, "UnknownOperationException"),
    ] {
        let told = error(at, 200, &[], body);
        assert_eq!((told.code.as_str(), told.status), (code, 500), "{at}");
    }
    let headers = [("x-amzn-ErrorType", "ServiceException:http://internal/")];
    assert_eq!(error("lambda:ListFunctions", 200, &headers, r#"{"Message":"m"}"#).code, "ServiceException");
}

#[test]
fn answers_that_are_empty_indeed_are_none() {
    for (at, body) in [
        (
            "ec2:DescribeVolumes",
            "<DescribeVolumesResponse><requestId>r</requestId><volumeSet/></DescribeVolumesResponse>",
        ),
        ("sns:ListTopics", "<ListTopicsResponse><ListTopicsResult/></ListTopicsResponse>"),
        ("sns:DeleteTopic", "<DeleteTopicResponse><ResponseMetadata/></DeleteTopicResponse>"),
        ("s3:GetBucketVersioning", "<VersioningConfiguration/>"),
        ("s3:DeleteBucket", ""),
        ("route53:ChangeTagsForResource", "<ChangeTagsForResourceResponse/>"),
        ("kms:ListKeys", "{}"),
        ("kms:ListKeys", r#"{"Keys": null}"#),
        ("kms:EnableKey", ""),
        ("kms:EnableKey", "{}"),
        ("kms:EnableKey", "null"),
        ("lambda:ListFunctions", "{}"),
        ("lambda:DeleteFunction", ""),
    ] {
        assert!(read(at, 200, &[], body).is_ok(), "{at} {body}: {:?}", read(at, 200, &[], body));
    }
    assert_eq!(read("backup:DeleteBackupPlan", 204, &[], ""), Ok(json!({})));
    assert_eq!(read("s3:DeleteObject", 204, &[], ""), Ok(json!({})));
}

#[test]
fn no_content_is_no_empty_list() {
    for at in ONE_OF_EACH.into_iter().chain(["kms:ListKeys", "s3:ListBuckets", "apigateway:GetRestApis"]) {
        for status in [200, 202, 204] {
            assert!(garbage(at, status, "").excerpt.is_empty(), "{at} {status}");
        }
    }
}

#[test]
fn entities_do_not_grow() {
    let bomb = r#"<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><r>&b;</r>"#;
    assert!(matches!(garbage("ec2:DescribeInstances", 200, bomb).kind, GarbageKind::NotXml(_)));
}

#[test]
fn nesting_without_end_does_no_harm() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let xml = format!("<DescribeInstancesResponse>{}</DescribeInstancesResponse>", deep("<item>", "</item>"));
    assert_eq!(read("ec2:DescribeInstances", 200, &[], &xml), Ok(json!({})));
    let json = format!("{{\"Item\":{{\"a\":{}}}}}", deep("{\"L\":[", "]}"));
    assert!(matches!(garbage("dynamodb:GetItem", 200, &json).kind, GarbageKind::NotJson(_)));
}

#[test]
fn odd_texts_are_kept_as_they_were_sent() {
    let body = r#"{"Table":{"TableName":5,"ItemCount":"12","TableSizeBytes":"many","CreationDateTime":"soon",
        "DeletionProtectionEnabled":"TRUE","TableStatus":null}}"#;
    let expected = json!({"Table": {"TableName": 5, "ItemCount": 12, "TableSizeBytes": "many", "CreationDateTime": "soon",
        "DeletionProtectionEnabled": true}});
    assert_eq!(left_out("dynamodb:DescribeTable", body), (expected, vec![]));
    let body = "<DescribeVolumesResponse><volumeSet><item><size>big</size><encrypted/><createTime>soon</createTime>\
                </item></volumeSet></DescribeVolumesResponse>";
    let expected = json!({"Volumes": [{"Size": "big", "Encrypted": false, "CreateTime": "soon"}]});
    assert_eq!(left_out("ec2:DescribeVolumes", body), (expected, vec![]));
}

/// What is read, and what is left out of it: where, how often, what was there in place of what, and an example.
fn left_out(at: &str, body: &str) -> (Value, Vec<String>) {
    let (name, operation) = at.split_once(':').expect("service:operation");
    let service = service(name).expect("a service");
    let operation = service.operation(operation).expect("an operation");
    let read = parse_noting(service, operation, 200, &Vec::new(), body.as_bytes());
    let (value, odd) = read.unwrap_or_else(|refused| panic!("{at} {body}: {refused}"));
    let told = odd.into_iter().map(|odd| {
        let example = odd.example.unwrap_or_default();
        format!("{} {}x: {} for {}, {example}", odd.path, odd.times, odd.found, odd.expected)
    });
    (value, told.collect())
}

#[test]
fn values_of_another_form_are_left_out_and_noted() {
    let json = [
        (
            "dynamodb:DescribeTable",
            r#"{"Table":{"TableName":"t","KeySchema":{"a":1},"ProvisionedThroughput":"none","TableStatus":["x"],
                "ItemCount":99999999999999999999999999,"TableSizeBytes":"1e30","DeletionProtectionEnabled":"maybe"}}"#,
            json!({"Table": {"TableName": "t"}}),
            vec![
                "Table.KeySchema 1x: an object for a list, t",
                "Table.ProvisionedThroughput 1x: the text \"none\" for an object, t",
                "Table.TableStatus 1x: a list for a text, t",
                "Table.ItemCount 1x: the number 1e+26 for a whole number of 64 bits, t",
                "Table.TableSizeBytes 1x: the text \"1e30\" for a whole number of 64 bits, t",
                "Table.DeletionProtectionEnabled 1x: the text \"maybe\" for true or false, t",
            ],
        ),
        (
            "kms:ListKeys",
            r#"{"Keys":[{"KeyId":"a"},7,"b",[],{"KeyId":{}}],"NextMarker":[]}"#,
            json!({"Keys": [{"KeyId": "a"}, {}]}),
            vec![
                "Keys 3x: the number 7 for an object, ",
                "Keys.KeyId 1x: an object for a text, ",
                "NextMarker 1x: a list for a text, ",
            ],
        ),
        (
            "lambda:ListFunctions",
            r#"{"Functions":[{"FunctionName":"f","Environment":true,"Layers":[[1]],"VpcConfig":[]}]}"#,
            json!({"Functions": [{"FunctionName": "f", "Layers": []}]}),
            vec![
                "Functions.Environment 1x: true for an object, f",
                "Functions.Layers 1x: a list for an object, f",
                "Functions.VpcConfig 1x: a list for an object, f",
            ],
        ),
        (
            "lambda:ListTags",
            r#"{"Tags":{"a":"b","c":{"d":1}}}"#,
            json!({"Tags": {"a": "b"}}),
            vec!["Tags 1x: an object for a text, "],
        ),
    ];
    let xml = [
        (
            "ec2:DescribeVolumes",
            "<DescribeVolumesResponse><volumeSet><item><volumeId>v</volumeId><size>99999999999999999999</size>\
             <encrypted>maybe</encrypted><attachmentSet>x</attachmentSet><status><a>b</a></status></item><item>7</item>\
             </volumeSet></DescribeVolumesResponse>",
            json!({"Volumes": [{"VolumeId": "v"}]}),
            vec![
                "Volumes.Size 1x: the text \"99999999999999999999\" for a whole number of 64 bits, v",
                "Volumes.Encrypted 1x: the text \"maybe\" for true or false, v",
                "Volumes.Attachments 1x: the text \"x\" for a list, v",
                "Volumes.State 1x: an object for a text, v",
                "Volumes 1x: the text \"7\" for an object, ",
            ],
        ),
        (
            "s3:ListBuckets",
            "<ListAllMyBucketsResult><Owner>me</Owner><Buckets><Bucket><Name><b>x</b></Name></Bucket></Buckets></ListAllMyBucketsResult>",
            json!({"Buckets": [{}]}),
            vec!["Owner 1x: the text \"me\" for an object, ", "Buckets.Name 1x: an object for a text, "],
        ),
    ];
    for (at, body, value, told) in json.into_iter().chain(xml) {
        assert_eq!(left_out(at, body), (value, told.into_iter().map(str::to_owned).collect()), "{at}");
    }
    let location = "<LocationConstraint>eu-west-1</LocationConstraint>";
    assert_eq!(
        left_out("s3:GetBucketLocation", location),
        (json!({"LocationConstraint": "eu-west-1"}), vec![])
    );
}

#[test]
fn an_answer_whose_very_list_is_none_is_no_answer() {
    for (at, body, why) in [
        ("dynamodb:ListTables", r#"{"TableNames":"a"}"#, "TableNames should be a list but is the text \"a\""),
        (
            "dynamodb:ListTables",
            r#"{"TableNames":7,"LastEvaluatedTableName":"a"}"#,
            "TableNames should be a list but is the number 7",
        ),
        ("dynamodb:ListTables", "7", "it should be an object but is the number 7"),
        ("dynamodb:ListTables", r#"["a"]"#, "it should be an object but is a list"),
        ("dynamodb:DescribeTable", r#"{"Table":[]}"#, "Table should be an object but is a list"),
        ("lambda:ListFunctions", r#"{"Functions":{"a":{}}}"#, "Functions should be a list but is an object"),
        ("lambda:ListFunctions", "true", "it should be an object but is true"),
        (
            "cloudfront:ListDistributions",
            "<DistributionList>x</DistributionList>",
            "DistributionList should be an object but is the text \"x\"",
        ),
        (
            "cloudfront:ListDistributions",
            "<DistributionList><Items>x</Items></DistributionList>",
            "DistributionList.Items should be a list but is the text \"x\"",
        ),
        (
            "ec2:DescribeVolumes",
            "<DescribeVolumesResponse><volumeSet>a</volumeSet></DescribeVolumesResponse>",
            "Volumes should be a list but is the text \"a\"",
        ),
        (
            "ec2:DescribeVolumes",
            "<DescribeVolumesResponse>a</DescribeVolumesResponse>",
            "it should be an object but is the text \"a\"",
        ),
        (
            "sns:ListTopics",
            "<ListTopicsResponse><ListTopicsResult>a</ListTopicsResult></ListTopicsResponse>",
            "it should be an object but is the text \"a\"",
        ),
        (
            "s3:ListBuckets",
            "<ListAllMyBucketsResult><Buckets>a</Buckets></ListAllMyBucketsResult>",
            "Buckets should be a list but is the text \"a\"",
        ),
    ] {
        assert_eq!(garbage(at, 200, body).kind, GarbageKind::Foreign(why.to_owned()), "{at} {body}");
    }
}

#[test]
fn lists_that_were_sent_empty_are_empty_and_others_absent() {
    let sent = "<DescribeVolumesResponse><volumeSet/></DescribeVolumesResponse>";
    assert_eq!(read("ec2:DescribeVolumes", 200, &[], sent), Ok(json!({"Volumes": []})));
    assert_eq!(read("ec2:DescribeVolumes", 200, &[], "<DescribeVolumesResponse/>"), Ok(json!({})));
}

#[test]
fn nulls_within_lists_and_maps_stay() {
    let body = r#"{"Items":[{"a":{"S":"x"}},null],"Count":1,"LastEvaluatedKey":{"k":null}}"#;
    let expected = json!({"Items": [{"a": {"S": "x"}}, null], "Count": 1, "LastEvaluatedKey": {"k": null}});
    assert_eq!(read("dynamodb:Scan", 200, &[], body), Ok(expected));
}

#[test]
fn a_union_that_holds_something_new_says_so() {
    let body =
        r#"{"integrationDetails":{"__type":"x","openSearchIntegrationDetails":null,"newDetails":{"a":1}}}"#;
    let expected = json!({"integrationDetails": {"SDK_UNKNOWN_MEMBER": {"name": "newDetails"}}});
    assert_eq!(read("logs:GetIntegration", 200, &[], body), Ok(expected));
}

#[test]
fn errors_keep_what_helps() {
    let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>wrong region</Message><Region>eu-west-1</Region>\
                <RequestId>R1</RequestId></Error>";
    let told = error("s3:ListBuckets", 400, &[], body);
    assert_eq!(told.detail("Region"), Some("eu-west-1"));
    assert_eq!(told.request_id.as_deref(), Some("R1"));
    assert_eq!(told.to_string(), "AuthorizationHeaderMalformed: wrong region (status 400)");
    let told = error("kms:ListKeys", 400, &[("X-Amzn-RequestId", "R2")], r#"{"__type":"a#B","reason":"c"}"#);
    assert_eq!(
        (told.code.as_str(), told.request_id.as_deref(), told.detail("reason")),
        ("B", Some("R2"), Some("c"))
    );
    let told = error("lambda:ListFunctions", 403, &[("x-amzn-ErrorType", "A:http://x")], "");
    assert_eq!(told.code, "A");
    let told = error("lambda:ListFunctions", 503, &[("x-amzn-ErrorType", "B")], "no JSON");
    assert_eq!((told.code.as_str(), told.message.as_str()), ("B", "Service Unavailable"));
}

#[test]
fn errors_of_s3_that_come_late_are_errors() {
    let told = error(
        "s3:CopyObject",
        200,
        &[],
        "<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code></Error>",
    );
    assert_eq!((told.code.as_str(), told.status), ("InternalError", 500));
    let policy = read("s3:GetBucketPolicy", 200, &[], "<Error><Code>this is the text</Code></Error>");
    assert_eq!(policy, Ok(json!({"Policy": "<Error><Code>this is the text</Code></Error>"})));
}

#[test]
fn refused_changes_of_records_have_a_code() {
    let body = "<InvalidChangeBatch xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Messages><Message>no 1</Message>\
                <Message>no 2</Message></Messages><RequestId>R</RequestId></InvalidChangeBatch>";
    let told = error("route53:ChangeResourceRecordSets", 400, &[], body);
    assert_eq!((told.code.as_str(), told.message.as_str()), ("InvalidChangeBatch", "no 1; no 2"));
}

#[test]
fn bytes_that_are_no_text_are_base64() {
    let s3 = service("s3").expect("s3");
    let operation = s3.operation("GetObject").expect("an operation");
    let answer = parse(s3, operation, 200, &Vec::new(), &[0xff, 0xfe]).expect("an answer");
    assert_eq!(answer["Body"], "//4=");
}

/// An operation of any service, by two numbers.
fn any_operation(
    service_at: usize,
    operation_at: usize,
) -> (&'static shapes::Service, &'static shapes::Operation) {
    let names: Vec<&str> = services().collect();
    let service = service(names[service_at % names.len()]).expect("it is listed");
    let operations: Vec<&str> = service.operations().collect();
    (service, service.operation(operations[operation_at % operations.len()]).expect("it is listed"))
}

/// What holds for whatever was read.
fn is_sound(read: &Result<Value, Answer>) -> bool {
    match read {
        Ok(value) => value.is_object(),
        Err(Answer::Error(error)) => error.status >= 301,
        Err(Answer::Garbage(garbage)) => {
            garbage.excerpt.chars().count() <= 120 && !garbage.excerpt.contains(char::is_control)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_a_panic(
        at in any::<(usize, usize)>(),
        status in prop_oneof![Just(200_u16), Just(400), Just(503), any::<u16>()],
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let (service, operation) = any_operation(at.0, at.1);
        prop_assert!(is_sound(&parse(service, operation, status, &Vec::new(), &body)));
    }

    #[test]
    fn anything_that_looks_like_an_answer_is_read_without_a_panic(
        at in any::<(usize, usize)>(),
        status in prop_oneof![Just(200_u16), Just(404)],
        body in "(<[A-Za-z]{1,9}( a=\"b\")?/?>|</[A-Za-z]{1,9}>|&[a-z]{1,4};|[{}\\[\\]\",:]|null|-?[0-9]{1,20}(\\.[0-9]+)?|e|%[0-9a-f]{2}|[ a-zä]){0,60}",
    ) {
        let (service, operation) = any_operation(at.0, at.1);
        let headers = vec![("x-amzn-errortype".to_owned(), body.clone()), ("x-amzn-query-error".to_owned(), body.clone())];
        prop_assert!(is_sound(&parse(service, operation, status, &headers, body.as_bytes())));
    }
}
