//! Who sends a batch, on the word of whoever stands in front, and which world they are in.
//!
//! A Function URL with `AWS_IAM` hands on the account and the ARN of the role that signed. The account is the caller's, and
//! [`batches`](super::batches) compares it. Account numbers are unique only within a partition, and a region exists in one of
//! them, so a batch must also be about a region of the partition that the caller's ARN names.
//!
//! **Invariant.** What a batch says about itself is never believed over this.

use overtime_wire::{AccountId, Batch, Partition};

use crate::domain::region;

/// Whom IAM says the caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub account: AccountId,
    pub partition: Partition,
}

/// Why nobody can tell who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    #[error("the caller's account is not twelve digits")]
    Account,
    #[error("the caller's ARN is not one of its account")]
    Arn,
}

/// Why a batch is not from the caller's world.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trespass {
    #[error("the batch is from partition {claimed}, and its caller is in {caller}")]
    Partition { claimed: String, caller: String },
    #[error("the batch's region {0} is not one of its partition")]
    Region(String),
}

impl Identity {
    /// From the account and the ARN that IAM knows the caller by.
    pub fn of(account: &str, arn: &str) -> Result<Self, Unknown> {
        let account: AccountId = account.parse().map_err(|_| Unknown::Account)?;
        let [scheme, partition, service, _region, owner, resource] =
            arn.splitn(6, ':').collect::<Vec<_>>()[..]
        else {
            return Err(Unknown::Arn);
        };
        let ours = owner.parse() == Ok(account);
        if scheme != "arn" || !matches!(service, "iam" | "sts") || !ours || resource.is_empty() {
            return Err(Unknown::Arn);
        }
        let partition = partition.parse().map_err(|_| Unknown::Arn)?;
        Ok(Self { account, partition })
    }

    /// Whether the batch is from the partition that the caller is in.
    pub fn shares_partition(&self, batch: &Batch) -> Result<(), Trespass> {
        if batch.partition != self.partition {
            let [claimed, caller] =
                [&batch.partition, &self.partition].map(|it| it.as_str().to_owned());
            return Err(Trespass::Partition { claimed, caller });
        }
        let region = batch.function.region.as_str();
        if !is_region(region) || region::partition(region) != self.partition.as_str() {
            return Err(Trespass::Region(region.to_owned()));
        }
        Ok(())
    }
}

/// Words, and a number at the end: `eu-west-1`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let Some((words, number)) = text.rsplit_once('-') else { return false };
    let is_word = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_lowercase());
    let is_number = matches!(number.len(), 1 | 2) && number.bytes().all(|it| it.is_ascii_digit());
    is_number && words.contains('-') && words.split('-').all(is_word)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use overtime_wire::{EpochMillis, FunctionKey};

    use super::*;

    const ROLE: &str = "arn:aws:sts::111122223333:assumed-role/orders-role/orders";

    /// A batch from `REGION PARTITION`, sent by whoever the ARN names.
    #[track_caller]
    fn check(arn: &str, claims: &str, expected: Expect) {
        let [region, partition] = claims.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{claims}")
        };
        let batch = Batch {
            function: FunctionKey {
                account: "111122223333".parse().unwrap(),
                region: region.parse().unwrap(),
                name: "orders".parse().unwrap(),
            },
            partition: partition.parse().unwrap(),
            sent: EpochMillis(0),
            incarnations: Vec::new(),
        };
        let answer = Identity::of("111122223333", arn).unwrap().shares_partition(&batch);
        expected
            .assert_eq(&answer.map_or_else(|why| why.to_string(), |()| "is from there".to_owned()));
    }

    #[test]
    fn a_batch_is_from_its_callers_partition_and_a_region_of_it() {
        check(ROLE, "eu-west-1 aws", expect!["is from there"]);
        check(
            ROLE,
            "cn-north-1 aws-cn",
            expect!["the batch is from partition aws-cn, and its caller is in aws"],
        );
        check(
            ROLE,
            "cn-north-1 aws",
            expect!["the batch's region cn-north-1 is not one of its partition"],
        );
        check(ROLE, "--1 aws", expect!["the batch's region --1 is not one of its partition"]);
        let china = "arn:aws-cn:sts::111122223333:assumed-role/orders-role/orders";
        check(china, "cn-north-1 aws-cn", expect!["is from there"]);
        let gov = "arn:aws-us-gov:iam::111122223333:user/someone";
        check(gov, "us-gov-west-1 aws-us-gov", expect!["is from there"]);
        check(
            gov,
            "us-west-1 aws-us-gov",
            expect!["the batch's region us-west-1 is not one of its partition"],
        );
    }

    #[test]
    fn who_cannot_be_told_is_nobody() {
        assert_eq!(Identity::of("12", ROLE), Err(Unknown::Account));
        for arn in [
            "",
            "orders",
            "arn:aws:sts::444455556666:assumed-role/orders-role/orders",
            "arn:aws:lambda:eu-west-1:111122223333:function:orders",
            "arn:AWS:sts::111122223333:assumed-role/a/b",
            "arn:aws:sts::111122223333:",
            "urn:aws:sts::111122223333:assumed-role/a/b",
        ] {
            assert_eq!(Identity::of("111122223333", arn), Err(Unknown::Arn), "{arn}");
        }
    }

    #[test]
    fn regions_are_words_and_a_number() {
        for region in
            ["eu-west-1", "us-gov-east-1", "ap-southeast-7", "eusc-de-east-1", "mx-central-1"]
        {
            assert!(is_region(region), "{region}");
        }
        for region in ["", "eu", "eu-1", "eu-west", "eu--1", "-west-1", "eu-west-123", "1-2-3"] {
            assert!(!is_region(region), "{region}");
        }
    }
}
