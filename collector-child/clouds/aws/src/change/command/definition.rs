//! What fixcore is told about the command.

use serde_json::{Value, json};

/// How it is used, shown by `help aws`.
const DESCRIPTION: &str = "\
Makes one call to AWS and prints the answer. Services, operations and parameters are named as on the AWS command line:
https://docs.aws.amazon.com/cli/latest/reference/

Behind a search the call is made once for each resource that was found, with the account, role, profile and region of \
that resource; placeholders like {id} are filled with its properties. Without a search the call is made with the \
credentials of the configuration.

Parameters take plain values, several values, JSON, or the short form Name=x,Values=y,z. Of an operation with pages all \
pages are read; --max-items N ends earlier, and --no-paginate reads the first page only. Only operations of services are \
known: not the commands that the AWS command line adds (like s3 cp), no files, and no --query (use jq).

## Examples

```shell
# The attribute of each volume that tells whether I/O is enabled automatically
> search is(aws_ec2_volume) | aws ec2 describe-volume-attribute --volume-id {id} --attribute autoEnableIO
AutoEnableIO:
  Value: false
VolumeId: vol-0123456789abcdef0

# Who the credentials of the configuration are
> aws sts get-caller-identity
Account: '123456789012'
Arn: arn:aws:iam::123456789012:user/fix
```
";

/// The command as `/work/queue` takes it.
pub(crate) fn definition() -> Value {
    json!({
        "name": "aws",
        "info": "call an operation of AWS for resources",
        "description": DESCRIPTION,
        "args_description": {
            "service": "The service, such as ec2, iam or s3api.",
            "operation": "The operation of the service, such as describe-volumes.",
            "operation_args": "The parameters of the operation, each as --name and its values.",
            "--account": "[Optional] Id of the account; that of the resource if not given.",
            "--role": "[Optional] Name of the role to assume in the account.",
            "--profile": "[Optional] Name of the profile whose credentials are used.",
            "--region": "[Optional] The region; that of the resource if not given.",
        },
        "filter": {},
        "expect_node_result": false,
        "allowed_on_kind": "aws_resource",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_has_the_parts_and_arguments_of_the_python_worker() {
        let definition = definition();
        let parts: Vec<&str> = definition.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = [
            "name",
            "info",
            "description",
            "args_description",
            "filter",
            "expect_node_result",
            "allowed_on_kind",
        ];
        assert_eq!(parts, expected);
        let arguments: Vec<&str> =
            definition["args_description"].as_object().unwrap().keys().map(String::as_str).collect();
        let expected =
            ["service", "operation", "operation_args", "--account", "--role", "--profile", "--region"];
        assert_eq!(arguments, expected);
        assert_eq!(definition["allowed_on_kind"], "aws_resource");
    }
}
