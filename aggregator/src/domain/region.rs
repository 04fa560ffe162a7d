//! Which of AWS's separate worlds a region lies in.

/// The partition of a region. Names of regions say it, so facts need not.
pub fn partition(region: &str) -> &'static str {
    let worlds = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ];
    worlds.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, it)| it)
}
