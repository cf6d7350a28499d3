//! The instances of a test: one for each type of its `#[over]`, with the type in the place of the type parameter.

use syn::{Expr, Type};

use crate::model::{OverType, Parameter, Row, Source, Test};
use crate::placeholders::substitute;

/// A test with one type of its `#[over]`, or a test without `#[over]`.
pub(crate) struct Instance {
    /// The type.
    pub(crate) over: Option<Type>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) rows: Vec<Row>,
    /// The names of the cases; empty for a test without parameter rows.
    pub(crate) cases: Vec<String>,
    /// The number of cases in earlier instances.
    pub(crate) row_offset: u32,
}

/// All instances of a test, in the order of the list.
pub(crate) fn instances(test: &Test) -> Vec<Instance> {
    let names = test.case_names();
    let Some((over, chosen)) = test.over.as_ref().and_then(|over| Some((over, over.parameter.as_ref()?))) else {
        let (parameters, rows) = (test.parameters.clone(), test.rows.clone());
        return vec![Instance { over: None, parameters, rows, cases: names, row_offset: 0 }];
    };
    let mut row_offset = 0;
    let instance = over.types.iter().map(|OverType { case, written }| {
        let expression = |expression: &Expr| substitute(expression, chosen, written);
        let parameter = |parameter: &Parameter| Parameter {
            written: substitute(&parameter.written, chosen, written),
            source: match &parameter.source {
                Source::Fixture(access, fixture) => Source::Fixture(*access, substitute(fixture, chosen, written)),
                Source::Values(name, values) => Source::Values(name.clone(), values.iter().map(expression).collect()),
                other => other.clone(),
            },
        };
        let row = |row: &Row| Row {
            values: row.values.as_ref().map(|values| values.iter().map(expression).collect()),
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
            row_offset,
            cases,
        };
        row_offset += u32::try_from(instance.cases.len()).unwrap_or(u32::MAX);
        instance
    });
    instance.collect()
}
