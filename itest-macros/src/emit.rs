//! The expansion. It takes no decisions and cannot fail.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Block, Expr, Generics, ItemFn, ReturnType, Stmt, Type, Visibility};

use crate::bounds::{demanded, lasting};
use crate::inputs::{inputs, names, slots, value};
use crate::instances::{Instance, instances};
use crate::literals::{duration, meta, option};
use crate::model::{Access, Fixture, Mark, Parameter, Phase, Scope, Source, TeardownFunction, Test};
use crate::paths::{Author, Itest};
use crate::spans::{ends, located};
use crate::suggestions;

/// The function, and the entries that make it a test: one, or one for each type that it runs over.
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
    let Instance { over, cases, before, .. } = instance;
    let path = test.function.sig.ident.unraw().to_string();
    let full_name = full_name(&path, itest, private);
    let parameters = parameters(&instance.parameters, &scope(Scope::Test, itest), private);
    let meta = meta(&test.arguments, private);
    let kind = kind(&test.function, private);
    let (bindings, arguments) = inputs(instance, private);
    // `pause` is a function of the suite's own tokio; a message that it is missing stands on the argument.
    let pause = test.arguments.runtime.start_paused.as_ref().map(|name| {
        let place = ends(name);
        located(quote!(::tokio::time::pause();), place)
    });
    // What is wrong with a type is told once, where it is listed.
    let place = over.as_ref().map(ends).or_else(|| place(&test.function));
    let call = call(&test.function, over.as_slice(), &arguments, place);
    let returned = with_causes(&test.function, call, private);
    let conclude = on_returned(&test.function, quote!(#private::Conclude::conclude));
    let concluded = if over.is_some() {
        // What it returns is another thing, and is told once for all types.
        let value = on_returned(&test.function, quote!(__itest_returned));
        quote!(let __itest_returned = #returned; #conclude(#value))
    } else {
        quote!(#conclude(#returned))
    };
    let entry = quote! {
        #private::inventory::submit! {
            #private::TestEntry {
                name: #full_name,
                location: ::core::concat!(::core::file!(), ":", ::core::line!(), ":", ::core::column!()),
                parameters: &[#parameters],
                cases: &[#(#cases),*],
                before: #before,
                meta: &#meta,
                kind: #kind,
                run: |__itest_inputs| #private::Box::pin(async move {
                    #bindings
                    #pause
                    #concluded
                }),
            }
        }
    };
    match allowed(itest) {
        Some(allowed) => quote!(#allowed const _: () = { #entry };),
        None => entry,
    }
}

/// The function, and the implementation that makes its type a fixture.
pub(crate) fn fixture(fixture: &Fixture, itest: &Itest) -> TokenStream {
    let private = quote!(#itest::__private);
    let Fixture { function, made, .. } = fixture;
    let placeholders = fixture.placeholders();
    let scope = scope(fixture.scope, itest);
    let dependencies = parameters(&fixture.parameters, &scope, &private);
    let kind = kind(function, &private);
    let slots = slots(&fixture.parameters);
    let arguments = fixture.parameters.iter().zip(names("slot")).map(|(parameter, slot)| value(parameter, &slot));
    let call = call(function, &placeholders, &arguments.collect::<Vec<_>>(), place(function));
    let returned = with_causes(function, call, &private);
    // What a session's fixture makes crosses to other processes; that it can is a message about the type.
    let codec = made.as_ref().filter(|_| fixture.scope == Scope::Session).map(|made| {
        let (first, last) = ends(made);
        let function = located(quote!(#private::ValueCodec::of::<), (first, first));
        let call = located(quote!(>()), (last, last));
        quote!(.codec(const { &#function #made #call }))
    });
    let descriptor = quote! {
        const {
            &#private::FixtureDescriptor::of::<Self>(#kind, const { &[#dependencies] }, |__itest_inputs| {
                #private::Box::pin(async move {
                    #slots
                    #private::erased_value::<Self>(#returned)
                })
            })
            #codec
        }
    };
    let generics = demanded(fixture, &scope, &private);
    let implementation = made.as_ref().map(|made| implementation(made, &generics, &scope, &descriptor, itest));
    let function = suggestions::function(function);
    let lints = lints(&fixture.parameters);
    quote!(#lints #function #implementation)
}

/// A function of the same name that pairs the user's with its argument, and the entry under which the ledger finds it.
pub(crate) fn teardown(teardown: &TeardownFunction, argument: &Type, itest: &Itest) -> TokenStream {
    let private = quote!(#itest::__private);
    let TeardownFunction { function, attributes, .. } = teardown;
    let ItemFn { attrs, vis, sig, .. } = function;
    let name = &sig.ident;
    let path = name.unraw().to_string();
    let (full_name, allowed) = (full_name(&path, itest, &private), allowed(itest));
    let kind = kind(function, &private);
    let no_generics = suggestions::generics(&Generics::default(), name.span());
    let inner = ItemFn { attrs: Vec::new(), vis: Visibility::Inherited, ..function.clone() };
    let inner = suggestions::function(&inner);
    // An argument that cannot be written down is a message about its type. Both that need to write it stand in one
    // constant and in one place, for the compiler tells what they have in common once.
    let (first, last) = ends(argument);
    let call_with = located(quote!(#private::call_with::<), (first, first));
    let closing = located(quote!(>), (last, last));
    let new = located(quote!(#itest::Durable::new), (first, last));
    let call = call(function, &[] as &[Type], &[quote!(__itest_argument)], place(function));
    let returned = with_causes(function, call, &private);
    let conclude = on_returned(function, quote!(#private::Conclude::conclude));
    quote! {
        #(#attributes)*
        #[allow(clippy::needless_pass_by_value, reason = "the ledger gives the value away")]
        #vis fn #name #no_generics(__itest_argument: #argument) -> #itest::Durable<#argument> {
            #(#attrs)*
            #inner
            #allowed
            type __ItestPair = fn(#argument, &'static #private::TeardownEntry) -> #itest::Durable<#argument>;
            #allowed
            const __ITEST: (#private::TeardownEntry, __ItestPair) = (
                #private::TeardownEntry {
                    name: #full_name,
                    location: ::core::concat!(::core::file!(), ":", ::core::line!(), ":", ::core::column!()),
                    kind: #kind,
                    run: |__itest_written| #call_with #argument #closing (__itest_written, |__itest_argument| {
                        #private::Box::pin(async move { #conclude(#returned) })
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
pub(crate) fn teardown_stand_in(teardown: &TeardownFunction, itest: &Itest) -> TokenStream {
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

/// The name of a function with its module; a library's begins with the library, so that it is not a name of the suite.
fn full_name(name: &str, itest: &Itest, private: &TokenStream) -> TokenStream {
    let path = quote!(::core::concat!(::core::module_path!(), "::", #name));
    match itest.author {
        Author::Suite => quote!(#private::without_crate(#path)),
        Author::Library => path,
    }
}

/// Keeps the compiler from saying that paths of the expansion are longer than they need be, which it says of those to a module.
fn allowed(itest: &Itest) -> Option<TokenStream> {
    let is_needed = itest.author == Author::Library;
    is_needed.then(|| quote!(#[allow(unused_qualifications, reason = "the path was given with the attribute")]))
}

/// An implementation for a fixture that does not compile anyway.
pub(crate) fn stand_in(fixture: &Fixture, made: &Type, itest: &Itest) -> TokenStream {
    let scope = scope(fixture.scope, itest);
    implementation(made, &lasting(&fixture.generics), &scope, &quote!(::core::unreachable!()), itest)
}

/// Messages about it (a second fixture of the type, a type of another crate) stand on the type.
fn implementation(
    made: &Type,
    generics: &Generics,
    scope: &TokenStream,
    descriptor: &TokenStream,
    itest: &Itest,
) -> TokenStream {
    let (private, allowed) = (quote!(#itest::__private), allowed(itest));
    let (first, last) = ends(made);
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
    quote!(#allowed #keyword #declared #private::Fixture for #made #bounds #items)
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

fn scope(scope: Scope, itest: &Itest) -> TokenStream {
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

/// What the function returned, with an error that keeps its causes; `()` has none.
fn with_causes(function: &ItemFn, returned: TokenStream, private: &TokenStream) -> TokenStream {
    match place(function) {
        Some(place) => located(quote!(#private::ReturnValue::of(#returned).itest_with_causes()), place),
        None => returned,
    }
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
