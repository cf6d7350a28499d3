//! The arguments of the call of a user's function: the values of its case and of its fixtures.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Expr, Type};

use crate::instances::Instance;
use crate::model::{Access, Finder, Parameter, Source};
use crate::spans::{ends, in_expansion, located};

/// The inputs of a test function.
pub(crate) struct Inputs {
    /// Binds the row of the case and the slots of the fixtures.
    pub(crate) bindings: TokenStream,
    /// Binds the data of the case.
    pub(crate) data: TokenStream,
    /// An expression for each parameter.
    pub(crate) arguments: Vec<TokenStream>,
}

pub(crate) fn inputs(test: &Instance, private: &TokenStream) -> Inputs {
    let mut data = TokenStream::new();
    let mut arguments = Vec::new();
    let mut slot_names = names("slot");
    let mut data_names = names("data");
    // The number of a case has mixed radix. The last `#[values]` parameter changes fastest, and the rows change slowest.
    let mut divisor: usize = test.parameters.iter().map(|parameter| count(&parameter.source)).product();
    let rows_divisor = divisor;
    let mut column = 0_usize;
    for parameter in &test.parameters {
        let (values, index): (Vec<&Expr>, TokenStream) = match &parameter.source {
            Source::Fixture(..) | Source::Invalid => {
                let slot = slot_names.next().unwrap_or_else(|| format_ident!("__itest_slot"));
                arguments.push(value(parameter, &slot));
                continue;
            }
            Source::Case(_) => {
                let values = test.rows.iter().filter_map(|row| row.values.as_ref()?.get(column)).collect();
                column += 1;
                (values, quote!(__itest_row / #rows_divisor))
            }
            Source::RunTime(_, finder) => {
                let name = data_names.next().unwrap_or_else(|| format_ident!("__itest_data"));
                data.extend(run_time_value(&name, &parameter.written, finder, private));
                arguments.push(quote!(#name));
                continue;
            }
            Source::Values(_, values) => {
                let length = values.len();
                divisor /= length;
                (values.iter().collect(), quote!(__itest_row / #divisor % #length))
            }
        };
        let name = data_names.next().unwrap_or_else(|| format_ident!("__itest_data"));
        data.extend(choose(&name, &parameter.written, &values, &index));
        arguments.push(quote!(#name));
    }
    let row = (!data.is_empty()).then(|| quote!(let __itest_row = #private::Inputs::row(__itest_inputs);));
    let slots = slots(&test.parameters);
    Inputs { bindings: quote!(#row #slots), data, arguments }
}

/// `let data: T = …;` with the file or the value of a case that was found when the suite started.
fn run_time_value(data: &Ident, written: &Type, finder: &Finder, private: &TokenStream) -> TokenStream {
    match finder {
        Finder::Files(_) => {
            // The compiler reports an unsuitable type at the parameter's type.
            let value = quote!(#private::FromCaseFile::from_case_file(__ITEST_CASES.file(__itest_row)));
            let value = located(value, in_expansion(ends(written)));
            quote!(let #data: #written = #value;)
        }
        Finder::Function(_) => quote!(let #data: #written = __ITEST_CASES.value(__itest_row, __ITEST_VALUES);),
    }
}

fn count(source: &Source) -> usize {
    if let Source::Values(_, values) = source { values.len() } else { 1 }
}

/// `let data: T = match index { 0 => a, _ => b };`
fn choose(data: &Ident, written: &Type, values: &[&Expr], index: &TokenStream) -> TokenStream {
    match values {
        [only] => quote!(let #data: #written = #only;),
        [first @ .., last] => {
            let numbers = 0..first.len();
            // The parentheses are needed because an arm's value would otherwise end after a first block, as in `if a { 1 } else { 2 } * 3`.
            let chosen = quote!(match #index { #(#numbers => (#first),)* _ => (#last) });
            // The compiler reports a value of a wrong type at the parameter's type.
            let chosen = located(chosen, in_expansion(ends(written)));
            quote!(let #data: #written = #chosen;)
        }
        [] => TokenStream::new(),
    }
}

/// `let [a, b] = inputs.slots();`
pub(crate) fn slots(parameters: &[Parameter]) -> TokenStream {
    let count = parameters.iter().filter(|parameter| matches!(parameter.source, Source::Fixture(..))).count();
    if count == 0 {
        return TokenStream::new();
    }
    let names = names("slot").take(count);
    quote!(let [#(#names),*] = __itest_inputs.slots();)
}

pub(crate) fn value(parameter: &Parameter, slot: &Ident) -> TokenStream {
    match &parameter.source {
        Source::Fixture(Access::Shared, _) => quote!(#slot.shared()),
        Source::Fixture(Access::Exclusive, _) => quote!(#slot.exclusive()),
        _ => quote!(#slot.take()),
    }
}

/// `__itest_slot_0`, `__itest_slot_1`, …
pub(crate) fn names(stem: &'static str) -> impl Iterator<Item = Ident> {
    (0_usize..).map(move |number| format_ident!("__itest_{stem}_{number}"))
}
