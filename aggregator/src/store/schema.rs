//! Every table, key, attribute and index. Nothing else knows their names.
//!
//! Both tables have the key `pk`, `sk` (texts) and a TTL on `x`; every item that has an end carries it itself. How long is
//! [`Retention`](super::retention::Retention), from the end of what the item is about.
//!
//! **facts**: what was sent. Stream `KEYS_ONLY`.
//!
//! | pk | sk | what | attributes | kept |
//! |---|---|---|---|---|
//! | `ACCOUNT#REGION#NAME#BLOCK#SHARD` | `T#INCARNATION` | tally | `b` `r` `w` `a` `x` | `facts` |
//! | same | `V#INCARNATION#ORDINAL` | verdict | same | `facts` |
//!
//! The sort key's first letter tells tallies from verdicts, so that stream filters can. The shard is one of [`FACT_SHARDS`],
//! by a hash of the incarnation, so that ten thousand sandboxes of one function do not share a partition; readers ask all
//! shards. The numbers of block and ordinal are padded so that they sort.
//!
//! **state**: what is made of them. No stream.
//!
//! | pk | sk | what | attributes | kept |
//! |---|---|---|---|---|
//! | `B#ACCOUNT#REGION#NAME#DAY` | `BLOCK#T`, `BLOCK#V` | a part of a block view | `v` `g` `w` `x` | `blocks` |
//! | `H#ACCOUNT#REGION#NAME#SEASON` | `HOUR` | what a function's hour adds up to | `v` `g` `w` `x` | `hours` |
//! | `S#NN` | `ACCOUNT#REGION#NAME` | a function's row, in one of [`ROW_PARTITIONS`] | `v` `g` `n` `w` `x` | `hours` |
//! | `P#ACCOUNT#REGION#NAME` | `-` | a function's versions and settings over time | `v` `x` | `hours` |
//! | `T#SEASON` | `HOUR` | what the fleet's hour adds up to | `v` `g` `w` `x` | `hours` |
//! | `V#ACCOUNT#REGION#NAME#BLOCK` | `INCARNATION#ORDINAL` | an entry of the timeouts list | `b` `a` `g` `w` `x`, with a log tail: `l`, listed: `day` `fday` `at` | `timeouts` |
//! | `L#ACCOUNT#REGION#NAME#BLOCK` | `INCARNATION#ORDINAL` | the log tail of such an entry | `v` `g` `w` `x` | `log_tails` |
//! | `D#` | `DAY` | a day that has timeouts | `x` | `timeouts`, and [`MARKERS_OUTLIVE`] |
//! | `A#ACCOUNT#REGION#NAME` | [`BOOK`] | a function's alerts | `v` `ver`, waking: `queue` `due` | for good |
//! | `G#SUBSCRIPTION#GROUP` | [`group::STATE`] | the alert of a group of functions | `v` `ver` `x`, waking: `queue` `due` | [`group::GROUPS_LIVE`] |
//! | same | `M#ACCOUNT#REGION#NAME` | what a function says to the group | `v` `ver` `x`, news: `queue` `due` | same |
//! | `O#EPISODE#CHANNEL` | `ID` | a message in the outbox ([`outbox`]) | `v` `ver` `status` `queued` `tries` `log` `why` `pin` `day` `at`, waiting or claimed: `queue` `due`, else: `x`, a digest on its way: `c` `lines` `sealed` | `messages` |
//! | `E#FINGERPRINT` | `OPENED#EPISODE` | an episode of an alert ([`episode`]) | `v` `day` `at`, over: `x` | while it goes on; then `timeouts` |
//! | `N#CHANNEL` | `MINUTE` | how much a channel got in a minute | `c` `x` | an hour |
//! | `N#ID#PART` | `-` | a part of what a digest holds (one of [`DIGEST_PARTS`]) | `c` `lines` `x`, on its way: `sealed` | [`DIGESTS_LIVE`] |
//! | `N#otlp#ACCOUNT#REGION#NAME` | `-` | what the OpenTelemetry receiver was told of a function ([`meters`](super::meters)) | `v` `n` `w` `x` | `hours` |
//! | `W#ACCOUNT#REGION#NAME` | `BLOCK#T`, `BLOCK#V` | a part of a block that is to be evaluated later | `ver` `x`, waking: `queue` `due` | [`WAKES_LIVE`] |
//! | `C#STREAM` | `SHARD` | how far a shard of the stream has been followed | `seq` | for good |
//! | `K#` | `revision` | how often the configuration was changed | `ver` | for good |
//! | `K#` | `KIND#ID` | a subscription, channel or silence | `v` `ver` `a` `by`, a silence: `x` | for good; a silence: [`SILENCES_LIVE`] |
//! | `K#audit` | `REVISION#PLACE` | what a change of the configuration changed | `v` `x` | [`AUDIT_LIVE`] |
//! | `K#inventory#NN` | `ACCOUNT#REGION` | which generation of an inventory stands ([`inventory`]) | `v` `ver` `a` `by` `x` | [`inventory::LIVE`] |
//! | same | `ACCOUNT#REGION#GENERATION#PART` | a part of it | `v` `x` | same |
//! | `E#ACCOUNT#REGION#NAME` | `BLOCK` | what of a block was said as metrics ([`emissions`](super::emissions)) | `v` `before` `w` `by` `x` | [`EMISSIONS_LIVE`] |
//! | `R#DAY` | `HOUR#REASON#CALLER` | how often the door refused, added up | `c` `x` | [`REJECTIONS_LIVE`] |
//!
//! `GROUP` is a digest of what the functions of a group have in common. Its state is stepped under `ver`; of what a function says, `ver` is a digest, so that whoever has read it lets go of its `due` only if it is still the same.
//!
//! `DAY` counts days since 1970, `HOUR` hours, `BLOCK` quarters of an hour. A season is 32 days, so that a month of a function's hours, or of the fleet's, is read from at most two partitions. `NN` is a hash of the function.
//!
//! | index of state | keys | copies | finds |
//! |---|---|---|---|
//! | [`BY_DEADLINE`] | `day` = `DAY#SHARD`, `at` | all | the fleet's timeouts; a day has [`DAY_SHARDS`] shards; a day's messages (`O#DAY`) and episodes (`E#DAY`) |
//! | [`BY_FUNCTION`] | `fday` = `ACCOUNT#REGION#NAME#DAY`, `at` | all | one function's timeouts |
//! | [`BY_DUE`] | `queue`, `due` | keys | alerts to look at again (`alerts`), groups to step (`groups`), messages to send (`outbox#N`, [`OUTBOX_SHARDS`]), blocks to evaluate (`wakes#N`, [`WAKE_SHARDS`]) |
//!
//! Attributes: `b` bytes of protobuf (a fact's as they came, an entry's without its log tail), `r` a fact's rank, `w` writes (of a view: the sum of what it was made from), `a` first acceptance
//! (of configuration: the last change) in milliseconds, `by` who changed it, `before` its last `v`, `x` expiry in seconds, `v` a value as JSON (of a message and a log tail: its text), `g`
//! schema generation, `n` newest hour, `at` a place in the list, `c` a count, `l` the length of a log tail, `ver` version, `queue` what an item waits for, `due` until when in milliseconds,
//! `queued` when a message was first due, `status` `waiting`, `claimed`, `delivered`, `dead`, `suppressed` or `digested`, `tries` attempts that ended, `log` each of them, `why` how the last one
//! did, `pin` what a message was sent by, `lines` of a digest, `sealed` where a digest takes nothing more, `seq` a record's sequence number. `b` is binary; `r` `w` `a` `x` `g` `n` `c` `l` `ver`
//! `due` `queued` `tries` are numbers; `lines` is a list of texts, `sealed` a truth, everything else is text.
//!
//! **Invariant.** Changing a constant here changes where things are looked for: it needs a migration.

