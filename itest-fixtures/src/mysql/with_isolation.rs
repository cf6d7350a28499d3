//! Wrappers that give a schema another isolation.

use std::marker::PhantomData;

use sqlx::mysql::{MySqlConnectOptions, MySqlPool};
use sqlx_core::migrate::Migrator;

use itest_runtime::Error;

use super::isolation::Isolation;
use super::schema::Schema;
use crate::database::UrlFunctions;

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

                fn by_url() -> Option<UrlFunctions> {
                    S::by_url()
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
