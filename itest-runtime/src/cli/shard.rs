//! Splits a selection into shards, and keeps the shard of this run.

use super::call::Call;
use super::durations::Durations;
use super::selection::SelectedCases;
use crate::inject::Candidate;
use crate::model::{RunConfig, Shard, ShardBy, ShardFacts, Sharding, UsageError};
use crate::plan::{TimedTest, shard_by_hash, shards_by_durations};

/// Keeps the cases of this run's shard. Returns the facts about the shard for the record.
///
/// Filtered and ignored cases are also split, by their names, so that the counts of all shards add up to those of the suite.
///
/// # Errors
///
/// When the split uses past durations and there are none.
pub(super) fn keep_own_shard(
    selected: &mut SelectedCases,
    call: &Call,
    config: &RunConfig,
    source: &str,
) -> Result<Option<ShardFacts>, UsageError> {
    let Sharding::Part(shard) = config.shard else { return Ok(None) };
    let all = selected.cases.len() + selected.ignored.len();
    let mut basis = None;
    match config.shard_by {
        ShardBy::Hash => keep_by_hash(&mut selected.cases, shard),
        ShardBy::Durations => {
            let Some(path) = &config.durations else {
                let what = "needs --durations RECORD, with the same file for all shards, because each of them computes the split itself";
                return Err(UsageError::new("--shard-by durations", what));
            };
            let durations = Durations::of_file(path, call)?;
            keep_by_durations(&mut selected.cases, shard, &durations);
            basis = durations.basis;
        }
    }
    keep_by_hash(&mut selected.ignored, shard);
    keep_by_hash(&mut selected.filtered_out, shard);
    Ok(Some(ShardFacts {
        shard,
        by: config.shard_by,
        basis,
        source: source.to_owned(),
        left_to_others: all - selected.cases.len() - selected.ignored.len(),
    }))
}

fn keep_by_hash(cases: &mut Vec<Candidate>, shard: Shard) {
    cases.retain(|case| shard_by_hash(&case.name, shard.count()) == shard.index());
}

fn keep_by_durations(cases: &mut Vec<Candidate>, shard: Shard, durations: &Durations) {
    let past: Vec<_> =
        cases.iter().map(|case| TimedTest { name: &case.name, duration: durations.of(&case.name) }).collect();
    let mut parts = shards_by_durations(&past, shard.count()).into_iter();
    cases.retain(|_| parts.next() == Some(shard.index()));
}
