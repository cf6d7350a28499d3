//! A MariaDB or MySQL server in a container.

use sqlx::Connection;

use itest_runtime::__private::variable;
use itest_runtime::{Error, Teardown};

use super::address::Address;
use super::cluster::SETTINGS;
use super::connection::connect;
use crate::database::container::{Engine, MEMORY, Password, Recipe};
use crate::database::private;

/// The image, unless another one is named.
const IMAGE: &str = "mariadb:11";

/// The variable that names another one.
const OTHER_IMAGE: &str = "ITEST_MYSQL_IMAGE";

/// Starts a server in a container, and registers its end.
pub(super) async fn start(engine: Engine, teardown: &Teardown) -> Result<Address, Error> {
    let recipe = recipe(variable(OTHER_IMAGE).unwrap_or_else(|| IMAGE.to_owned()), Password::random()?);
    let answers = engine.start(&recipe, teardown, async |container| {
        let connection = connect(&Address::Container(container.clone()), None).await?;
        let _ = connection.close().await;
        Ok(())
    });
    answers.await.map(Address::Container)
}

fn recipe(image: String, password: Password) -> Recipe {
    // What is no program is for the server: the images of MariaDB and of MySQL start theirs.
    let own = [format!("--datadir={MEMORY}/data"), format!("--max-connections={}", private::connections())];
    let arguments = SETTINGS.map(str::to_owned).into_iter().chain(own);
    Recipe {
        server: "mysql",
        image,
        variable: OTHER_IMAGE,
        port: 3306,
        environment: Vec::new(),
        // The images of MariaDB know both.
        secrets: vec!["MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD"],
        password,
        arguments: arguments.collect(),
    }
}
