//! Whose credentials are, by the answer of STS.

use http_client::{CallError, CallPlace, Class, CredentialsTrouble};
use serde_json::Value;

/// The account that sts:GetCallerIdentity tells, asked in `region` about credentials for `account`. An answer without
/// one is not STS's, and the next may be.
pub fn account_told<'a>(answer: &'a Value, account: &str, region: &str) -> Result<&'a str, CallError> {
    answer["Account"].as_str().filter(|told| !told.is_empty()).ok_or_else(|| {
        CallError::new(
            Class::Garbage,
            place(account, region),
            "it does not say to which account the credentials belong",
        )
    })
}

/// An error if the credentials belong to another account than `account`. A stand-in of AWS may answer everybody as the
/// one caller that it knows: to AWS, who has assumed a role is a session of that role.
pub fn expect_account(
    answer: &Value,
    account: &str,
    region: &str,
    of_role_at_stand_in: bool,
) -> Result<(), CallError> {
    let told = account_told(answer, account, region)?;
    let one_caller =
        of_role_at_stand_in && !answer["Arn"].as_str().unwrap_or_default().contains(":assumed-role/");
    if told == account || one_caller {
        return Ok(());
    }
    let class = Class::Credentials(CredentialsTrouble::OtherAccount);
    Err(CallError::new(class, place(account, region), format!("they belong to {told}, not to {account}")))
}

fn place<'a>(account: &'a str, region: &'a str) -> CallPlace<'a> {
    CallPlace { account, region, service: "sts", operation: "GetCallerIdentity", ..crate::PLACE }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_stand_in_may_answer_for_a_role_as_somebody_else() {
        let other = Some(Class::Credentials(CredentialsTrouble::OtherAccount));
        let of = |answer: &Value, account, stand_in| {
            expect_account(answer, account, "eu-west-1", stand_in).err().map(|error| error.class)
        };
        let user = json!({"Account": "1", "Arn": "arn:aws:iam::1:user/x"});
        let role = json!({"Account": "1", "Arn": "arn:aws:sts::1:assumed-role/r/s"});
        assert_eq!(of(&user, "1", false), None);
        assert_eq!(of(&user, "2", false), other, "AWS itself");
        assert_eq!(of(&user, "2", true), None);
        assert_eq!(of(&role, "2", true), other, "a role of another account");
    }

    #[test]
    fn an_answer_without_an_account_is_none_and_may_come_right() {
        for answer in [json!({}), json!({"Account": ""}), json!({"Account": 7})] {
            let error = account_told(&answer, "1", "eu-west-1").unwrap_err();
            assert_eq!(error.class, Class::Garbage);
            let fault = error.to_fault();
            assert_eq!(fault.kind.exit_code(fault.retry), ipc_proto::exit_code::ExitCode::TryAgain);
            assert!(expect_account(&answer, "1", "eu-west-1", true).is_err());
        }
    }
}
