//! The databases that a worker leaves on a server if it does not end by itself.

use serde::{Deserialize, Serialize};

use itest_runtime::Error;

use crate::database::connect::close;
use crate::database::leases::{LeaseDatabase, LeaseTables, drop_all};

/// The ledger's entry for the databases of a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Leftovers {
    #[serde(rename = "home")]
    pub(super) lease_database: LeaseDatabase,
    pub(super) owner: u32,
}

impl Leftovers {
    /// Drops all databases of the worker.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached, or a database cannot be dropped.
    pub(crate) async fn drop_all<D: LeaseTables>(self) -> Result<(), Error> {
        let mut connection = self.lease_database.connect::<D>().await?;
        let dropped = drop_all::<D>(&self.lease_database.address, &mut connection, self.owner).await;
        close::<D>(connection).await;
        dropped
    }
}