pub mod attribute;
mod configuration;
pub mod episode;
pub mod group;
pub mod inventory;
pub mod outbox;

use std::time::Duration;

use overtime_wire::{AccountId, Block, EpochMillis, FunctionKey, IncarnationId, Ordinal};

pub use self::configuration::{
    AUDIT, AUDIT_LIVE, CONFIGURATION, REVISION, SILENCES_LIVE, audit_key, audit_sk,
    configuration_key, entity_sk, parse_audit_sk, parse_entity_sk,
};
use crate::domain::{
    fact::{Job, Part},
    hour::Hour,
    rejection::{Reason, Rejection},
};

/// What the tables are called where nobody says otherwise.
pub const FACTS: &str = "facts";
pub const STATE: &str = "state";

pub const BY_DEADLINE: &str = "by_deadline";
pub const BY_FUNCTION: &str = "by_function";
pub const BY_DUE: &str = "by_due";

/// Each takes a thousand writes a second of one function's block, and costs every evaluation a read unit though it be empty.
pub const FACT_SHARDS: u64 = 4;
pub const ROW_PARTITIONS: u64 = 64;
pub const DAY_SHARDS: u64 = 4;
pub const OUTBOX_SHARDS: u64 = 4;
pub const WAKE_SHARDS: u64 = 4;
/// Each is one item, and a transaction that counts a message there keeps others away for as long as it takes.
pub const DIGEST_PARTS: u64 = 16;

