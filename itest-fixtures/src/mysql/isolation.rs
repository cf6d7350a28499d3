//! How tests are kept apart, for a whole suite or for one test.

use std::marker::PhantomData;

use sqlx::migrate::Migrator;
use sqlx::mysql::{MySqlConnectOptions, MySqlPool};

use itest_runtime::Error;

use super::Schema;

/// How tests are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// A worker keeps its database. After each test all rows and all next numbers are as they were; where that cannot be done,
    /// because the schema was changed or something was left behind, the next test has a new clone.
    Recycle,
    /// A new clone of the template for each test.
    Clone,
}

macro_rules! other_isolation {
    ($($(#[$documentation:meta])* $name:ident = $isolation:ident;)+) => {
        $(
            $(#[$documentation])*
            #[derive(Debug)]
            pub struct $name<S>(PhantomData<fn() -> S>);

            impl<S: Schema> Schema for $name<S> {
                const ISOLATION: Isolation = Isolation::$isolation;
                const CONNECTIONS: u32 = S::CONNECTIONS;

                fn migrator() -> &'static Migrator {
                    S::migrator()
                }

                fn identity() -> &'static str {
                    S::identity()
                }

                fn seed(pool: &MySqlPool) -> impl Future<Output = Result<(), Error>> {
                    S::seed(pool)
                }

                fn options(options: MySqlConnectOptions) -> MySqlConnectOptions {
                    S::options(options)
                }
            }
        )+
    };
}

other_isolation! {
    /// The same schema with [`Isolation::Recycle`]: `Mysql<Recycled<BankSchema>>`.
    Recycled = Recycle;
    /// The same schema with [`Isolation::Clone`]: `Mysql<Cloned<BankSchema>>`.
    Cloned = Clone;
}
