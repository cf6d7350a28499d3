//! Checks that histories began on servers that earlier ones had used.

use itest::prelude::*;

use crate::nested::Run;

/// Checks that at least this many histories began on a server that an earlier one had used.
pub(crate) fn assert_servers_were_reused(run: &Run, least: usize) -> Result<()> {
    let remark = run.text.lines().find(|line| line.contains(" replaced by new ones"));
    let mut numbers = remark.unwrap_or_default().split(' ').filter_map(|word| word.parse::<usize>().ok());
    let (Some(replaced), Some(all)) = (numbers.next(), numbers.next()) else {
        return Err(format!("the run does not count replaced servers:\n{}", run.text).into());
    };
    assert!(all - replaced >= least, "only {} of {all} servers were used again", all - replaced);
    Ok(())
}
