//! A PostgreSQL server in a container.

use sqlx::Connection;

use itest_runtime::__private::variable;
use itest_runtime::{Error, Teardown};

use super::address::{Address, SUPERUSER};
use super::connection::connect;
use super::settings::{SEGMENTS, SETTINGS};
use crate::database::container::{Engine, MEMORY, Password, Recipe};
use crate::database::private;

/// The image, unless another one is named.
const IMAGE: &str = "postgres:17-alpine";

/// The variable that names another one.
const OTHER_IMAGE: &str = "ITEST_POSTGRES_IMAGE";

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
    let connections = private::connections().to_string();
    let settings = SETTINGS.into_iter().chain([("max_connections", connections.as_str())]);
    let settings = settings.flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
    Recipe {
        server: "postgres",
        image,
        variable: OTHER_IMAGE,
        port: 5432,
        environment: vec![
            ("POSTGRES_USER", SUPERUSER.to_owned()),
            ("PGDATA", format!("{MEMORY}/data")),
            ("POSTGRES_INITDB_ARGS", format!("--no-sync --encoding=UTF8 {SEGMENTS}")),
        ],
        secrets: vec!["POSTGRES_PASSWORD"],
        password,
        arguments: std::iter::once("postgres".to_owned()).chain(settings).collect(),
    }
}
