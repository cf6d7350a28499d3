//! Pulls images that the engine does not have.

use std::io::{self, Write};

use testcontainers::GenericImage;
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::core::client::ClientError;
use testcontainers::core::error::TestcontainersError;
use testcontainers::runners::AsyncRunner;

use itest_runtime::Error;

use super::engine::Engine;
use crate::failure::failed_to;

impl Engine {
    /// Pulls an image, `name:tag`, if the engine does not have it. `remedy` is what a user does to have another image.
    ///
    /// # Errors
    ///
    /// When the image cannot be pulled.
    pub(crate) async fn pull_if_missing(&self, image: &str, remedy: &str) -> Result<(), Error> {
        match self.docker().inspect_image(image).await {
            Ok(_) => return Ok(()),
            Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => {}
            Err(error) => return Err(failed_to(&format!("look for the image {image}"), &error)),
        }
        let advice = format!(
            "if that takes too long, run `docker pull {image}` before the tests, or set a longer --setup-timeout"
        );
        let _ = writeln!(io::stderr(), "pulling the image {image}, because the engine does not have it; {advice}");
        let (name, tag) = name_and_tag(image);
        let pulled = GenericImage::new(name, tag).pull_image().await;
        pulled.map(drop).map_err(|error| {
            let reason = match error {
                TestcontainersError::Client(ClientError::PullImage { err, .. }) => err.to_string(),
                error => error.to_string(),
            };
            Error::new(format!(
                "the image {image} cannot be pulled: {reason}; check its name ({remedy}) and the connection to its registry"
            ))
        })
    }
}

/// Name and tag of an image. Without a tag it is the latest one; the port of a registry is not a tag.
pub(super) fn name_and_tag(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_is_split_at_its_tag() {
        assert_eq!(name_and_tag("postgres:17-alpine"), ("postgres", "17-alpine"));
        assert_eq!(name_and_tag("registry.test:5000/team/postgres"), ("registry.test:5000/team/postgres", "latest"));
        assert_eq!(name_and_tag("registry.test:5000/postgres:17"), ("registry.test:5000/postgres", "17"));
        assert_eq!(name_and_tag("postgres@sha256:ab12"), ("postgres@sha256", "ab12"));
    }
}
