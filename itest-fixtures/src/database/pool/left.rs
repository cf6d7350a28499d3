//! What a worker leaves on a server if it does not end by itself.

use serde::{Deserialize, Serialize};

use itest_runtime::Error;

use crate::database::connect::close;
use crate::database::leases::{Home, LeaseTables, drop_all};

/// What a worker leaves on a server, as it stands in the ledger.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Left {
    pub(super) home: Home,
    pub(super) owner: u32,
}

impl Left {
    /// Drops all databases of the worker.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached, or a database cannot be dropped.
    pub(crate) async fn drop_all<D: LeaseTables>(self) -> Result<(), Error> {
        let mut connection = self.home.connect::<D>().await?;
        let dropped = drop_all::<D>(&self.home.address, &mut connection, self.owner).await;
        close::<D>(connection).await;
        dropped
    }
}