/// Raw facts live this long after their block, unless the settings say otherwise, as for all of these.
pub const FACTS_LIVE: Duration = Duration::from_hours(72);
/// Block views live this long after their block.
pub const BLOCKS_LIVE: Duration = Duration::from_hours(15 * 24);
/// Hours, and rows of functions that are no longer heard of, live this long.
pub const HOURS_LIVE: Duration = Duration::from_hours(400 * 24);
/// Entries of the timeouts list live this long after their block.
pub const TIMEOUTS_LIVE: Duration = Duration::from_hours(90 * 24);
/// The log tails of entries live this long after their block.
pub const LOG_TAILS_LIVE: Duration = Duration::from_hours(14 * 24);
/// Markers of days live this much longer than what they mark.
pub const MARKERS_OUTLIVE: Duration = Duration::from_hours(48);
/// What is to be evaluated later is remembered this long after its block, which is sealed by then.
pub const WAKES_LIVE: Duration = Duration::from_hours(48);
/// Messages are kept this long after they were delivered or given up.
pub const MESSAGES_LIVE: Duration = Duration::from_hours(7 * 24);
/// Parts of a digest are kept this long after it is due; when it goes out, it takes over what they hold.
pub const DIGESTS_LIVE: Duration = Duration::from_hours(7 * 24);
/// What was said as metrics is remembered this long after its block, which is sealed by then.
pub const EMISSIONS_LIVE: Duration = Duration::from_hours(48);
/// Counts of what was refused are kept this long after their hour.
pub const REJECTIONS_LIVE: Duration = Duration::from_hours(15 * 24);

/// The first letter of a tally's sort key.
pub const TALLY: &str = "T#";
/// The first letter of a verdict's sort key.
pub const VERDICT: &str = "V#";

const DAY_MS: i64 = 86_400_000;

/// An item's whole key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub pk: String,
    pub sk: String,
}

fn path(function: &FunctionKey) -> String {
    let FunctionKey { account, region, name } = function;
    format!("{account}#{region}#{name}")
}

fn parse_path(path: &str) -> Option<FunctionKey> {
    let mut parts = path.split('#');
    let function = FunctionKey {
        account: parts.next()?.parse().ok()?,
        region: parts.next()?.parse().ok()?,
        name: parts.next()?.parse().ok()?,
    };
    parts.next().is_none().then_some(function)
}

/// FNV-1a: the same everywhere and forever, which the standard library's hasher does not promise.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub fn facts_pk(function: &FunctionKey, block: Block, shard: u64) -> String {
    format!("{}#{:08}#{shard}", path(function), block.number())
}

pub fn fact_shard(incarnation: IncarnationId) -> u64 {
    hash(&incarnation.0) % FACT_SHARDS
}

pub fn tally_sk(incarnation: IncarnationId) -> String {
    format!("{TALLY}{incarnation}")
}

pub fn verdict_sk(incarnation: IncarnationId, ordinal: Ordinal) -> String {
    format!("{VERDICT}{incarnation}#{:010}", ordinal.0)
}

