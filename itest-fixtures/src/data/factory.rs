//! What the values of a type look like.

use super::Data;

/// Says once what a plain, valid value of a type looks like; tests say only what matters to them.
///
/// # Examples
///
/// ```
/// use itest_fixtures::data::fake::faker::name::en::Name;
/// use itest_fixtures::data::{Data, Factory};
///
/// struct NewUser {
///     email: String,
///     name: String,
///     admin: bool,
/// }
///
/// impl Factory for NewUser {
///     fn make(data: &Data) -> Self {
///         Self { email: data.email(), name: data.fake(Name()), admin: false }
///     }
/// }
///
/// struct NewOrder {
///     reference: String,
///     customer: NewUser,
/// }
///
/// impl Factory for NewOrder {
///     fn make(data: &Data) -> Self {
///         Self { reference: data.unique("order"), customer: data.make() }
///     }
/// }
///
/// fn orders_of_an_admin(data: &Data) -> Vec<NewOrder> {
///     data.many_with(3, |_, order: &mut NewOrder| order.customer.admin = true)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "no factory makes `{Self}`",
    label = "this type has no `Factory`",
    note = "write one: `impl Factory for {Self} {{ fn make(data: &Data) -> Self {{ … }} }}`"
)]
pub trait Factory {
    /// A value that is valid by itself. What it is related to is made with the same `data`.
    fn make(data: &Data) -> Self;
}
