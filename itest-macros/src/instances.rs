//! A test as it runs: once for each type that it is listed over, with that type in the place of its parameter.

use syn::{Expr, Type};

use crate::model::{Backend, Parameter, Row, Source, Test};
use crate::placeholders::with;

/// A test over one type, or a test that is over none.
pub(crate) struct Instance {
    /// The type.
    pub(crate) over: Option<Type>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) rows: Vec<Row>,
    /// The names of its cases; empty for a test that is its own only case.
    pub(crate) cases: Vec<String>,
    /// How many cases the instances before this one have.
    pub(crate) before: u32,
}

/// All instances of a test, in the order of the list.
pub(crate) fn instances(test: &Test) -> Vec<Instance> {
    let names = test.case_names();
    let Some((over, chosen)) = test.over.as_ref().and_then(|over| Some((over, over.parameter.as_ref()?))) else {
        let (parameters, rows) = (test.parameters.clone(), test.rows.clone());
        return vec![Instance { over: None, parameters, rows, cases: names, before: 0 }];
    };
    let mut before = 0;
    let instance = over.backends.iter().map(|Backend { case, written }| {
        let place = |expression: &Expr| with(expression, chosen, written);
        let parameter = |parameter: &Parameter| Parameter {
            written: with(&parameter.written, chosen, written),
            source: match &parameter.source {
                Source::Fixture(access, fixture) => Source::Fixture(*access, with(fixture, chosen, written)),
                Source::Values(name, values) => Source::Values(name.clone(), values.iter().map(place).collect()),
                other => other.clone(),
            },
        };
        let row = |row: &Row| Row {
            values: row.values.as_ref().map(|values| values.iter().map(place).collect()),
            ..row.clone()
        };
        let cases: Vec<String> = if names.is_empty() {
            vec![case.clone()]
        } else {
            names.iter().map(|name| format!("{case}::{name}")).collect()
        };
        let instance = Instance {
            over: Some(written.clone()),
            parameters: test.parameters.iter().map(parameter).collect(),
            rows: test.rows.iter().map(row).collect(),
            before,
            cases,
        };
        before += u32::try_from(instance.cases.len()).unwrap_or(u32::MAX);
        instance
    });
    instance.collect()
}