/// Whose facts a partition of `facts` holds.
pub fn parse_facts_pk(pk: &str) -> Option<(FunctionKey, Block)> {
    let (rest, _shard) = pk.rsplit_once('#')?;
    let (function, block) = rest.rsplit_once('#')?;
    Some((parse_path(function)?, Block::from_number(block.parse().ok()?)))
}

/// Which part of which block a change of the fact under this key asks for; `None` for a key that is not ours.
pub fn changed(pk: &str, sk: &str) -> Option<(FunctionKey, Block, Part)> {
    let (function, block) = parse_facts_pk(pk)?;
    let part = match sk {
        tally if tally.starts_with(TALLY) => Part::Tally,
        verdict if verdict.starts_with(VERDICT) => Part::Verdict,
        _ => return None,
    };
    Some((function, block, part))
}

/// Which incarnation a sort key of `facts` names.
pub fn parse_fact_sk(sk: &str) -> Option<IncarnationId> {
    let rest = sk.strip_prefix(TALLY).or_else(|| sk.strip_prefix(VERDICT))?;
    IncarnationId::parse(rest.split('#').next()?)
}

pub fn blocks_pk(function: &FunctionKey, day: u32) -> String {
    format!("B#{}#{day:05}", path(function))
}

/// The day that a block lies in, since 1970.
pub fn block_day(block: Block) -> u32 {
    u32::try_from(block.start().0 / DAY_MS).unwrap_or(0)
}

pub fn block_sk(block: Block, part: &str) -> String {
    format!("{:08}#{part}", block.number())
}

pub fn parse_block_sk(sk: &str) -> Option<(Block, &str)> {
    let (block, part) = sk.split_once('#')?;
    Some((Block::from_number(block.parse().ok()?), part))
}

/// How many hours share a partition.
const SEASON_HOURS: u32 = 32 * 24;

/// The span of 32 days that an hour lies in.
pub fn season(hour: Hour) -> u32 {
    hour.number() / SEASON_HOURS
}

pub fn hours_pk(function: &FunctionKey, season: u32) -> String {
    format!("H#{}#{season:05}", path(function))
}

pub fn totals_pk(season: u32) -> String {
    format!("T#{season:05}")
}

pub fn hour_sk(hour: Hour) -> String {
    format!("{:08}", hour.number())
}

pub fn parse_hour_sk(sk: &str) -> Option<Hour> {
    sk.parse().ok().map(Hour::from_number)
}

pub fn history_key(function: &FunctionKey) -> Key {
    Key { pk: format!("P#{}", path(function)), sk: "-".to_owned() }
}

pub fn timeouts_pk(function: &FunctionKey, block: Block) -> String {
    format!("V#{}#{:08}", path(function), block.number())
}

pub fn timeout_sk(incarnation: IncarnationId, ordinal: Ordinal) -> String {
    format!("{incarnation}#{:010}", ordinal.0)
}

/// Where the log tail of the entry under `entry` lies.
pub fn log_tail_key(entry: &Key) -> Key {
    Key { pk: entry.pk.replacen('V', "L", 1), sk: entry.sk.clone() }
}

/// Which verdict a sort key of the timeouts list names.
pub fn parse_timeout_sk(sk: &str) -> Option<(IncarnationId, Ordinal)> {
    let (incarnation, ordinal) = sk.split_once('#')?;
    Some((IncarnationId::parse(incarnation)?, Ordinal(ordinal.parse().ok()?)))
}

/// Whose entries a partition of the timeouts list holds.
pub fn parse_timeouts_pk(pk: &str) -> Option<(FunctionKey, Block)> {
    let (function, block) = pk.strip_prefix("V#")?.rsplit_once('#')?;
    Some((parse_path(function)?, Block::from_number(block.parse().ok()?)))
}

/// The day that an instant lies in, since 1970.
pub fn day(at: EpochMillis) -> i64 {
    at.0.div_euclid(DAY_MS)
}

pub fn day_key(day: i64) -> Key {
    Key { pk: "D#".to_owned(), sk: format!("{:08}", day.clamp(0, 99_999_999)) }
}

