//! The expansion. It takes no decisions and cannot fail.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Block, Expr, Generics, Ident, ItemFn, ReturnType, Stmt, Type};

use crate::bounds::{demanded, lasting};
use crate::instances::{Instance, instances};
use crate::literals::{duration, meta, option};
use crate::model::{Access, Fixture, Mark, Parameter, Phase, Scope, Source, TeardownFunction, Test};
use crate::spans::{ends, in_expansion, located};

/// The function, and the entries that make it a test: one, or one for each type that it runs over.
pub(crate) fn test(test: &Test, itest: &TokenStream) -> TokenStream {
    let private = quote!(#itest::__private);
    let function = ItemFn { block: Box::new(with_phases(test, &private)), ..test.function.clone() };
    let lints = lints(&test.parameters);
    let entries = instances(test).into_iter().map(|instance| entry(test, &instance, itest, &private));
    quote!(#lints #function #(#entries)*)
}

fn entry(test: &Test, instance: &Instance, itest: &TokenStream, private: &TokenStream) -> TokenStream {
    let Instance { over, cases, before, .. } = instance;
    let path = test.function.sig.ident.unraw().to_string();
    let parameters = parameters(&instance.parameters, &scope(Scope::Test, itest), private);
    let meta = meta(&test.arguments, private);
    let kind = kind(&test.function, private);
    let (bindings, arguments) = inputs(instance, private);
    // What is wrong with a type is told once, where it is listed.
    let place = over.as_ref().map(ends).or_else(|| place(&test.function));
    let call = call(&test.function, over.as_slice(), &arguments, place);
    let conclude = on_returned(&test.function, quote!(#private::Conclude::conclude));
    let concluded = if over.is_some() {
        // What it returns is another thing, and is told once for all types.
        let returned = on_returned(&test.function, quote!(__itest_returned));
        quote!(let __itest_returned = #call; #conclude(#returned))
    } else {
        quote!(#conclude(#call))
    };
    quote! {
        #private::inventory::submit! {
            #private::TestEntry {
                name: #private::without_crate(::core::concat!(::core::module_path!(), "::", #path)),
                location: ::core::concat!(::core::file!(), ":", ::core::line!(), ":", ::core::column!()),
                parameters: &[#parameters],
                cases: &[#(#cases),*],
                before: #before,
                meta: &#meta,
                kind: #kind,
                run: |__itest_inputs| #private::Box::pin(async move {
                    #bindings
                    #concluded
                }),
            }
        }
    }
}

/// The function, and the implementation that makes its type a fixture.
pub(crate) fn fixture(fixture: &Fixture, itest: &TokenStream) -> TokenStream {
    let private = quote!(#itest::__private);
    let Fixture { function, made, .. } = fixture;
    let placeholders = fixture.placeholders();
    let scope = scope(fixture.scope, itest);
    let dependencies = parameters(&fixture.parameters, &scope, &private);
    let kind = kind(function, &private);
    let slots = slots(&fixture.parameters);
    let arguments = fixture.parameters.iter().zip(names("slot")).map(|(parameter, slot)| value(parameter, &slot));
    let call = call(function, &placeholders, &arguments.collect::<Vec<_>>(), place(function));
    // What a session's fixture makes crosses to other processes; that it can is a message about the type.
    let crossing = made.as_ref().filter(|_| fixture.scope == Scope::Session).map(|made| {
        let (first, last) = ends(made);
        let function = located(quote!(#private::Crossing::of::<), (first, first));
        let call = located(quote!(>()), (last, last));
        quote!(.crossing(const { &#function #made #call }))
    });
    let descriptor = quote! {
        const {
            &#private::FixtureDescriptor::of::<Self>(#kind, const { &[#dependencies] }, |__itest_inputs| {
                #private::Box::pin(async move {
                    #slots
                    #private::made::<Self>(#call)
                })
            })
            #crossing
        }
    };
    let generics = demanded(fixture, &scope, &private);
    let implementation = made.as_ref().map(|made| implementation(made, &generics, &scope, &descriptor, &private));
    let lints = lints(&fixture.parameters);
    quote!(#lints #function #implementation)
}

/// A function of the same name that pairs the user's with its argument, and the entry under which the ledger finds it.
pub(crate) fn teardown(teardown: &TeardownFunction, argument: &Type, itest: &TokenStream) -> TokenStream {
    let private = quote!(#itest::__private);
    let TeardownFunction { function, attributes, .. } = teardown;
    let ItemFn { attrs, vis, sig, block, .. } = function;
    let name = &sig.ident;
    let path = name.unraw().to_string();
    let kind = kind(function, &private);
    // An argument that cannot be written down is a message about its type. Both that need to write it stand in one
    // constant and in one place, for the compiler tells what they have in common once.
    let (first, last) = ends(argument);
    let call_with = located(quote!(#private::call_with::<), (first, first));
    let closing = located(quote!(>), (last, last));
    let new = located(quote!(#itest::Durable::new), (first, last));
    let call = call(function, &[] as &[Type], &[quote!(__itest_argument)], place(function));
    let conclude = on_returned(function, quote!(#private::Conclude::conclude));
    quote! {
        #(#attributes)*
        #[allow(clippy::needless_pass_by_value, reason = "the ledger gives the value away")]
        #vis fn #name(__itest_argument: #argument) -> #itest::Durable<#argument> {
            #(#attrs)*
            #sig #block
            type __ItestPair = fn(#argument, &'static #private::TeardownEntry) -> #itest::Durable<#argument>;
            const __ITEST: (#private::TeardownEntry, __ItestPair) = (
                #private::TeardownEntry {
                    name: #private::without_crate(::core::concat!(::core::module_path!(), "::", #path)),
                    location: ::core::concat!(::core::file!(), ":", ::core::line!(), ":", ::core::column!()),
                    kind: #kind,
                    run: |__itest_written| #call_with #argument #closing (__itest_written, |__itest_argument| {
                        #private::Box::pin(async move { #conclude(#call) })
                    }),
                },
                #new,
            );
            #private::inventory::submit! { __ITEST.0 }
            __ITEST.1(__itest_argument, &__ITEST.0)
        }
    }
}

/// A function of that name for one that does not compile anyway; without a type it takes every argument.
pub(crate) fn teardown_stand_in(teardown: &TeardownFunction, itest: &TokenStream) -> TokenStream {
    let TeardownFunction { function, attributes, argument, .. } = teardown;
    let ItemFn { vis, sig, .. } = function;
    let name = &sig.ident;
    let any = quote!(__ItestArgument);
    let generics = argument.is_none().then(|| quote!(<#any>));
    let argument = argument.as_ref().map_or(any, ToTokens::to_token_stream);
    quote! {
        #(#attributes)*
        #[allow(dead_code)]
        #vis fn #name #generics(_: #argument) -> #itest::Durable<#argument> {
            #[allow(dead_code)]
            #function
            ::core::unreachable!()
        }
    }
}

/// An implementation for a fixture that does not compile anyway.
pub(crate) fn stand_in(fixture: &Fixture, made: &Type, itest: &TokenStream) -> TokenStream {
    let (private, scope) = (quote!(#itest::__private), scope(fixture.scope, itest));
    implementation(made, &lasting(&fixture.generics), &scope, &quote!(::core::unreachable!()), &private)
}

/// Messages about it (a second fixture of the type, a type of another crate) stand on the type.
fn implementation(
    made: &Type,
    generics: &Generics,
    scope: &TokenStream,
    descriptor: &TokenStream,
    private: &TokenStream,
) -> TokenStream {
    let (first, last) = ends(made);
    let (declared, _, bounds) = generics.split_for_impl();
    let keyword = located(quote!(impl), (first, first));
    let items = quote! {
        {
            type Scope = #scope;
            fn descriptor() -> &'static #private::FixtureDescriptor {
                #descriptor
            }
        }
    };
    let items = located(items, (last, last));
    quote!(#keyword #declared #private::Fixture for #made #bounds #items)
}

/// The body, with a call at the beginning of each phase.
fn with_phases(test: &Test, private: &TokenStream) -> Block {
    let mut block = (*test.function.block).clone();
    let mut marks = test.phases.marks.iter().peekable();
    let prelude = test.phases.prelude.filter(|_| marks.peek().is_some());
    let mut statements: Vec<Stmt> = Vec::with_capacity(block.stmts.len() + marks.len() + 1);
    for (position, statement) in block.stmts.drain(..).enumerate() {
        if prelude == Some(position) {
            statements.push(enter(Phase::Arrange, Span::call_site(), None, private));
        }
        if let Some(mark) = marks.next_if(|mark| mark.statement == position) {
            statements.push(enter(mark.phase, mark.span, Some(mark), private));
        }
        statements.push(statement);
    }
    block.stmts = statements;
    block
}

fn enter(phase: Phase, span: Span, mark: Option<&Mark>, private: &TokenStream) -> Stmt {
    let phase = match phase {
        Phase::Arrange => quote!(Arrange),
        Phase::Act => quote!(Act),
        Phase::Assert => quote!(Assert),
    };
    let description = option(mark.and_then(|mark| mark.description.as_ref()), private);
    let within = option(mark.and_then(|mark| mark.within).map(|within| duration(within, private)).as_ref(), private);
    let call = quote_spanned!(span=> #private::enter_phase(#private::Phase::#phase, #description, #within));
    // The call is made from the line of the mark: that is the phase's place in a report.
    let call = located(call, (span, span));
    Stmt::Expr(Expr::Verbatim(call), Some(syn::Token![;](span)))
}

/// A parameter's type says which fixture it is, and its `&` how that is shared: to pass it otherwise is another thing.
fn lints(parameters: &[Parameter]) -> Option<TokenStream> {
    let allow = quote! {
        #[allow(
            clippy::borrowed_box,
            clippy::needless_pass_by_ref_mut,
            clippy::needless_pass_by_value,
            clippy::trivially_copy_pass_by_ref,
            reason = "how a parameter is passed is what it asks for"
        )]
    };
    (!parameters.is_empty()).then_some(allow)
}

/// `row`, `slots` and data bound to names, and an expression for each parameter.
fn inputs(test: &Instance, private: &TokenStream) -> (TokenStream, Vec<TokenStream>) {
    let mut bindings = TokenStream::new();
    let mut arguments = Vec::new();
    let mut slot_names = names("slot");
    let mut data_names = names("data");
    // The row counts through the values first, the last parameter fastest; what is left counts the rows.
    let mut divisor: usize = test.parameters.iter().map(|parameter| count(&parameter.source)).product();
    let rows_divisor = divisor;
    let mut column = 0_usize;
    for parameter in &test.parameters {
        let (values, index): (Vec<&Expr>, TokenStream) = match &parameter.source {
            Source::Fixture(..) | Source::Wrong => {
                let slot = slot_names.next().unwrap_or_else(|| format_ident!("__itest_slot"));
                arguments.push(value(parameter, &slot));
                continue;
            }
            Source::Case(_) => {
                let values = test.rows.iter().filter_map(|row| row.values.as_ref()?.get(column)).collect();
                column += 1;
                (values, quote!(__itest_row / #rows_divisor))
            }
            Source::Values(_, values) => {
                let length = values.len();
                divisor /= length;
                (values.iter().collect(), quote!(__itest_row / #divisor % #length))
            }
        };
        let data = data_names.next().unwrap_or_else(|| format_ident!("__itest_data"));
        bindings.extend(choose(&data, &parameter.written, &values, &index));
        arguments.push(quote!(#data));
    }
    let row = (!bindings.is_empty()).then(|| quote!(let __itest_row = #private::Inputs::row(__itest_inputs);));
    let slots = slots(&test.parameters);
    (quote!(#row #slots #bindings), arguments)
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
            let chosen = quote!(match #index { #(#numbers => #first,)* _ => #last });
            // A value of another type does not fit the parameter's.
            let chosen = located(chosen, in_expansion(ends(written)));
            quote!(let #data: #written = #chosen;)
        }
        [] => TokenStream::new(),
    }
}

/// `let [a, b] = inputs.slots();`
fn slots(parameters: &[Parameter]) -> TokenStream {
    let asked = parameters.iter().filter(|parameter| matches!(parameter.source, Source::Fixture(..))).count();
    if asked == 0 {
        return TokenStream::new();
    }
    let names = names("slot").take(asked);
    quote!(let [#(#names),*] = __itest_inputs.slots();)
}

fn value(parameter: &Parameter, slot: &Ident) -> TokenStream {
    match &parameter.source {
        Source::Fixture(Access::Shared, _) => quote!(#slot.shared()),
        Source::Fixture(Access::Exclusive, _) => quote!(#slot.exclusive()),
        _ => quote!(#slot.take()),
    }
}

/// The static list of what fixtures must fill.
fn parameters(parameters: &[Parameter], asker: &TokenStream, private: &TokenStream) -> TokenStream {
    let entries = parameters.iter().filter_map(|parameter| {
        let Source::Fixture(access, fixture) = &parameter.source else { return None };
        let constructor = match access {
            Access::Owned => quote!(owned),
            Access::Shared => quote!(shared),
            Access::Exclusive => quote!(exclusive),
        };
        // A missing fixture, or one of another scope, is a message about this type.
        let (first, last) = ends(fixture);
        let function = located(quote!(#private::Parameter::#constructor::<), (first, first));
        let call = located(quote!(, #asker>()), (last, last));
        Some(quote!(#function #fixture #call))
    });
    quote!(#(#entries),*)
}

fn scope(scope: Scope, itest: &TokenStream) -> TokenStream {
    let private = quote!(#itest::__private);
    match scope {
        Scope::Test => quote!(#private::TestScope),
        Scope::Worker => quote!(#private::WorkerScope),
        Scope::Session => quote!(#private::SessionScope),
        // That of `Teardown` suits everyone who asks, so that nobody is told of a second mistake.
        Scope::Wrong => quote!(<#itest::Teardown as #private::Fixture>::Scope),
    }
}

fn kind(function: &ItemFn, private: &TokenStream) -> TokenStream {
    if function.sig.asyncness.is_some() {
        quote!(#private::FunctionKind::Async)
    } else {
        quote!(#private::FunctionKind::Sync)
    }
}

/// The call of the function, with what its generic parameters are, as if it stood at some place.
fn call(
    function: &ItemFn,
    chosen: &[impl ToTokens],
    arguments: &[TokenStream],
    place: Option<(Span, Span)>,
) -> TokenStream {
    let name = &function.sig.ident;
    let (opening, closing) = if chosen.is_empty() { (None, None) } else { (Some(quote!(::<)), Some(quote!(>))) };
    let wait = function.sig.asyncness.map(|_| quote!(.await));
    let (before, behind) = (quote!(#name #opening), quote!(#closing (#(#arguments),*) #wait));
    let (before, behind) = match place {
        Some((first, last)) => (located(before, (first, first)), located(behind, (last, last))),
        None => (before, behind),
    };
    quote!(#before #(#chosen),* #behind)
}

/// What is wrong with the function's value is wrong with its return type.
fn on_returned(function: &ItemFn, tokens: TokenStream) -> TokenStream {
    if let Some(place) = place(function) { located(tokens, place) } else { tokens }
}

fn place(function: &ItemFn) -> Option<(Span, Span)> {
    match &function.sig.output {
        ReturnType::Default => None,
        ReturnType::Type(_, returned) => Some(ends(returned)),
    }
}

/// `__itest_slot_0`, `__itest_slot_1`, …
fn names(stem: &'static str) -> impl Iterator<Item = Ident> {
    (0_usize..).map(move |number| format_ident!("__itest_{stem}_{number}"))
}
