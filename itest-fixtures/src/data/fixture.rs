//! The source of a test's data.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fake::faker::name::en::FirstName;
use fake::{Dummy, Fake as _};

use itest_runtime::__private::{FixtureDescriptor, FunctionKind, Parameter, TestScope};
use itest_runtime::{Error, Fixture, TestInfo, TestRng};

/// Data of one test, seeded by the run's seed and the test's name: a failure repeats with its data.
///
/// Whoever asks for `&Data` in a test, the test itself and its fixtures, shares one source, so that nothing is given out twice. A
/// `Data` of one's own gives other data.
///
/// # Examples
///
/// ```ignore
/// #[integration_test]
/// async fn only_admins_may_delete(data: &Data, shop: &Shop) -> itest::Result {
///     let admin = data.make_with(|user: &mut NewUser| user.role = Role::Admin);
///     let others: Vec<NewUser> = data.many(3);
///     shop.register(admin).await
/// }
/// ```
#[derive(Debug)]
pub struct Data {
    /// What all keys of this source have in common, and no other source has.
    key: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: TestRng,
    keys: u64,
    sequences: BTreeMap<String, u64>,
}

/// Bits of a unique number that tell keys of one source apart; what is above them tells the sources apart.
const COUNTED: u32 = 16;

impl Data {
    /// A source over a generator of its own.
    #[must_use]
    pub fn new(mut random: TestRng) -> Self {
        let key = key(&mut random);
        Self { key, state: Mutex::new(State { random, keys: 0, sequences: BTreeMap::new() }) }
    }

    /// The source of a test: in another attempt or round the same data under keys of its own.
    fn of(random: TestRng, info: &TestInfo) -> Self {
        let (attempt, round) = (info.attempt(), info.round());
        let keys = (attempt > 1 || round > 1).then(|| random.clone());
        let data = Self::new(random);
        let Some(mut keys) = keys else { return data };
        // Streams of generators are counted from 0, and no test has so many of them.
        let stream = keys.get_stream() ^ (u64::from(round) << 40) ^ (u64::from(attempt) << 20) ^ (1 << 63);
        keys.set_stream(stream);
        Self { key: key(&mut keys), ..data }
    }

    /// A value, as its factory makes it.
    #[must_use]
    pub fn make<T: Factory>(&self) -> T {
        T::make(self)
    }

    /// A value with some of it changed: `data.make_with(|user: &mut NewUser| user.role = Role::Admin)`.
    ///
    /// Where the fields are visible, `NewUser { role: Role::Admin, ..data.make() }` is the same.
    #[must_use]
    pub fn make_with<T: Factory>(&self, change: impl FnOnce(&mut T)) -> T {
        let mut made = T::make(self);
        change(&mut made);
        made
    }

    /// Some values, each of its own.
    #[must_use]
    pub fn many<T: Factory>(&self, count: usize) -> Vec<T> {
        (0..count).map(|_| T::make(self)).collect()
    }

    /// Some values with some of each changed; the number is counted from 0.
    #[must_use]
    pub fn many_with<T: Factory>(&self, count: usize, mut change: impl FnMut(usize, &mut T)) -> Vec<T> {
        let made = (0..count).map(|number| self.make_with(|made| change(number, made)));
        made.collect()
    }

    /// Something realistic, from the crate [`fake`](super::fake): `let name: String = data.fake(Name());`.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a faker is made where it is used, and reads best without a sign before it"
    )]
    pub fn fake<F, T: Dummy<F>>(&self, faker: F) -> T {
        faker.fake_with_rng(&mut *self.state().random)
    }

    /// A text that no other test of the run is given, and none before it in this test: `stem-0k3zt81c0w-1`.
    ///
    /// It repeats with the run's seed; another attempt at this test, and another round of the run, has others.
    #[must_use]
    pub fn unique(&self, stem: &str) -> String {
        let number = self.next_key();
        format!("{stem}-{}-{number}", self.key)
    }

    /// A number from 1 to 2^63 - 1 that no other test of the run is given, and none before it in this test.
    ///
    /// Of 10,000 tests two share one with a probability of about 1 in 3 million.
    #[must_use]
    pub fn unique_number(&self) -> i64 {
        let number = self.next_key();
        let (block, counted) = (number >> COUNTED, number & ((1 << COUNTED) - 1));
        // Each block of keys is as far from the others as the sources are.
        let source = self
            .key
            .bytes()
            .fold(block, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29));
        i64::try_from((source >> 1 >> COUNTED << COUNTED) | counted).unwrap_or(i64::MAX).max(1)
    }

    /// An email address that no other test of the run is given, on a domain that is nobody's.
    #[must_use]
    pub fn email(&self) -> String {
        let name: &str = self.fake(FirstName());
        let name: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        format!("{}@example.com", self.unique(&name))
    }

    /// 1, 2, 3, … for each name, in this test: for ids in a database of the test's own.
    #[must_use]
    pub fn sequence(&self, name: &str) -> u64 {
        let mut state = self.state();
        let number = state.sequences.entry(name.to_owned()).or_default();
        *number += 1;
        *number
    }

    /// A number from a range, both ends included.
    #[must_use]
    pub fn within(&self, range: RangeInclusive<u64>) -> u64 {
        self.state().random.within(range)
    }

    /// One of these; `None` if there are none.
    pub fn pick<'t, T>(&self, things: &'t [T]) -> Option<&'t T> {
        self.state().random.pick(things)
    }

    fn next_key(&self) -> u64 {
        let mut state = self.state();
        state.keys += 1;
        state.keys
    }

    /// It is held for one number, so that factories can call each other.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ten letters and digits: 51 bits.
fn key(random: &mut TestRng) -> String {
    random.word(10)
}

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

#[diagnostic::do_not_recommend]
impl Fixture for Data {
    type Scope = TestScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(
                FunctionKind::Async,
                const { &[Parameter::owned::<TestRng, TestScope>(), Parameter::shared::<TestInfo, TestScope>()] },
                |inputs| {
                    Box::pin(async move {
                        let [random, info] = inputs.slots();
                        Ok::<_, Error>(Box::new(Self::of(random.take(), info.shared())) as Box<dyn Any>)
                    })
                },
            )
        }
    }
}
