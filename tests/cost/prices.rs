//! What AWS asks, in one place: on demand, us-east-1, US dollars, first tier, without any free tier.
//!
//! Read on 2026-11-24. Sources, AWS's own pages where not said otherwise: "Amazon DynamoDB pricing, on-demand capacity" (the
//! prices since November 2024), "AWS Lambda pricing" (arm64), "Amazon SQS pricing" (standard queues), "Amazon CloudWatch
//! pricing" (logs, standard class; Lambda's own are tiered from 10 TB on), "Amazon EC2 on-demand pricing, data transfer".
//! `DynamoDB` Streams: "You are not charged for `GetRecords` API calls invoked by AWS Lambda as part of DynamoDB triggers"
//! (pricing page; likewise the developer guide's "Evaluate your DynamoDB streams usage"), so the stream has no price here. TTL
//! deletions, inbound transfer and transfer within a region are free as well.

/// The month that bills are made for, in hours.
pub(crate) const HOURS_PER_MONTH: f64 = 730.0;

pub(crate) const WRITE_UNIT: f64 = 0.625e-6;
pub(crate) const READ_UNIT: f64 = 0.125e-6;
/// Tables and indexes, a gigabyte for a month.
pub(crate) const STORED_GB_MONTH: f64 = 0.25;
pub(crate) const LAMBDA_REQUEST: f64 = 0.20e-6;
/// On arm64.
pub(crate) const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
/// Each call, polls by Lambda included.
pub(crate) const SQS_REQUEST: f64 = 0.40e-6;
pub(crate) const LOGGED_GB: f64 = 0.50;
/// From one region to another.
pub(crate) const TRANSFERRED_GB: f64 = 0.02;

/// Storage and transfer are billed by 2^30 bytes.
pub(crate) const GB: f64 = 1_073_741_824.0;
