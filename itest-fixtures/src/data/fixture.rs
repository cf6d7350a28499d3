//! The fixture that generates a test's data.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fake::faker::name::en::FirstName;
use fake::{Dummy, Fake as _};

use itest_runtime::{TestInfo, TestRng};

use crate::itest::fixture;

/// Generates the data of one test. The generator is seeded by the run's seed and the test's name, so a failure repeats with the same data.
///
/// The test and its fixtures share one source through `&Data`, so that no value is used twice. A `Data` by value is a separate source with
/// other data.
///
/// # Examples
///
/// ```
/// use itest::prelude::*;
/// # #[derive(PartialEq)]
/// # enum Role { Admin, Member }
/// # struct NewUser { email: String, role: Role }
/// # impl Factory for NewUser {
/// #     fn make(data: &Data) -> Self { Self { email: data.email(), role: Role::Member } }
/// # }
///
/// #[integration_test]
/// fn admin_differs_from_other_users(data: &Data) {
///     let admin = data.make_with(|user: &mut NewUser| user.role = Role::Admin);
///     let others: Vec<NewUser> = data.many(3);
///     assert!(others.iter().all(|other| other.email != admin.email && other.role != Role::Admin));
/// }
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Data {
    /// The prefix of all keys of this source, which no other source has.
    key: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: TestRng,
    keys: u64,
    sequences: BTreeMap<String, u64>,
}

/// The low bits of a unique number count the keys of one source. The bits above them distinguish the sources.
const COUNTER_BITS: u32 = 16;

impl Data {
    /// A source with its own generator.
    #[must_use]
    pub fn new(mut random: TestRng) -> Self {
        let key = key(&mut random);
        Self { key, state: Mutex::new(State { random, keys: 0, sequences: BTreeMap::new() }) }
    }

    /// The source of a test. Another attempt or round has the same data with other unique keys.
    fn of(random: TestRng, info: &TestInfo) -> Self {
        let (attempt, round) = (info.attempt(), info.round());
        let keys = (attempt > 1 || round > 1).then(|| random.clone());
        let data = Self::new(random);
        let Some(mut keys) = keys else { return data };
        // Generators use small stream numbers, counted from 0, so a stream with the highest bit set is not used otherwise.
        let stream = keys.get_stream() ^ (u64::from(round) << 40) ^ (u64::from(attempt) << 20) ^ (1 << 63);
        keys.set_stream(stream);
        Self { key: key(&mut keys), ..data }
    }

    /// A value made by its factory.
    #[must_use]
    pub fn make<T: Factory>(&self) -> T {
        T::make(self)
    }

    /// A value with changes: `data.make_with(|user: &mut NewUser| user.role = Role::Admin)`.
    ///
    /// If the fields are visible, `NewUser { role: Role::Admin, ..data.make() }` is the same.
    #[must_use]
    pub fn make_with<T: Factory>(&self, change: impl FnOnce(&mut T)) -> T {
        let mut made = T::make(self);
        change(&mut made);
        made
    }

    /// This number of different values.
    #[must_use]
    pub fn many<T: Factory>(&self, count: usize) -> Vec<T> {
        (0..count).map(|_| T::make(self)).collect()
    }

    /// This number of values with changes. The closure gets the number of each value, counted from 0.
    #[must_use]
    pub fn many_with<T: Factory>(&self, count: usize, mut change: impl FnMut(usize, &mut T)) -> Vec<T> {
        let made = (0..count).map(|number| self.make_with(|made| change(number, made)));
        made.collect()
    }

    /// A realistic value from the crate [`fake`](super::fake): `let name: String = data.fake(Name());`.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a faker is created in the call, which reads better without `&`")]
    pub fn fake<F, T: Dummy<F>>(&self, faker: F) -> T {
        faker.fake_with_rng(&mut *self.state().random)
    }

    /// A text that is unique among all tests of the run and within this test: `stem-0k3zt81c0w-1`.
    ///
    /// It repeats with the run's seed. Another attempt of this test, and another round of the run, get other texts.
    #[must_use]
    pub fn unique(&self, stem: &str) -> String {
        let number = self.next_key();
        format!("{stem}-{}-{number}", self.key)
    }

    /// A number from 1 to 2^63 - 1 that is unique among all tests of the run and within this test.
    ///
    /// Among 10,000 tests, two get the same number with a probability of about 1 in 3 million.
    #[must_use]
    pub fn unique_number(&self) -> i64 {
        let number = self.next_key();
        let (block, counted) = (number >> COUNTER_BITS, number & ((1 << COUNTER_BITS) - 1));
        // Each block of 2^16 keys has its own high bits, like a source of its own.
        let source = self
            .key
            .bytes()
            .fold(block, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29));
        i64::try_from((source >> 1 >> COUNTER_BITS << COUNTER_BITS) | counted).unwrap_or(i64::MAX).max(1)
    }

    /// An email address that is unique among all tests of the run, on the reserved domain `example.com`.
    #[must_use]
    pub fn email(&self) -> String {
        let name: &str = self.fake(FirstName());
        let name: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        format!("{}@example.com", self.unique(&name))
    }

    /// The numbers 1, 2, 3, … for each name, counted within this test: for ids in a private database.
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

    /// A random element, or `None` if there are none.
    pub fn pick<'t, T>(&self, things: &'t [T]) -> Option<&'t T> {
        self.state().random.pick(things)
    }

    fn next_key(&self) -> u64 {
        let mut state = self.state();
        state.keys += 1;
        state.keys
    }

    /// The lock is released after each number, so that factories can call each other.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ten letters and digits, which are 51 random bits.
fn key(random: &mut TestRng) -> String {
    random.word(10)
}

/// Makes plain, valid values of a type. A test changes only the fields that matter to it.
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
    /// Makes a valid value. Related values are made with the same `data`.
    fn make(data: &Data) -> Self;
}

/// The source of a test's data.
#[fixture(crate = crate::itest)]
#[expect(clippy::unused_async, reason = "the harness runs a function that is not async on a thread that may block")]
async fn data(random: TestRng, info: &TestInfo) -> Data {
    Data::of(random, info)
}
