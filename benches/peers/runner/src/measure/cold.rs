//! Measures builds of a suite's dependencies from an empty target directory.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use figures::{Context, Failure};

use crate::cargo::Features;
use crate::generate::Generated;
use crate::measurement::Measurement;
use crate::progress;
use crate::results::{Cold, Results};
use crate::rounds::{self, Rounds};
use crate::suite::Suite;
use crate::workbench::Workbench;

impl Cold {
    const ALL: [Self; 3] = [Self::Itest, Self::TestR, Self::ItestDefault];

    fn suite(self) -> Suite {
        match self {
            Self::Itest | Self::ItestDefault => Suite::Itest,
            Self::TestR => Suite::TestR,
        }
    }

    fn features(self) -> Features {
        match self {
            Self::Itest => Features::None,
            Self::ItestDefault | Self::TestR => Features::Default,
        }
    }

    /// The name of its target directory.
    fn name(self) -> &'static str {
        match self {
            Self::Itest => "itest",
            Self::ItestDefault => "itest-default",
            Self::TestR => "test-r",
        }
    }
}

pub(crate) fn measure(bench: &mut Workbench, results: &mut Results) -> Result<(), Failure> {
    let cargo = bench.cargo();
    let wanted = bench.wanted(&Suite::ALL);
    let mut subjects = Vec::new();
    for cold in Cold::ALL {
        if wanted.contains(&cold.suite()) {
            let suite = Generated::write(&bench.layout, cold.suite(), bench.options.tests)?;
            cargo.fetch(&suite).context(|| format!("downloading the dependencies of {}", cold.suite().name()))?;
            subjects.push((cold, suite));
        }
    }
    let rounds = Rounds { what: "cold", warm_ups: 0, counted: bench.options.rounds(Measurement::Cold) };
    let samples = rounds::interleave(
        rounds,
        &subjects,
        |(cold, _)| cold.name().to_owned(),
        |_, (cold, suite)| {
            progress::doing(&format!("cold build of {}", cold.name()));
            let target = bench.layout.cold_target(cold.name());
            remove(&target)?;
            cargo.build_dependencies(suite, cold.features(), &target)
        },
    )?;
    let colds = subjects.iter().map(|(cold, _)| *cold);
    results.cold = colds.zip(samples).collect();
    Ok(())
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).context(|| format!("emptying {}", folder.display()))
        }
        _ => Ok(()),
    }
}