pub fn fleet_day(day: i64, shard: u64) -> String {
    format!("{day}#{shard}")
}

pub fn day_shard(place: &str) -> u64 {
    hash(place.as_bytes()) % DAY_SHARDS
}

pub fn function_day(function: &FunctionKey, day: i64) -> String {
    format!("{}#{day}", path(function))
}

pub fn row_key(function: &FunctionKey) -> Key {
    let sk = path(function);
    Key { pk: row_pk(hash(sk.as_bytes()) % ROW_PARTITIONS), sk }
}

pub fn row_pk(partition: u64) -> String {
    format!("S#{partition:02}")
}

/// The parts of a row's sort key, which order rows as functions are ordered.
pub fn split_row_sk(sk: &str) -> Option<(AccountId, &str, &str)> {
    let mut parts = sk.splitn(3, '#');
    Some((parts.next()?.parse().ok()?, parts.next()?, parts.next()?))
}

pub fn parse_row_sk(sk: &str) -> Option<FunctionKey> {
    parse_path(sk)
}

pub fn alert_key(rule: &str, function: &FunctionKey) -> Key {
    Key { pk: format!("A#{}", path(function)), sk: rule.to_owned() }
}

pub fn parse_alert_pk(pk: &str) -> Option<FunctionKey> {
    parse_path(pk.strip_prefix("A#")?)
}

/// Under which sort key a function's alerts are kept.
pub const BOOK: &str = "-";

/// The queue of alerts that want to be looked at again.
pub const ALERTS_QUEUE: &str = "alerts";

/// Where it is remembered that a part of a block is to be evaluated later.
pub fn wake_key(function: &FunctionKey, block: Block, part: Part) -> Key {
    let part = match part {
        Part::Tally => "T",
        Part::Verdict => "V",
    };
    Key { pk: format!("W#{}", path(function)), sk: block_sk(block, part) }
}

/// What is to be evaluated.
pub fn parse_wake(pk: &str, sk: &str) -> Option<Job> {
    let (block, part) = parse_block_sk(sk)?;
    let function = parse_path(pk.strip_prefix("W#")?)?;
    let (tallies, verdicts) = match part {
        "T" => (true, false),
        "V" => (false, true),
        _ => return None,
    };
    Some(Job { function, block, tallies, verdicts })
}

/// The queue of what is to be evaluated later, by function.
pub fn wake_queue(function: &FunctionKey) -> String {
    format!("wakes#{}", hash(path(function).as_bytes()) % WAKE_SHARDS)
}

pub fn wake_queues() -> impl Iterator<Item = String> {
    (0..WAKE_SHARDS).map(|shard| format!("wakes#{shard}"))
}

/// Where it is remembered what of a block was said as metrics.
pub fn emission_key(function: &FunctionKey, block: Block) -> Key {
    Key { pk: format!("E#{}", path(function)), sk: format!("{:08}", block.number()) }
}

pub fn checkpoint_key(stream: &str, shard: &str) -> Key {
    Key { pk: format!("C#{stream}"), sk: shard.to_owned() }
}

pub fn rejection_key(rejection: &Rejection) -> Key {
    let Rejection { hour, reason, caller } = rejection;
    let sk = format!("{}#{}#{caller}", rejection_hour(*hour), reason.as_str());
    Key { pk: rejections_pk(day(hour.start())), sk }
}

pub fn rejections_pk(day: i64) -> String {
    format!("R#{:05}", day.clamp(0, 99_999))
}

/// Where an hour's counters begin within their day.
pub fn rejection_hour(hour: Hour) -> String {
    format!("{:07}", hour.number().clamp(0, 9_999_999))
}

/// What the sort key of a counter names.
pub fn parse_rejection_sk(sk: &str) -> Option<Rejection> {
    let mut parts = sk.splitn(3, '#');
    Some(Rejection {
        hour: Hour::from_number(parts.next()?.parse().ok()?),
        reason: Reason::parse(parts.next()?)?,
        caller: parts.next()?.parse().ok()?,
    })
}

/// An instant as TTL wants it.
pub fn expires(at: EpochMillis) -> i64 {
    at.0 / 1_000
}

#[cfg(test)]
mod tests;
