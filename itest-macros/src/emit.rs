//! Writes the expansion. This stage makes no decisions and cannot fail.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Block, Expr, Generics, ItemFn, LitStr, Stmt, Type, Visibility};

use crate::bounds::{required_bounds, with_static_bounds};
use crate::inputs::{inputs, names, slots, value};
use crate::instances::{Instance, instances};
use crate::invocation::{Conclude, Invocation, call, conclude_value, return_type_span};
use crate::literals::{duration, meta, option};
use crate::model::{
    Access, Finder, Fixture, Invariant, Parameter, Phase, PhaseMark, Scope, Source, TeardownFunction, Test,
};
use crate::paths::{Author, Itest};
use crate::spans::{ends, located};
use crate::suggestions;

/// The function of a test and its entries. A test that runs over types has one entry for each type.
pub(crate) fn test(test: &Test, itest: &Itest) -> TokenStream {
    let private = quote!(#itest::__private);
    let function = ItemFn { block: Box::new(with_phases(test, &private)), ..test.function.clone() };
    let function = suggestions::function(&function);
    let lints = lints(&test.parameters);
    if test.arguments.has_no_cases {
        return quote!(#lints #[allow(dead_code)] #function);
    }
    let entries = instances(test).into_iter().map(|instance| entry(test, &instance, itest, &private));
    quote!(#lints #function #(#entries)*)
}

fn entry(test: &Test, instance: &Instance, itest: &Itest, private: &TokenStream) -> TokenStream {
    let Instance { over, cases, row_offset, .. } = instance;
    let full_name = full_name(&test.function.sig.ident.unraw().to_string(), itest, private);
    let parameters = parameters(&instance.parameters, &scope(Scope::Test, itest), private);
    let parameters = (!parameters.is_empty()).then(|| quote!(.parameters(&[#parameters])));
    let finder = test.finder().map(|finder| run_time_cases(test, finder, cases, private));
    let cases = if finder.is_some() {
        Some(quote!(.cases_at_run_time(&(&__ITEST_CASES as &dyn #private::CaseSource))))
    } else {
        (!cases.is_empty()).then(|| quote!(.cases(&[#(#cases),*], #row_offset)))
    };
    let meta = meta(&test.arguments, private).map(|meta| quote!(.meta(&#meta)));
    let inputs = inputs(instance, private);
    // The call has the span of the listed type, so that the compiler reports a mistake in the type once, where the type is listed.
    // Without listed types, it has the span of the return type.
    let span = over.as_ref().map(ends).or_else(|| return_type_span(&test.function));
    let call = call(&test.function, over.as_slice(), &inputs.arguments, span);
    // `pause` is a function of the suite's own tokio. If the function is missing, the compiler reports that at the argument.
    let pause = test.arguments.runtime.start_paused.as_ref().map(|name| {
        let span = ends(name);
        located(quote!(::tokio::time::pause();), span)
    });
    let data = inputs.data;
    let invocation =
        Invocation { function: &test.function, bindings: inputs.bindings, data: quote!(#data #pause), call, span };
    let conclude = Conclude { of_future: quote!(#private::concluded), of_value: quote!(#private::Conclude::conclude) };
    let function = invocation.function(&conclude, private);
    let entry = quote! {
        #private::inventory::submit! {
            #private::TestEntry::new(
                #full_name,
                ::core::concat!(::core::file!(), ":", ::core::line!(), ":", ::core::column!()),
                #function
            ) #parameters #cases #meta
        }
    };
    let attribute = allow_qualifications(itest);
    if attribute.is_none() && finder.is_none() {
        return entry;
    }
    quote!(#attribute const _: () = { #finder #entry };)
}

/// The static with the cases that are found when the suite starts.
fn run_time_cases(test: &Test, finder: &Finder, inner: &[String], private: &TokenStream) -> TokenStream {
    let (values, cases) = match finder {
        Finder::Files(patterns) => {
            let (first, last) = (patterns.first().map(LitStr::span), patterns.last().map(LitStr::span));
            let span = (first.unwrap_or_else(Span::call_site), last.unwrap_or_else(Span::call_site));
            // If the feature is missing, the compiler reports that at the patterns.
            let files = located(quote!(#private::RunTimeCases::files), span);
            let package = quote!(::core::env!("CARGO_MANIFEST_DIR"));
            let patterns = quote! {
                #private::FilePatterns { package: #package, variable: #private::variable, patterns: &[#(#patterns),*] }
            };
            (None, quote!(#files(const { &#patterns }, &[#(#inner),*])))
        }
        Finder::Function(function) => {
            let name = function.segments.last().map(|last| last.ident.unraw().to_string()).unwrap_or_default();
            let written = test.run_time_type();
            // The compiler reports an unsuitable return type once, at the name of the function.
            let span = ends(function);
            let arguments = located(quote!(()), span);
            let values = located(quote!(#private::IntoCases::into_cases(#function #arguments)), span);
            let values = quote!(const __ITEST_VALUES: fn() -> #private::CaseValues<#written> = || #values;);
            let names = quote!(|| #private::case_names(__ITEST_VALUES));
            (Some(values), quote!(#private::RunTimeCases::function(#name, #names, &[#(#inner),*])))
        }
    };
    quote!(#values static __ITEST_CASES: #private::RunTimeCases = #cases;)
}

/// The function of a fixture, and the implementation of the fixture trait for its type.
pub(crate) fn fixture(fixture: &Fixture, itest: &Itest) -> TokenStream {
    let private = quote!(#itest::__private);
    let Fixture { function, value_type, .. } = fixture;
    let placeholders = fixture.placeholders();
    let scope = scope(fixture.scope, itest);
    let dependencies = parameters(&fixture.parameters, &scope, &private);
    let arguments = fixture.parameters.iter().zip(names("slot")).map(|(parameter, slot)| value(parameter, &slot));
    let call = call(function, &placeholders, &arguments.collect::<Vec<_>>(), return_type_span(function));
    let bindings = slots(&fixture.parameters);
    let invocation = Invocation { function, bindings, data: TokenStream::new(), call, span: None };
    let conclude = Conclude {
        of_future: quote!(#private::SetupOf::<Self>::future),
        of_value: quote!(#private::SetupOf::<Self>::value),
    };
    let setup = invocation.function(&conclude, &private);
    // The value of a session fixture must be serializable. If its type is not, the compiler reports that at the type.
    let codec = value_type.as_ref().filter(|_| fixture.scope == Scope::Session).map(|value_type| {
        let (first, last) = ends(value_type);
        let function = located(quote!(#private::ValueCodec::of::<), (first, first));
        let call = located(quote!(>()), (last, last));
        quote!(.codec(const { &#function #value_type #call }))
    });
    let descriptor = quote! {
        const {
            &#private::FixtureDescriptor::of::<Self>(const { &[#dependencies] }, #setup)
            #codec
        }
    };
    let generics = required_bounds(fixture, &scope, &private);
    let implementation =
        value_type.as_ref().map(|value_type| implementation(value_type, &generics, &scope, &descriptor, itest));
    let function = suggestions::function(function);
    let lints = lints(&fixture.parameters);
    quote!(#lints #function #implementation)
}

/// The function of an invariant and its entry.
pub(crate) fn invariant(invariant: &Invariant, itest: &Itest) -> TokenStream {
    let private = quote!(#itest::__private);
    let Invariant { function, timeout, parameters: taken } = invariant;
    let full_name = full_name(&function.sig.ident.unraw().to_string(), itest, &private);
    let parameters = parameters(taken, &scope(Scope::Test, itest), &private);
    let timeout = option(timeout.map(|timeout| duration(timeout, &private)).as_ref(), &private);
    let arguments: Vec<_> = taken.iter().zip(names("slot")).map(|(parameter, slot)| value(parameter, &slot)).collect();
    let span = return_type_span(function);
    let call = call(function, &[] as &[Type], &arguments, span);
    let invocation = Invocation { function, bindings: slots(taken), data: TokenStream::new(), call, span };
    let conclude = Conclude { of_future: quote!(#private::concluded), of_value: quote!(#private::Conclude::conclude) };
    let check = invocation.function(&conclude, &private);
    let (lints, attribute) = (lints(taken), allow_qualifications(itest));
    let function = suggestions::function(function);
    quote! {
        #lints
        #function
        #attribute
        const _: () = {
            #private::inventory::submit! {
                #private::InvariantEntry {
                    name: #full_name,
                    location: ::core::concat!(::core::file!(), ":", ::core::line!(), ":", ::core::column!()),
                    parameters: &[#parameters],
                    timeout: #timeout,
                    function: #check,
                }
            }
        };
    }
}

/// The entry of the points that a suite declares.
pub(crate) fn points(points: &[LitStr], itest: &Itest) -> TokenStream {
    let private = quote!(#itest::__private);
    quote! {
        const _: () = {
            #private::inventory::submit! { #private::SuitePoints::Listed(&[#(#points),*]) }
        };
    }
}

/// A function of the same name that returns the user's function with its argument, and the entry with which the ledger finds it.
pub(crate) fn teardown(teardown: &TeardownFunction, argument: &Type, itest: &Itest) -> TokenStream {
    let private = quote!(#itest::__private);
    let TeardownFunction { function, attributes, .. } = teardown;
    let ItemFn { attrs, vis, sig, .. } = function;
    let name = &sig.ident;
    let path = name.unraw().to_string();
    let (full_name, attribute) = (full_name(&path, itest, &private), allow_qualifications(itest));
    let kind = kind(function, &private);
    let no_generics = suggestions::generics(&Generics::default(), name.span());
    let inner = ItemFn { attrs: Vec::new(), vis: Visibility::Inherited, ..function.clone() };
    let inner = suggestions::function(&inner);
    // If the argument is not serializable, the compiler reports that at its type. Two expressions need the bound. They are in one constant
    // and have the same span, so that the compiler reports the mistake once.
    let (first, last) = ends(argument);
    let call_with = located(quote!(#private::call_with::<), (first, first));
    let closing = located(quote!(>), (last, last));
    let new = located(quote!(#itest::Durable::new), (first, last));
    let call = call(function, &[] as &[Type], &[quote!(__itest_argument)], return_type_span(function));
    let wait = function.sig.asyncness.map(|_| quote!(.await));
    let conclude = conclude_value(function, &quote!(#private::Conclude::conclude), &quote!(#call #wait), &private);
    quote! {
        #(#attributes)*
        #[allow(clippy::needless_pass_by_value, reason = "the ledger gives the value away")]
        #vis fn #name #no_generics(__itest_argument: #argument) -> #itest::Durable<#argument> {
            #(#attrs)*
            #inner
            #attribute
            type __ItestPair = fn(#argument, &'static #private::TeardownEntry) -> #itest::Durable<#argument>;
            #attribute
            const __ITEST: (#private::TeardownEntry, __ItestPair) = (
                #private::TeardownEntry {
                    name: #full_name,
                    location: ::core::concat!(::core::file!(), ":", ::core::line!(), ":", ::core::column!()),
                    kind: #kind,
                    run: |__itest_written| #call_with #argument #closing (__itest_written, |__itest_argument| {
                        #private::Box::pin(async move { #conclude })
                    }),
                },
                #new,
            );
            #private::inventory::submit! { __ITEST.0 }
            __ITEST.1(__itest_argument, &__ITEST.0)
        }
    }
}

/// A function of the same name for a teardown function with mistakes. If the type of the argument is unknown, the function accepts every
/// argument.
pub(crate) fn fallback_teardown(teardown: &TeardownFunction, itest: &Itest) -> TokenStream {
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

/// The name of a function with its module path. The name of a library's function begins with the library, so that it does not clash with
/// a name of the suite.
fn full_name(name: &str, itest: &Itest, private: &TokenStream) -> TokenStream {
    let path = quote!(::core::concat!(::core::module_path!(), "::", #name));
    match itest.author {
        Author::Suite => quote!(#private::without_crate(#path)),
        Author::Library => path,
    }
}

/// Allows the lint `unused_qualifications` in the expansion of a library's function, because the given path may be longer than necessary.
fn allow_qualifications(itest: &Itest) -> Option<TokenStream> {
    let is_needed = itest.author == Author::Library;
    is_needed.then(|| quote!(#[allow(unused_qualifications, reason = "the path was given with the attribute")]))
}

/// An implementation for a fixture with mistakes.
pub(crate) fn fallback_fixture(fixture: &Fixture, value_type: &Type, itest: &Itest) -> TokenStream {
    let scope = scope(fixture.scope, itest);
    implementation(value_type, &with_static_bounds(&fixture.generics), &scope, &quote!(::core::unreachable!()), itest)
}

/// The implementation of the fixture trait. It has the span of the type, so that the compiler reports a second fixture of the type, or a
/// type of another crate, there.
fn implementation(
    value_type: &Type,
    generics: &Generics,
    scope: &TokenStream,
    descriptor: &TokenStream,
    itest: &Itest,
) -> TokenStream {
    let (private, attribute) = (quote!(#itest::__private), allow_qualifications(itest));
    let (first, last) = ends(value_type);
    let declared = suggestions::generics(generics, first);
    let bounds = &generics.where_clause;
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
    quote!(#attribute #keyword #declared #private::Fixture for #value_type #bounds #items)
}

/// The body with a call at the beginning of each phase.
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

fn enter(phase: Phase, span: Span, mark: Option<&PhaseMark>, private: &TokenStream) -> Stmt {
    let phase = match phase {
        Phase::Arrange => quote!(Arrange),
        Phase::Act => quote!(Act),
        Phase::Assert => quote!(Assert),
    };
    let description = option(mark.and_then(|mark| mark.description.as_ref()), private);
    let within = option(mark.and_then(|mark| mark.within).map(|within| duration(within, private)).as_ref(), private);
    let call = quote_spanned!(span=> #private::enter_phase(#private::Phase::#phase, #description, #within));
    // The call has the span of the mark, because its caller location is the phase's location in reports.
    let call = located(call, (span, span));
    Stmt::Expr(Expr::Verbatim(call), Some(syn::Token![;](span)))
}

/// Allows lints about how parameters are passed, because the type of a parameter determines the fixture and the way it is borrowed.
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

/// The static list of the parameters that fixtures fill.
fn parameters(parameters: &[Parameter], dependent: &TokenStream, private: &TokenStream) -> TokenStream {
    let entries = parameters.iter().filter_map(|parameter| {
        let Source::Fixture(access, fixture) = &parameter.source else { return None };
        let constructor = match access {
            Access::Owned => quote!(owned),
            Access::Shared => quote!(shared),
            Access::Exclusive => quote!(exclusive),
        };
        // The compiler reports a missing fixture, or one of an unsuitable scope, at this type.
        let (first, last) = ends(fixture);
        let function = located(quote!(#private::Parameter::#constructor::<), (first, first));
        let call = located(quote!(, #dependent>()), (last, last));
        Some(quote!(#function #fixture #call))
    });
    quote!(#(#entries),*)
}

fn scope(scope: Scope, itest: &Itest) -> TokenStream {
    let private = quote!(#itest::__private);
    match scope {
        Scope::Test => quote!(#private::TestScope),
        Scope::Worker => quote!(#private::WorkerScope),
        Scope::Session => quote!(#private::SessionScope),
        // The scope of `Teardown` suits every dependent, so that no follow-up error is reported.
        Scope::Invalid => quote!(<#itest::Teardown as #private::Fixture>::Scope),
    }
}

fn kind(function: &ItemFn, private: &TokenStream) -> TokenStream {
    if function.sig.asyncness.is_some() {
        quote!(#private::FunctionKind::Async)
    } else {
        quote!(#private::FunctionKind::Sync)
    }
}
